use async_trait::async_trait;
use contracts::{PendingSignInStore, StoreError};
use domain::{PendingSignIn, PendingStep, Timestamp, UserId};
use mongodb::bson::{Document, doc};
use tokio::time::Instant;

use crate::MongoStorage;
use crate::attempts::in_time_since;
use crate::changes::Change;
use crate::collections::PENDING_SIGN_INS;
use crate::documents::{Fields, counter, known};
use crate::operation::{Operation, Step, Written};
use crate::outcomes::unexpected;
use crate::session_documents::{method_names, to_methods};

/// Of sign-ins that somebody has taken, until they are removed: to everybody else they are gone.
const TAKEN: &str = "taken";

#[async_trait]
impl PendingSignInStore for MongoStorage {
    async fn insert_pending_sign_in(&self, pending: &PendingSignIn) -> Result<(), StoreError> {
        let key = key(&pending.user, &pending.secret_digest);
        let mut operation = Operation::traced(PENDING_SIGN_INS, key.as_str());
        let document = doc! {
            "_id": key,
            "user_id": pending.user.as_str(),
            "epoch": counter(pending.epoch),
            "step": pending.step.name(),
            "methods": method_names(&pending.methods),
            "tries": i64::from(pending.tries),
            "created_at": pending.created_at.unix_ms(),
            "expires_at": pending.expires_at.unix_ms(),
            "operation": operation.id,
        };
        operation.push(Step::Insert { into: PENDING_SIGN_INS, documents: vec![document] });
        match self.write(operation).await? {
            Written::Done => Ok(()),
            refused => Err(unexpected(refused)),
        }
    }

    async fn find_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let mut filter = doc! { "_id": key(user, &secret_digest) };
        filter.extend(usable(now));
        let found = self.find_one(PENDING_SIGN_INS, filter).await?;
        found.map(|found| to_pending(&found, secret_digest)).transpose()
    }

    async fn advance_pending_tries(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        tries_max: u32,
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let mut change = Change::new(PENDING_SIGN_INS, doc! { "_id": key(user, &secret_digest) });
        change.guards = usable(now);
        change.guards.insert("tries", doc! { "$lt": i64::from(tries_max) });
        change.adds = Some(("tries", 1));
        let found = self.change(&change).await?;
        found.map(|found| to_pending(&found, secret_digest)).transpose()
    }

    async fn take_pending_sign_in(
        &self,
        user: &UserId,
        secret_digest: [u8; 32],
        now: Timestamp,
    ) -> Result<Option<PendingSignIn>, StoreError> {
        let (began, key) = (Instant::now(), doc! { "_id": key(user, &secret_digest) });
        let mut change = Change::new(PENDING_SIGN_INS, key.clone());
        change.guards = usable(now);
        change.sets = doc! { TAKEN: true };
        // Not removed at once: if that answer were lost, nobody could say who had removed it.
        let Some(taken) = self.change(&change).await? else { return Ok(None) };
        if let Err(error) = in_time_since(began, self.delete(PENDING_SIGN_INS, key)).await {
            let cause = contracts::chain(&error);
            tracing::warn!(cause, "a sign-in that was taken is left to the sweep");
        }
        to_pending(&taken, secret_digest).map(Some)
    }
}

fn usable(now: Timestamp) -> Document {
    doc! { "expires_at": { "$gt": now.unix_ms() }, TAKEN: { "$exists": false } }
}

/// The digest first, because it is of one length.
fn key(user: &UserId, secret_digest: &[u8; 32]) -> String {
    let (halves, _) = secret_digest.as_chunks();
    let digits = halves.iter().map(|half| format!("{:032x}", u128::from_be_bytes(*half)));
    format!("{}/{user}", digits.collect::<Vec<_>>().concat())
}

fn to_pending(document: &Document, secret_digest: [u8; 32]) -> Result<PendingSignIn, StoreError> {
    let fields = Fields(document);
    Ok(PendingSignIn {
        user: fields.user("user_id")?,
        secret_digest,
        epoch: fields.counter("epoch")?,
        step: known("step of a sign-in", PendingStep::parse(fields.text("step")?))?,
        methods: to_methods(&fields)?,
        tries: fields.small_counter("tries")?,
        created_at: fields.moment("created_at")?,
        expires_at: fields.moment("expires_at")?,
    })
}
