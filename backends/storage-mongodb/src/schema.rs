//! Collections, indexes, and what has to be in them from the beginning. A request makes none: on
//! DocumentDB an index is built in the foreground, one at a time, and a transaction can make
//! neither.
//!
//! A step may be taken by several instances at once, and again after it was taken by half.

use std::time::Duration;

use contracts::StoreError;
use domain::INITIAL_ROLES;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::IndexOptions;
use mongodb::{Database, IndexModel};

use crate::attempts::{
    Attempt, DUPLICATE_KEY, code, failure, is_worth_another_try, pause, unavailable,
};
use crate::collections::{
    CODES, COUNTER_SHARDS, COUNTERS, DEVICES, LIMITS, MAILS, OUTBOX, RECORDS, REMAINS, REVOCATIONS,
    ROLES, SCHEMA, SESSIONS, USERS,
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

const ACCOUNTS: &str = "0001_accounts";

/// All steps, in their order.
const STEPS: [&str; 1] = [ACCOUNTS];

/// What an index holds a collection to.
enum Kind {
    Plain,
    Unique,
    /// Unique among documents that have the field.
    UniqueWherePresent,
}

/// The names of the steps that were not taken yet.
pub(crate) async fn pending(connection: &Connection) -> Result<Vec<&'static str>, StoreError> {
    let taken = crate::attempts::retrying(connection, |Attempt { connected, .. }| async move {
        let mut taken = Vec::new();
        for step in STEPS {
            let schema = connected.database.collection::<Document>(SCHEMA);
            if schema.find_one(doc! { "_id": step }).await?.is_some() {
                taken.push(step);
            }
        }
        Ok(taken)
    })
    .await?;
    Ok(STEPS.into_iter().filter(|step| !taken.contains(step)).collect())
}

/// Takes the steps that were not taken yet. Returns their names.
pub(crate) async fn migrate(connection: &Connection) -> Result<Vec<&'static str>, StoreError> {
    let pending = pending(connection).await?;
    for step in &pending {
        tokio::time::timeout(STEP_MAX, persist(connection, step))
            .await
            .unwrap_or_else(|_| Err(unavailable(format!("the step {step} took too long"))))?;
    }
    Ok(pending)
}

/// Takes a step, as often as somebody else is at it.
async fn persist(connection: &Connection, step: &'static str) -> Result<(), StoreError> {
    let (mut pauses, mut lost) = (0, 0);
    loop {
        let connected = connection.current();
        match accounts(&connected.database, step).await {
            Ok(()) => return Ok(()),
            Err(error) if code(&error) == Some(INDEX_BUILD_IN_PROGRESS) => {}
            Err(error) if lost < 3 && is_worth_another_try(&error) => lost += 1,
            Err(error) => return Err(failure(&error)),
        }
        tokio::time::sleep(pause(pauses)).await;
        pauses += 1;
    }
}

async fn accounts(database: &Database, step: &str) -> Result<(), Error> {
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
    seed(database, COUNTERS, parts).await?;
    seed(database, SCHEMA, [doc! { "_id": step }]).await
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
