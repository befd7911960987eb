//! Sessions and devices as documents.

use std::net::IpAddr;

use contracts::{KnownDevice, SealedKey, StoreError};
use domain::{
    AuthenticationMethod, Client, DeviceDigest, EndReason, Session, SessionEnd, SessionId, UserId,
};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

use crate::documents::{Fields, binary, counter, known, malformed, parsed, put_some};

/// A session that has not ended.
pub(crate) fn session_document(session: &Session, operation: ObjectId) -> Document {
    let mut document = doc! {
        "_id": session.id.to_string(),
        "user_id": session.user_id.as_str(),
        "epoch": counter(session.epoch),
        "generation": counter(session.generation),
        "forgiven_generation": counter(session.forgiven_generation),
        "rotated_at": session.rotated_at.unix_ms(),
        "sealed_refresh_key": binary(&session.sealed_refresh_key),
        "methods": method_names(&session.methods),
        "authenticated_at": session.authenticated_at.unix_ms(),
        "created_at": session.created_at.unix_ms(),
        "last_used_at": session.last_used_at.unix_ms(),
        "idle_expires_at": session.idle_expires_at.unix_ms(),
        "expires_at": session.expires_at.unix_ms(),
        "operation": operation,
    };
    put_some(&mut document, "rotated_by", session.rotated_by.as_deref());
    put_client(&mut document, &session.client);
    document
}

/// Adds the fields of a client.
pub(crate) fn put_client(document: &mut Document, client: &Client) {
    put_some(document, "address", client.address.map(|address| address.to_string()));
    put_some(document, "user_agent", client.user_agent.as_deref());
}

/// The authentication methods as a field.
pub(crate) fn method_names(methods: &[AuthenticationMethod]) -> Vec<&'static str> {
    methods.iter().map(|method| method.name()).collect()
}

/// Reads a session.
pub(crate) fn to_session(document: &Document) -> Result<Session, StoreError> {
    let fields = Fields(document);
    Ok(Session {
        id: parsed("session id", SessionId::parse(fields.text("_id")?))?,
        user_id: fields.user("user_id")?,
        epoch: fields.counter("epoch")?,
        generation: fields.counter("generation")?,
        forgiven_generation: fields.counter("forgiven_generation")?,
        rotated_at: fields.moment("rotated_at")?,
        rotated_by: fields.optional_text("rotated_by")?.map(Into::into),
        sealed_refresh_key: fields.bytes("sealed_refresh_key")?.into(),
        methods: to_methods(&fields)?,
        authenticated_at: fields.moment("authenticated_at")?,
        client: to_client(&fields)?,
        created_at: fields.moment("created_at")?,
        last_used_at: fields.moment("last_used_at")?,
        idle_expires_at: fields.moment("idle_expires_at")?,
        expires_at: fields.moment("expires_at")?,
        end: to_end(&fields)?,
    })
}

/// Reads authentication methods.
pub(crate) fn to_methods(fields: &Fields<'_>) -> Result<Vec<AuthenticationMethod>, StoreError> {
    let names = fields.texts("methods")?.into_iter();
    names.map(|name| known("authentication method", AuthenticationMethod::parse(name))).collect()
}

/// Reads a client.
pub(crate) fn to_client(fields: &Fields<'_>) -> Result<Client, StoreError> {
    let address = fields.optional_text("address")?;
    Ok(Client {
        address: address
            .map(|text| parsed("client address", text.parse::<IpAddr>()))
            .transpose()?,
        user_agent: fields.optional_text("user_agent")?.map(Into::into),
    })
}

/// Reads the key of a session.
pub(crate) fn to_sealed_key(document: &Document) -> Result<SealedKey, StoreError> {
    let fields = Fields(document);
    Ok(SealedKey {
        user: fields.user("user_id")?,
        session: parsed("session id", SessionId::parse(fields.text("_id")?))?,
        expires_at: fields.moment("expires_at")?,
        sealed_refresh_key: fields.bytes("sealed_refresh_key")?.into(),
    })
}

fn to_end(fields: &Fields<'_>) -> Result<Option<SessionEnd>, StoreError> {
    match (fields.optional_moment("ended_at")?, fields.optional_text("end_reason")?) {
        (Some(at), Some(name)) => {
            Ok(Some(SessionEnd { at, reason: known("end reason", EndReason::parse(name))? }))
        }
        (None, None) => Ok(None),
        _ => Err(malformed("session end", "half an end")),
    }
}

/// The key of a device: the digest first, because it is of one length.
pub(crate) fn device_key(user: &UserId, digest: DeviceDigest) -> String {
    let digest = u128::from_be_bytes(digest.0);
    format!("{digest:032x}/{user}")
}

/// A device of a user.
pub(crate) fn device_document(user: &UserId, device: &KnownDevice) -> Document {
    doc! {
        "_id": device_key(user, device.digest),
        "user_id": user.as_str(),
        "expires_at": device.expires_at.unix_ms(),
    }
}
