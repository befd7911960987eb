use async_trait::async_trait;
use contracts::{CodePut, OneTimeCodeStore, PutCode, SpendCode, StoreError};
use domain::{ChallengeId, CodeKind, EmailAddress, OneTimeCode, Timestamp, UserId};
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};

use crate::MongoStorage;
use crate::attempts::in_time;
use crate::changes::Change;
use crate::collections::CODES;
use crate::documents::{Fields, binary, known, parsed, put_some};
use crate::notices::insert_notices;
use crate::operation::{Guard, Operation, Step, Written};
use crate::outcomes::unexpected;
use crate::users::TRIES_MAX;

#[async_trait]
impl OneTimeCodeStore for MongoStorage {
    async fn put_code(&self, put: &PutCode) -> Result<CodePut, StoreError> {
        let key = key(&put.code.user, put.code.kind);
        let young = doc! {
            "_id": &key,
            "created_at": { "$gt": put.unless_made_after.unix_ms() },
        };
        in_time(async {
            for _ in 0..TRIES_MAX {
                let written = self.write(operation(put, &key)).await?;
                match written {
                    Written::Done => return Ok(CodePut::Yes),
                    Written::Unmet(_) => return Err(unexpected(written)),
                    Written::Duplicate => {}
                }
                if let Some(standing) = self.find_one(CODES, young.clone()).await? {
                    return Ok(CodePut::TooSoon(to_code(&standing)?.challenge));
                }
            }
            Err(unexpected(Written::Duplicate))
        })
        .await
    }

    async fn find_code(
        &self,
        user: &UserId,
        kind: CodeKind,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        let filter = doc! { "_id": key(user, kind), "expires_at": { "$gt": now.unix_ms() } };
        self.find_one(CODES, filter).await?.as_ref().map(to_code).transpose()
    }

    async fn advance_tries(
        &self,
        challenge: ChallengeId,
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<OneTimeCode>, StoreError> {
        let mut change = Change::new(CODES, doc! { "challenge": challenge.to_string() });
        change.guards = doc! {
            "tries": { "$lt": i64::from(tries_max) },
            "short_code_expires_at": { "$gt": now.unix_ms() },
        };
        change.adds = Some(("tries", 1));
        let found = self.change(&change).await?;
        found.as_ref().map(to_code).transpose()
    }
}

fn operation(put: &PutCode, key: &str) -> Operation {
    let mut operation = Operation::traced(CODES, key);
    let filter = doc! { "_id": key, "created_at": { "$lte": put.unless_made_after.unix_ms() } };
    let document = code_document(&put.code, operation.id);
    operation.push(Step::Put { into: CODES, filter, document });
    operation.extend(insert_notices(&put.notices));
    operation
}

/// The step that puts a code in the place of any older one, as part of an operation.
pub(crate) fn put_code(code: &OneTimeCode, operation: ObjectId) -> Step {
    let filter = doc! { "_id": key(&code.user, code.kind) };
    Step::Put { into: CODES, filter, document: code_document(code, operation) }
}

/// The step that takes a code along, as the guard of an operation.
pub(crate) fn spend_code(spent: &SpendCode) -> Step {
    Step::Delete {
        from: CODES,
        filter: doc! {
            "_id": key(&spent.user, spent.kind),
            "secret_digest": binary(&spent.secret_digest),
            "expires_at": { "$gt": spent.now.unix_ms() },
        },
        guard: Some(Guard::Code),
    }
}

/// The step that removes all codes of a user, as part of an operation.
pub(crate) fn delete_codes(user: &UserId) -> Step {
    Step::Delete { from: CODES, filter: doc! { "user_id": user.as_str() }, guard: None }
}

/// No kind has a slash.
fn key(user: &UserId, kind: CodeKind) -> String {
    format!("{}/{user}", kind.name())
}

fn code_document(code: &OneTimeCode, operation: ObjectId) -> Document {
    let mut document = doc! {
        "_id": key(&code.user, code.kind),
        "user_id": code.user.as_str(),
        "kind": code.kind.name(),
        "challenge": code.challenge.to_string(),
        "secret_digest": binary(&code.secret_digest),
        "short_code_mac": binary(&code.short_code_mac),
        "tries": i64::from(code.tries),
        "created_at": code.created_at.unix_ms(),
        "short_code_expires_at": code.short_code_expires_at.unix_ms(),
        "expires_at": code.expires_at.unix_ms(),
        "operation": operation,
    };
    put_some(&mut document, "email", code.email.as_ref().map(EmailAddress::as_typed));
    document
}

fn to_code(document: &Document) -> Result<OneTimeCode, StoreError> {
    let fields = Fields(document);
    Ok(OneTimeCode {
        user: fields.user("user_id")?,
        kind: known("kind of a code", CodeKind::parse(fields.text("kind")?))?,
        challenge: parsed("challenge", ChallengeId::parse(fields.text("challenge")?))?,
        secret_digest: fields.array("secret_digest")?,
        short_code_mac: fields.array("short_code_mac")?,
        tries: fields.small_counter("tries")?,
        email: fields
            .optional_text("email")?
            .map(|text| parsed("address of a code", EmailAddress::parse(text)))
            .transpose()?,
        created_at: fields.moment("created_at")?,
        short_code_expires_at: fields.moment("short_code_expires_at")?,
        expires_at: fields.moment("expires_at")?,
    })
}
