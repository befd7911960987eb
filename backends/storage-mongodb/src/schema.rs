//! Collections, indexes, and what has to be in them from the beginning. A request makes none: on
//! DocumentDB an index is built in the foreground, one at a time, and a transaction can make
//! neither.
//!
//! A step may be taken by several instances at once, and again after it was taken by half. A
//! release does not look at steps that it does not know, so a step may only add what the release
//! before can work beside.

use std::time::Duration;

use contracts::StoreError;
use domain::INITIAL_ROLES;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};

use crate::attempts::{
    Attempt, DUPLICATE_KEY, code, failure, is_worth_another_try, pause, retrying, unavailable,
};
use crate::collections::{
    CODES, COUNTER_SHARDS, COUNTERS, DEVICES, LIMITS, MAILS, OUTBOX, PENDING_SIGN_INS, RECORDS,
    REMAINS, REVOCATIONS, ROLES, SCHEMA, SESSIONS, TRUSTED_DEVICES, USERS,
};
use crate::connection::Connection;
use crate::operation::shard;
use crate::revocations::SEQUENCE;

/// How long a step may take. Indexes of large collections take their time, and an instance that
/// comes second waits for the first.
const STEP_MAX: Duration = Duration::from_mins(10);

const COLLECTION_EXISTS: i32 = 48;
/// What DocumentDB says to whoever wants an index while it builds another of that collection.
const INDEX_BUILD_IN_PROGRESS: i32 = 40_333;

/// A step of the schema.
#[derive(Clone, Copy)]
enum Step {
    Accounts,
    SecondFactor,
}

impl Step {
    /// In their order.
    const ALL: [Self; 2] = [Self::Accounts, Self::SecondFactor];

    const fn name(self) -> &'static str {
        match self {
            Self::Accounts => "0001_accounts",
            Self::SecondFactor => "0002_second_factor",
        }
    }

    async fn take(self, database: &Database) -> Result<(), Error> {
        match self {
            Self::Accounts => accounts(database).await?,
            Self::SecondFactor => second_factor(database).await?,
        }
        seed(database, SCHEMA, [doc! { "_id": self.name() }]).await
    }
}

/// What an index holds a collection to.
enum Kind {
    Plain,
    Unique,
    /// Unique among documents that have the field.
    UniqueWherePresent,
}

/// The names of the steps that were not taken yet.
pub(crate) async fn pending(connection: &Connection) -> Result<Vec<&'static str>, StoreError> {
    Ok(steps_to_take(connection).await?.into_iter().map(Step::name).collect())
}

async fn steps_to_take(connection: &Connection) -> Result<Vec<Step>, StoreError> {
    retrying(connection, |Attempt { connected, .. }| async move {
        let schema = connected.database.collection::<Document>(SCHEMA);
        let mut pending = Vec::new();
        for step in Step::ALL {
            if schema.find_one(doc! { "_id": step.name() }).await?.is_none() {
                pending.push(step);
            }
        }
        Ok(pending)
    })
    .await
}

/// Takes the steps that were not taken yet. Returns their names.
pub(crate) async fn migrate(connection: &Connection) -> Result<Vec<&'static str>, StoreError> {
    let pending = steps_to_take(connection).await?;
    for step in &pending {
        let too_long = || unavailable(format!("the step {} took too long", step.name()));
        let taken = tokio::time::timeout(STEP_MAX, persist(connection, *step)).await;
        taken.unwrap_or_else(|_| Err(too_long()))?;
    }
    Ok(pending.into_iter().map(Step::name).collect())
}

/// Takes a step, as often as somebody else is at it.
async fn persist(connection: &Connection, step: Step) -> Result<(), StoreError> {
    let (mut pauses, mut lost) = (0, 0);
    loop {
        let connected = connection.current();
        match step.take(&connected.database).await {
            Ok(()) => return Ok(()),
            Err(error) if code(&error) == Some(INDEX_BUILD_IN_PROGRESS) => {}
            Err(error) if lost < 3 && is_worth_another_try(&error) => lost += 1,
            Err(error) => return Err(failure(&error)),
        }
        tokio::time::sleep(pause(pauses)).await;
        pauses += 1;
    }
}

async fn accounts(database: &Database) -> Result<(), Error> {
    use Kind::{Plain, Unique, UniqueWherePresent};
    for name in [OUTBOX, RECORDS, REMAINS, ROLES, COUNTERS, SCHEMA] {
        match database.create_collection(name).await {
            Err(error) if code(&error) != Some(COLLECTION_EXISTS) => return Err(error),
            _ => {}
        }
    }
    index(
        database,
        USERS,
        &[(&["email_key"], UniqueWherePresent), (&["username"], UniqueWherePresent)],
    )
    .await?;
    // Of moments that never change, so that a rotation touches no index.
    index(database, SESSIONS, &[(&["user_id", "_id"], Plain), (&["expires_at"], Plain)]).await?;
    index(database, DEVICES, &[(&["user_id"], Plain), (&["expires_at"], Plain)]).await?;
    index(
        database,
        CODES,
        &[(&["challenge"], Unique), (&["user_id"], Plain), (&["expires_at"], Plain)],
    )
    .await?;
    index(database, REVOCATIONS, &[(&["expires_at"], Plain)]).await?;
    index(database, MAILS, &[(&["due_at"], Plain), (&["user_id"], Plain)]).await?;
    index(database, LIMITS, &[(&["whole_at"], Plain)]).await?;
    let roles = INITIAL_ROLES
        .map(|(role, permissions)| doc! { "_id": role, "permissions": permissions.to_vec() });
    seed(database, ROLES, roles).await?;
    let parts =
        (0..COUNTER_SHARDS).map(|part| doc! { "_id": shard(SEQUENCE, part), "value": 0_i64 });
    seed(database, COUNTERS, parts).await
}

async fn second_factor(database: &Database) -> Result<(), Error> {
    use Kind::Plain;
    index(database, TRUSTED_DEVICES, &[(&["user_id", "_id"], Plain), (&["expires_at"], Plain)])
        .await?;
    index(database, PENDING_SIGN_INS, &[(&["user_id"], Plain), (&["expires_at"], Plain)]).await
}

async fn index(
    database: &Database,
    collection: &str,
    indexes: &[(&[&str], Kind)],
) -> Result<(), Error> {
    let models = indexes.iter().map(|(fields, kind)| {
        let keys: Document = fields.iter().map(|field| ((*field).to_owned(), 1.into())).collect();
        let mut options = IndexOptions::builder().name(fields.join("_")).build();
        options.unique = matches!(kind, Kind::Unique | Kind::UniqueWherePresent).then_some(true);
        options.sparse = matches!(kind, Kind::UniqueWherePresent).then_some(true);
        IndexModel::builder().keys(keys).options(options).build()
    });
    database.collection::<Document>(collection).create_indexes(models).await.map(|_| ())
}

/// Writes those of the documents that are not there.
async fn seed(
    database: &Database,
    collection: &str,
    documents: impl IntoIterator<Item = Document>,
) -> Result<(), Error> {
    let collection = database.collection::<Document>(collection);
    // In no order, because the first that is there would keep the others from being written.
    match collection.insert_many(documents).ordered(false).await {
        Err(error) if code(&error) != Some(DUPLICATE_KEY) => Err(error),
        _ => Ok(()),
    }
}
