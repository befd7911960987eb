//! Users and roles as documents.

use std::collections::BTreeSet;

use contracts::{EraseUser, StoreError};
use domain::{
    Account, BackupCodeMac, EmailAddress, EnabledTotp, PasswordHash, Permission, PersonName,
    RoleName, TotpFactor, User, UserId, UserStatus, Username,
};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Bson, Document, doc};

use crate::documents::{Fields, binary, counter, known, malformed, parsed, put_some};

/// Of users who are there: a tombstone has no version, epoch, status, address, name or password, so
/// no filter on one of these finds it.
pub(crate) const ERASED_AT: &str = "erased_at";

/// A field of a sparse index with a value. DocumentDB uses such an index only where the filter says
/// that the field exists.
pub(crate) fn sparse(value: &str) -> Bson {
    Bson::Document(doc! { "$eq": value, "$exists": true })
}

/// A new user.
pub(crate) fn user_document(user: &User, operation: ObjectId) -> Document {
    let mut document = doc! {
        "_id": user.id.as_str(),
        "created_at": user.created_at.unix_ms(),
    };
    document.extend(changing_fields(user, operation));
    for (name, value) in optional_fields(user) {
        put_some(&mut document, name, value);
    }
    put_some(&mut document, "last_login_at", user.last_login_at.map(domain::Timestamp::unix_ms));
    document
}

/// The change that makes the record that user, the time of the last sign-in apart.
pub(crate) fn user_change(user: &User, operation: ObjectId) -> Document {
    let mut present = changing_fields(user, operation);
    let mut absent = Document::new();
    for (name, value) in optional_fields(user) {
        match value {
            Some(value) => present.insert(name, value),
            None => absent.insert(name, ""),
        };
    }
    let mut change = doc! { "$set": present };
    if !absent.is_empty() {
        change.insert("$unset", absent);
    }
    change
}

/// What is left of a user: nothing of the person.
pub(crate) fn tombstone(erasure: &EraseUser, operation: ObjectId) -> Document {
    doc! {
        "_id": erasure.user.as_str(),
        ERASED_AT: erasure.at.unix_ms(),
        "erased_epoch": counter(erasure.epoch),
        "operation": operation,
    }
}

fn changing_fields(user: &User, operation: ObjectId) -> Document {
    let roles: Vec<&str> = user.roles.iter().map(RoleName::as_str).collect();
    doc! {
        "email": user.email.as_typed(),
        "email_key": user.email.key(),
        "email_verified": user.is_email_verified,
        "roles": roles,
        "status": user.status.name(),
        "session_epoch": counter(user.session_epoch),
        "version": counter(user.version),
        "operation": operation,
    }
}

fn optional_fields(user: &User) -> [(&'static str, Option<Bson>); 4] {
    [
        ("username", user.username.as_ref().map(|name| name.as_str().into())),
        ("name", user.name.as_ref().map(|name| name.as_str().into())),
        ("password_hash", user.password_hash.as_ref().map(|hash| hash.expose().into())),
        ("totp", user.totp.as_ref().map(|factor| totp_document(factor).into())),
    ]
}

/// One field of the user, so that there is all of a factor or nothing.
fn totp_document(factor: &TotpFactor) -> Document {
    let mut document = doc! {
        "sealed_secret": binary(&factor.sealed_secret),
        "begun_at": factor.begun_at.unix_ms(),
    };
    let enabled = factor.enabled.as_ref().map(|enabled| {
        let backup_codes: Vec<u8> = enabled.backup_codes.iter().flat_map(|code| code.0).collect();
        doc! {
            "at": enabled.at.unix_ms(),
            "last_step": counter(enabled.last_step),
            "backup_codes": binary(&backup_codes),
        }
    });
    put_some(&mut document, "enabled", enabled);
    document
}

fn to_totp(fields: &Fields<'_>) -> Result<TotpFactor, StoreError> {
    Ok(TotpFactor {
        sealed_secret: fields.bytes("sealed_secret")?.into(),
        begun_at: fields.moment("begun_at")?,
        enabled: fields
            .optional_fields("enabled")?
            .map(|enabled| to_enabled_totp(&enabled))
            .transpose()?,
    })
}

fn to_enabled_totp(fields: &Fields<'_>) -> Result<EnabledTotp, StoreError> {
    let (backup_codes, rest) = fields.bytes("backup_codes")?.as_chunks();
    if !rest.is_empty() {
        return Err(malformed("backup codes", "half a code"));
    }
    Ok(EnabledTotp {
        at: fields.moment("at")?,
        last_step: fields.counter("last_step")?,
        backup_codes: backup_codes.iter().copied().map(BackupCodeMac).collect(),
    })
}

/// Reads a user.
pub(crate) fn to_user(document: &Document) -> Result<User, StoreError> {
    let fields = Fields(document);
    let roles = fields.texts("roles")?;
    Ok(User {
        id: parsed("user id", UserId::parse(fields.text("_id")?))?,
        email: parsed("e-mail address", EmailAddress::parse(fields.text("email")?))?,
        is_email_verified: fields.boolean("email_verified")?,
        username: fields
            .optional_text("username")?
            .map(|text| parsed("user name", Username::parse(text)))
            .transpose()?,
        name: fields
            .optional_text("name")?
            .map(|text| parsed("name", PersonName::parse(text)))
            .transpose()?,
        roles: roles
            .into_iter()
            .map(|role| parsed("role", RoleName::parse(role)))
            .collect::<Result<_, _>>()?,
        status: known("user status", UserStatus::parse(fields.text("status")?))?,
        password_hash: fields.optional_text("password_hash")?.map(PasswordHash::new),
        totp: fields.optional_fields("totp")?.map(|factor| to_totp(&factor)).transpose()?,
        session_epoch: fields.counter("session_epoch")?,
        version: fields.counter("version")?,
        created_at: fields.moment("created_at")?,
        last_login_at: fields.optional_moment("last_login_at")?,
    })
}

/// Reads a user with what the roles allow, unless only a tombstone is there.
pub(crate) fn to_account(
    document: Option<&Document>,
    roles: &[Document],
) -> Result<Option<Account>, StoreError> {
    let Some(document) = document.filter(|document| !document.contains_key(ERASED_AT)) else {
        return Ok(None);
    };
    let user = to_user(document)?;
    let mut permissions = BTreeSet::new();
    for role in roles {
        let role = Fields(role);
        if user.roles.iter().any(|held| role.text("_id").is_ok_and(|name| name == held.as_str())) {
            for permission in role.texts("permissions")? {
                permissions.insert(parsed("permission", Permission::parse(permission))?);
            }
        }
    }
    Ok(Some(Account { user, permissions }))
}
