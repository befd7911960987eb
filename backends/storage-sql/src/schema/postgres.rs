//! Steps of a database on a server: all of a new one in one transaction, later ones each in its
//! own.

use std::time::Duration;

use contracts::StoreError;
use tokio::time::timeout;
use tokio_postgres::{Client, Error, GenericClient, Transaction};

use super::{Step, names_after, refuse_newer, refuse_unasked, steps_after};

/// How long the database may take to say which steps it has seen.
const ANSWER_TIME_MAX: Duration = Duration::from_secs(2);
/// How long all steps together may take, of however large a database.
const MIGRATION_TIME_MAX: Duration = Duration::from_mins(30);

/// Steps take as long as they need to, and whoever waits for another instance that takes them gives
/// up earlier.
const PREPARE: &str = "SET lock_timeout = '5min'; SET statement_timeout = 0;
     SET idle_in_transaction_session_timeout = '60s'";

/// Held until the step's transaction ends; the number says no more than that it is ours.
const LOCK: &str = "SELECT pg_advisory_xact_lock(7236828301840265316)";

/// Not `to_regclass`, which goes by what the session knew before it waited for the lock.
const HAS_STEPS: &str = "
    SELECT count(*) > 0 FROM pg_class WHERE relname = 'schema_steps' AND pg_table_is_visible(oid)";

const KEEP_STEPS: &str = "
    CREATE TABLE IF NOT EXISTS schema_steps (
        number     bigint PRIMARY KEY,
        name       text NOT NULL,
        works_with bigint NOT NULL,
        taken_at   timestamptz NOT NULL DEFAULT now()
    );
    COMMENT ON TABLE schema_steps IS 'The steps of the schema that this database has seen.';
    COMMENT ON COLUMN schema_steps.works_with
        IS 'The fewest steps that a release must know to work with the database from then on.'";

const KEEP_STEP: &str = "INSERT INTO schema_steps (number, name, works_with) VALUES ($1, $2, $3)";

/// A number that is missing is one that nobody marked.
const SEEN_STEPS: &str = "
    SELECT coalesce(max(number), 0), coalesce(max(works_with), 0), count(*) FROM schema_steps";

/// Names of the steps that the database has not seen, in order.
pub(crate) async fn pending(client: &Client) -> Result<Vec<&'static str>, StoreError> {
    within(ANSWER_TIME_MAX, async { Ok(names_after(seen(client).await?)) }).await
}

/// Takes the steps that are pending, and returns the names of those that this call took. Of several
/// instances at once, one takes each step and the others wait. Writes nothing, and waits for
/// nobody, if none are pending.
pub(crate) async fn migrate(client: &mut Client) -> Result<Vec<&'static str>, StoreError> {
    take_pending(client, |_| Ok(())).await
}

/// Takes the steps that are pending, as `migrate` does, unless that could disturb others.
pub(crate) async fn open(client: &mut Client) -> Result<(), StoreError> {
    take_pending(client, refuse_unasked).await.map(|_| ())
}

/// Takes the steps that are pending as long as `may_take` agrees, given how many the database has
/// seen.
async fn take_pending(
    client: &mut Client,
    may_take: fn(u32) -> Result<(), StoreError>,
) -> Result<Vec<&'static str>, StoreError> {
    if pending(client).await?.is_empty() {
        return Ok(Vec::new());
    }
    within(MIGRATION_TIME_MAX, async {
        let mut taken = Vec::new();
        client.batch_execute(PREPARE).await.map_err(unavailable)?;
        loop {
            let names = take_next(client, may_take).await?;
            if names.is_empty() {
                return Ok(taken);
            }
            taken.extend(names);
        }
    })
    .await
}

/// Takes the next step. Of a new database it takes all at once: else others could see it between
/// two steps, and take it for one that an old release works with.
async fn take_next(
    client: &mut Client,
    may_take: fn(u32) -> Result<(), StoreError>,
) -> Result<Vec<&'static str>, StoreError> {
    let transaction = client.transaction().await.map_err(unavailable)?;
    transaction.batch_execute(LOCK).await.map_err(unavailable)?;
    // Another instance may have taken it while we waited.
    let seen = seen(&transaction).await?;
    may_take(seen)?;
    let count = if seen == 0 { usize::MAX } else { 1 };
    let mut names = Vec::new();
    for (number, step) in steps_after(seen).take(count) {
        take(&transaction, number, step).await.map_err(unavailable)?;
        names.push(step.name);
    }
    transaction.commit().await.map_err(unavailable)?;
    Ok(names)
}

async fn take(transaction: &Transaction<'_>, number: u32, step: &Step) -> Result<(), Error> {
    transaction.batch_execute(KEEP_STEPS).await?;
    transaction.batch_execute(step.postgres).await?;
    let works_with = i64::from(step.works_with(number));
    transaction.execute(KEEP_STEP, &[&i64::from(number), &step.name, &works_with]).await?;
    Ok(())
}

/// How many steps the database has seen, unless it is of a newer release that we cannot work with.
async fn seen(client: &impl GenericClient) -> Result<u32, StoreError> {
    let has_steps: bool = client
        .query_one(HAS_STEPS, &[])
        .await
        .and_then(|row| row.try_get(0))
        .map_err(unavailable)?;
    if !has_steps {
        return Ok(0);
    }
    let row = client.query_one(SEEN_STEPS, &[]).await.map_err(unavailable)?;
    let number = |index| -> Result<u32, StoreError> {
        let number: i64 = row.try_get(index).map_err(unavailable)?;
        u32::try_from(number)
            .map_err(|source| StoreError::Malformed { what: "schema step", source: source.into() })
    };
    let (seen, works_with, recorded) = (number(0)?, number(1)?, number(2)?);
    refuse_newer(seen, if recorded == seen { works_with } else { seen })?;
    Ok(seen)
}

async fn within<T>(
    time: Duration,
    answer: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    timeout(time, answer).await.unwrap_or_else(|_| {
        Err(StoreError::Unavailable("the database did not answer in time".into()))
    })
}

fn unavailable(error: Error) -> StoreError {
    StoreError::Unavailable(error.into())
}

/// Takes all steps on a connection that looks after the rest itself.
#[cfg(test)]
pub(crate) async fn take_all(client: &Client) {
    for step in super::STEPS {
        client.batch_execute(step.postgres).await.unwrap();
    }
}
