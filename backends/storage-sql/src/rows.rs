//! How rows become what the domain knows, and the other way round where that takes more than a
//! parameter.

use std::error::Error;
use std::net::IpAddr;

use contracts::{SealedKey, StoreError};
use domain::{
    Account, AuthenticationMethod, Client, EmailAddress, EndReason, PasswordHash, Permission,
    PersonName, RoleName, Session, SessionEnd, SessionId, User, UserId, UserStatus, Username,
};

use crate::factors::{FACTOR_COLUMNS, to_factor};
use crate::statement::RowReader;

/// The columns of a user, in the order that [`to_user`] reads them.
macro_rules! user_columns {
    () => {
        concat!(
            "u.id, u.email, u.email_verified, u.username, u.name, u.status, u.password_hash,
             u.session_epoch, u.version, u.created_at_ms, u.last_login_at_ms, ",
            $crate::factors::factor_columns!("u.")
        )
    };
}
pub(crate) use user_columns;

/// How many columns [`user_columns`] names.
pub(crate) const USER_COLUMNS: usize = 11 + FACTOR_COLUMNS;

/// The columns of a session, in the order that [`to_session`] reads them.
macro_rules! session_columns {
    () => {
        "s.id, s.user_id, s.epoch, s.generation, s.forgiven_generation, s.rotated_at_ms,
         s.rotated_by, s.sealed_refresh_key, s.methods, s.authenticated_at_ms, s.address,
         s.user_agent, s.created_at_ms, s.last_used_at_ms, s.idle_expires_at_ms, s.expires_at_ms,
         s.ended_at_ms, s.end_reason"
    };
}
pub(crate) use session_columns;

/// How many columns [`session_columns`] names.
pub(crate) const SESSION_COLUMNS: usize = 18;

/// Turns what a parser of the domain says of a stored value into a failure of the store.
pub(crate) fn parsed<T, E>(what: &'static str, result: Result<T, E>) -> Result<T, StoreError>
where
    E: Error + Send + Sync + 'static,
{
    result.map_err(|source| StoreError::Malformed { what, source: source.into() })
}

/// Turns a name that the domain does not know into a failure of the store.
pub(crate) fn known<T>(what: &'static str, value: Option<T>) -> Result<T, StoreError> {
    value.ok_or_else(|| StoreError::Malformed { what, source: "an unknown name".into() })
}

/// Reads a user without roles.
pub(crate) fn to_user(row: &mut RowReader<'_>) -> Result<User, StoreError> {
    Ok(User {
        id: parsed("user id", UserId::parse(row.text("user id")?))?,
        email: parsed("e-mail address", EmailAddress::parse(row.text("e-mail address")?))?,
        is_email_verified: row.integer("e-mail verification")? != 0,
        username: row
            .optional_text("user name")?
            .map(|text| parsed("user name", Username::parse(text)))
            .transpose()?,
        name: row
            .optional_text("name")?
            .map(|text| parsed("name", PersonName::parse(text)))
            .transpose()?,
        roles: std::collections::BTreeSet::new(),
        status: known("user status", UserStatus::parse(row.text("user status")?))?,
        password_hash: row.optional_text("password hash")?.map(PasswordHash::new),
        session_epoch: row.counter("session epoch")?,
        version: row.counter("user version")?,
        created_at: row.moment("creation time")?,
        last_login_at: row.optional_moment("sign-in time")?,
        totp: to_factor(row)?,
    })
}

/// Reads a role's name, where the row has one.
pub(crate) fn to_role(row: &mut RowReader<'_>) -> Result<Option<RoleName>, StoreError> {
    row.optional_text("role")?.map(|text| parsed("role", RoleName::parse(text))).transpose()
}

/// Reads a permission, where the row has one.
fn to_permission(row: &mut RowReader<'_>) -> Result<Option<Permission>, StoreError> {
    row.optional_text("permission")?
        .map(|text| parsed("permission", Permission::parse(text)))
        .transpose()
}

/// Adds the role and the permission at columns `first` and the next to the account.
pub(crate) fn add_grant(
    account: &mut Account,
    row: &mut RowReader<'_>,
    first: usize,
) -> Result<(), StoreError> {
    row.skip_to(first);
    account.user.roles.extend(to_role(row)?);
    account.permissions.extend(to_permission(row)?);
    Ok(())
}

/// Reads a session.
pub(crate) fn to_session(row: &mut RowReader<'_>) -> Result<Session, StoreError> {
    Ok(Session {
        id: to_session_id(row.text("session id")?)?,
        user_id: parsed("user id", UserId::parse(row.text("user id")?))?,
        epoch: row.counter("session epoch")?,
        generation: row.counter("generation")?,
        forgiven_generation: row.counter("forgiven generation")?,
        rotated_at: row.moment("rotation time")?,
        rotated_by: row.optional_text("rotating user agent")?.map(Into::into),
        sealed_refresh_key: row.bytes("refresh key")?,
        methods: to_methods(row)?,
        authenticated_at: row.moment("authentication time")?,
        client: to_client(row)?,
        created_at: row.moment("creation time")?,
        last_used_at: row.moment("use time")?,
        idle_expires_at: row.moment("idle expiry")?,
        expires_at: row.moment("expiry")?,
        end: to_end(row)?,
    })
}

/// Reads the key of a session.
pub(crate) fn to_sealed_key(row: &mut RowReader<'_>) -> Result<SealedKey, StoreError> {
    Ok(SealedKey {
        session: to_session_id(row.text("session id")?)?,
        user: parsed("user id", UserId::parse(row.text("user id")?))?,
        expires_at: row.moment("expiry")?,
        sealed_refresh_key: row.bytes("refresh key")?,
    })
}

fn to_end(row: &mut RowReader<'_>) -> Result<Option<SessionEnd>, StoreError> {
    let at = row.optional_moment("end time")?;
    let reason = row.optional_text("end reason")?;
    match (at, reason) {
        (Some(at), Some(name)) => {
            Ok(Some(SessionEnd { at, reason: known("end reason", EndReason::parse(name))? }))
        }
        (None, None) => Ok(None),
        _ => Err(StoreError::Malformed { what: "session end", source: "half an end".into() }),
    }
}

/// Reads a session's id.
pub(crate) fn to_session_id(text: &str) -> Result<SessionId, StoreError> {
    parsed("session id", SessionId::parse(text))
}

/// Reads a client: its address and what it calls itself.
pub(crate) fn to_client(row: &mut RowReader<'_>) -> Result<Client, StoreError> {
    let address = row
        .optional_text("client address")?
        .map(|text| parsed("client address", text.parse::<IpAddr>()))
        .transpose()?;
    Ok(Client { address, user_agent: row.optional_text("user agent")?.map(Into::into) })
}

/// Reads authentication methods.
pub(crate) fn to_methods(row: &mut RowReader<'_>) -> Result<Vec<AuthenticationMethod>, StoreError> {
    row.text("authentication methods")?
        .split_whitespace()
        .map(|name| known("authentication method", AuthenticationMethod::parse(name)))
        .collect()
}

/// The authentication methods as one column.
pub(crate) fn methods_text(methods: &[AuthenticationMethod]) -> String {
    methods.iter().map(|method| method.name()).collect::<Vec<_>>().join(" ")
}
