//! How items become what the domain knows, and the other way round.

use std::net::IpAddr;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::StoreError;
use domain::{
    AuthenticationMethod, Client, EmailAddress, EndReason, PasswordHash, PersonName, RoleName,
    Session, SessionEnd, SessionId, User, UserStatus, Username,
};

use crate::failure::malformed;
use crate::fields::{Fields, bytes, counter, moment, text, texts};
use crate::row::{Item, Row, known, parsed};
use crate::table::{KEPT_AFTER_EXPIRY, Kind, shard_of, user_list};
use crate::totp::{to_totp, totp_fields};

/// What a tombstone says instead of a user's status.
pub(crate) const ERASED: &str = "erased";

/// The attributes of a user that a replacement replaces.
pub(crate) fn user_fields(user: &User) -> Fields {
    Fields::default()
        .with("email", text(user.email.as_typed()))
        .with("email_key", text(user.email.key()))
        .with("is_email_verified", AttributeValue::Bool(user.is_email_verified))
        .maybe("username", user.username.as_ref().map(|name| text(name.as_str())))
        .maybe("name", user.name.as_ref().map(|name| text(name.as_str())))
        .with("roles", texts(user.roles.iter().map(RoleName::as_str)))
        .with("status", text(user.status.name()))
        .maybe("password_hash", user.password_hash.as_ref().map(|hash| text(hash.expose())))
        .with("session_epoch", counter(user.session_epoch))
        .with("version", counter(user.version))
        .and(totp_fields(user.totp.as_ref()))
}

/// All attributes of a new user.
pub(crate) fn new_user_fields(user: &User) -> Fields {
    let id = user.id.as_str();
    user_fields(user)
        .with("id", text(id))
        .with("created_at_ms", moment(user.created_at))
        .maybe("last_login_at_ms", user.last_login_at.map(moment))
        .listed(user_list(shard_of(id)), id)
}

/// Reads a user; nobody, where only a tombstone is left.
pub(crate) fn to_user(item: &Item) -> Result<Option<User>, StoreError> {
    let row = Row(item);
    let status = row.text("status")?;
    if status == ERASED {
        return Ok(None);
    }
    let role = |name| parsed("role", RoleName::parse(name));
    Ok(Some(User {
        id: row.user("id")?,
        email: parsed("e-mail address", EmailAddress::parse(row.text("email")?))?,
        is_email_verified: row.flag("is_email_verified")?,
        username: row
            .optional_text("username")?
            .map(|name| parsed("user name", Username::parse(name)))
            .transpose()?,
        name: row
            .optional_text("name")?
            .map(|name| parsed("name", PersonName::parse(name)))
            .transpose()?,
        roles: row.texts("roles")?.into_iter().map(role).collect::<Result<_, _>>()?,
        status: known("user status", UserStatus::parse(status))?,
        password_hash: row.optional_text("password_hash")?.map(PasswordHash::new),
        totp: to_totp(row)?,
        session_epoch: row.counter("session_epoch")?,
        version: row.counter("version")?,
        created_at: row.moment("created_at_ms")?,
        last_login_at: row.optional_moment("last_login_at_ms")?,
    }))
}

/// All attributes of a new session. Only moments that never change are in an index, so that a
/// rotation touches none.
pub(crate) fn session_fields(session: &Session) -> Fields {
    let id = session.id.to_string();
    Fields::default()
        .due(Kind::Session, &id, session.expires_at)
        .expiring(session.expires_at, KEPT_AFTER_EXPIRY)
        .with("id", text(id))
        .with("user", text(session.user_id.as_str()))
        .with("epoch", counter(session.epoch))
        .with("generation", counter(session.generation))
        .with("forgiven_generation", counter(session.forgiven_generation))
        .with("rotated_at_ms", moment(session.rotated_at))
        .maybe("rotated_by", session.rotated_by.as_deref().map(text))
        .with("sealed_refresh_key", bytes(&session.sealed_refresh_key))
        .with("methods", method_names(&session.methods))
        .with("authenticated_at_ms", moment(session.authenticated_at))
        .and(client_fields(&session.client))
        .with("created_at_ms", moment(session.created_at))
        .with("last_used_at_ms", moment(session.last_used_at))
        .with("idle_expires_at_ms", moment(session.idle_expires_at))
        .maybe("ended_at_ms", session.end.map(|end| moment(end.at)))
        .maybe("end_reason", session.end.map(|end| text(end.reason.name())))
}

/// Reads a session.
pub(crate) fn to_session(item: &Item) -> Result<Session, StoreError> {
    let row = Row(item);
    Ok(Session {
        id: to_session_id(row.text("id")?)?,
        user_id: row.user("user")?,
        epoch: row.counter("epoch")?,
        generation: row.counter("generation")?,
        forgiven_generation: row.counter("forgiven_generation")?,
        rotated_at: row.moment("rotated_at_ms")?,
        rotated_by: row.optional_text("rotated_by")?.map(Into::into),
        sealed_refresh_key: row.bytes("sealed_refresh_key")?,
        methods: to_methods(row)?,
        authenticated_at: row.moment("authenticated_at_ms")?,
        client: to_client(row)?,
        created_at: row.moment("created_at_ms")?,
        last_used_at: row.moment("last_used_at_ms")?,
        idle_expires_at: row.moment("idle_expires_at_ms")?,
        expires_at: row.moment("expires_at_ms")?,
        end: to_end(row)?,
    })
}

fn to_end(row: Row<'_>) -> Result<Option<SessionEnd>, StoreError> {
    match (row.optional_moment("ended_at_ms")?, row.optional_text("end_reason")?) {
        (Some(at), Some(name)) => {
            Ok(Some(SessionEnd { at, reason: known("end reason", EndReason::parse(name))? }))
        }
        (None, None) => Ok(None),
        _ => Err(malformed("session end", "half an end")),
    }
}

/// Reads a session's id.
pub(crate) fn to_session_id(text: &str) -> Result<SessionId, StoreError> {
    parsed("session id", SessionId::parse(text))
}

/// The authentication methods as one attribute.
pub(crate) fn method_names(methods: &[AuthenticationMethod]) -> AttributeValue {
    texts(methods.iter().map(|method| method.name()))
}

/// Reads them.
pub(crate) fn to_methods(row: Row<'_>) -> Result<Vec<AuthenticationMethod>, StoreError> {
    let method = |name| known("authentication method", AuthenticationMethod::parse(name));
    row.texts("methods")?.into_iter().map(method).collect()
}

/// The attributes of a client.
pub(crate) fn client_fields(client: &Client) -> Fields {
    Fields::default()
        .maybe("address", client.address.map(|address| text(address.to_string())))
        .maybe("user_agent", client.user_agent.as_deref().map(text))
}

/// Reads a client.
pub(crate) fn to_client(row: Row<'_>) -> Result<Client, StoreError> {
    let address = row.optional_text("address")?;
    let address = address.map(|text| parsed("client address", text.parse::<IpAddr>()));
    let user_agent = row.optional_text("user_agent")?.map(Into::into);
    Ok(Client { address: address.transpose()?, user_agent })
}
