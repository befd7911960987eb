use std::collections::BTreeSet;
use std::time::Duration;

use domain::{Client, PasswordPolicy, RequestId, RoleName};
use doorward_claims::Algorithm;
use secrecy::SecretSlice;

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
    /// Whether strangers may sign up.
    pub is_registration_open: bool,
    /// What they may do then.
    pub default_roles: BTreeSet<RoleName>,
    /// What signs tokens.
    pub keys: KeyPolicy,
}

/// What signs tokens, and for how long a displaced key verifies.
#[derive(Clone, Debug)]
pub struct KeyPolicy {
    /// The algorithm of new tokens.
    pub algorithm: Algorithm,
    /// HS256 secrets, as given: all verify, the first signs where the algorithm is HS256.
    pub shared_secrets: Vec<SecretSlice<u8>>,
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
