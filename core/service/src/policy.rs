use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Client, PasswordPolicy, RequestId, RoleName};

use crate::limits::LimitPolicy;

/// The rules that an operator sets.
#[derive(Clone, Debug)]
pub struct Policy {
    /// The issuer's URL: no trailing slash, never taken from a request.
    pub issuer: String,
    /// Whom tokens are for; at least one.
    pub audiences: Vec<String>,
    /// Which role counts first.
    pub role_order: Vec<RoleName>,
    /// How long an access token lives.
    pub access_ttl: Duration,
    /// How long a refresh token lives unused.
    pub refresh_ttl: Duration,
    /// How long a session lives whatever happens.
    pub session_ttl_max: Duration,
    /// How long a replaced refresh token is answered as if it were the newest.
    pub refresh_leeway: Duration,
    /// What passwords must be.
    pub password: PasswordPolicy,
    /// How strangers sign up.
    pub registration: RegistrationPolicy,
    /// How long mails prove a mailbox.
    pub codes: CodePolicy,
    /// Second factors.
    pub mfa: MfaPolicy,
    /// How often things may be done.
    pub limits: LimitPolicy,
    /// What links in mails begin with: the public URL and the base path, no trailing slash.
    pub links_base: String,
    /// When keys do what.
    pub keys: KeyPolicy,
}

/// How strangers sign up.
#[derive(Clone, Debug)]
pub struct RegistrationPolicy {
    /// Whether they may.
    pub is_open: bool,
    /// What they may do then.
    pub default_roles: BTreeSet<RoleName>,
    /// Whether they have to prove their address.
    pub verify_email: VerifyEmail,
    /// Whether they learn that an address is taken. If not, `verify_email` must be
    /// [`VerifyEmail::Required`]: else signing in would tell.
    pub reveals_existing: bool,
}

/// Whether people have to prove their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum VerifyEmail {
    /// Nobody is asked to.
    Off,
    /// They are asked to, and may sign in before.
    Optional,
    /// They may sign in only after.
    Required,
}

/// How long mails prove a mailbox.
#[derive(Clone, Copy, Debug)]
pub struct CodePolicy {
    /// How long the link works that verifies an address.
    pub verify_ttl: Duration,
    /// How long the link works that sets a new password.
    pub reset_ttl: Duration,
}

/// Who needs a second factor, and where it is not asked for.
#[derive(Clone, Debug)]
pub struct MfaPolicy {
    /// What authenticator apps show beside the account; no colon in it.
    pub issuer: String,
    /// Whoever has one of these roles must set up a second factor.
    pub required_roles: BTreeSet<RoleName>,
    /// How long a trusted device needs none; none if there are no trusted devices.
    pub trusted_device_ttl: Option<Duration>,
}

/// When keys do what.
#[derive(Clone, Copy, Debug)]
pub struct KeyPolicy {
    /// How long a key of our own signs.
    pub rotation_interval: Duration,
    /// How long a key is published before it signs: longer than verifiers keep what they have read.
    pub publish_ahead: Duration,
    /// How long a shared secret verifies before it signs: longer than verifiers take to read it.
    pub shared_publish_ahead: Duration,
    /// How long a displaced key verifies: longer than an access token lives.
    pub grace: Duration,
}

/// Where a request came from, for records, events and logs.
#[derive(Clone, Debug)]
pub struct Origin {
    /// Ties what it caused together; absent for the command line.
    pub request_id: Option<RequestId>,
    /// The client.
    pub client: Client,
}
