use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;

use contracts::StoreError;
use futures_util::future::join;
use tokio::task::AbortHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::{ToSql, Type};
use tokio_postgres::{Client, Error, Row, SimpleQueryMessage};

use super::failure::Failure;
use super::pipeline::pipelined;
use crate::statement::{Guard, Statement, Value, Written};

/// The statements' own conditions need no more; said here, because a database may have another
/// default.
const BEGIN: &str = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE";
/// How a transaction begins where it is somebody's wish that nothing be changed.
const BEGIN_AS_TOLD: &str = "BEGIN ISOLATION LEVEL READ COMMITTED";
const COMMIT: &str = "COMMIT";
const ROLLBACK: &str = "ROLLBACK";

/// What the server itself gives up, a little before we do. What we cannot reach to roll back, it
/// does. And if it gives up a BEGIN, it must not take what was sent behind that for operations of
/// their own: without a transaction of ours, it refuses to change anything.
const SETTINGS: &str = "
    SHOW default_transaction_read_only;
    SET default_transaction_read_only = on;
    SET statement_timeout = '2s'; SET lock_timeout = '1500ms';
    SET idle_in_transaction_session_timeout = '3s';
    SET default_transaction_isolation = 'read committed'";

/// A connection with the statements that were prepared on it.
pub(super) struct Connection {
    client: Client,
    prepared: HashMap<(&'static str, Form), tokio_postgres::Statement>,
    /// What drives it, as long as there is a client.
    driver: AbortHandle,
    /// How a transaction that changes something begins.
    begin: &'static str,
    /// Whether something was sent and its answer not seen, or a transaction not ended: if whoever
    /// waited for that has gone, nobody may use the connection any more.
    is_between: bool,
}

/// What a statement is prepared as.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
enum Form {
    /// What it is.
    Plain,
    /// Something that fails where the statement changes no row, so that the server refuses
    /// everything behind it in the pipeline.
    Guard,
}

impl Form {
    /// How a statement is run as part of a transaction.
    fn within(statement: &Statement) -> Self {
        if statement.guard.is_some() { Self::Guard } else { Self::Plain }
    }

    /// The words are for whoever reads the server's log.
    fn text(self, sql: &str) -> String {
        match self {
            Self::Plain => sql.to_owned(),
            Self::Guard => format!(
                "WITH guarded AS ({sql} RETURNING 1)
                 SELECT CAST(CASE count(*) WHEN 0 THEN 'a guard was unmet' ELSE '1' END AS integer)
                   FROM guarded"
            ),
        }
    }
}

impl Connection {
    pub(super) fn new(client: Client, driver: AbortHandle) -> Self {
        Self { client, prepared: HashMap::new(), driver, begin: BEGIN_AS_TOLD, is_between: false }
    }

    /// Settles how long the server may take for a request of ours, and what it may change.
    pub(super) async fn settle(&mut self) -> Result<(), Error> {
        let answers = self.client.simple_query(SETTINGS).await?;
        let is_writable = answers.iter().any(
            |answer| matches!(answer, SimpleQueryMessage::Row(row) if row.get(0) == Some("off")),
        );
        self.begin = if is_writable { BEGIN } else { BEGIN_AS_TOLD };
        Ok(())
    }

    /// Whether it can be used, as far as is known without asking the server.
    pub(super) fn is_usable(&self) -> bool {
        !self.is_between && !self.client.is_closed()
    }

    /// Asks the server for a sign of life.
    pub(super) async fn ping(&self) -> Result<(), Error> {
        self.client.check_connection().await
    }

    /// Runs statements as one operation, in one round trip once they are prepared.
    pub(super) async fn write(&mut self, statements: &[Statement]) -> Result<Written, Failure> {
        if let [only] = statements {
            // Nothing stands behind it that would have to be refused.
            return match (self.execute(only).await, only.guard) {
                (Ok(0), Some(guard)) => Ok(Written::Unmet(guard)),
                (Ok(_), _) => Ok(Written::Done),
                (Err(failure), _) => refusal(None, failure),
            };
        }
        match self.transact(statements, Form::within).await? {
            Ok(_) => Ok(Written::Done),
            Err((statement, error)) => {
                refusal(statement.and_then(|statement| statement.guard), Failure::of_request(error))
            }
        }
    }

    /// Runs one statement, and counts the rows that it changes.
    pub(super) async fn execute(&mut self, statement: &Statement) -> Result<u64, Failure> {
        let changed = self.transact(std::slice::from_ref(statement), |_| Form::Plain).await?;
        changed.map_err(|(_, error)| Failure::of_request(error))
    }

    /// Runs statements as one transaction, and counts the rows that they change. If it fails, says
    /// at which statement, unless it was its beginning or its end.
    async fn transact<'a>(
        &mut self,
        statements: &'a [Statement],
        form: fn(&Statement) -> Form,
    ) -> Result<Result<u64, (Option<&'a Statement>, Error)>, Failure> {
        let prepared = self.prepare(statements, form).await?;
        self.is_between = true;
        let answers = pipelined(self.transaction(statements, &prepared)).await;
        // The last answer says that the transaction is over, even if it was refused.
        self.is_between = answers.last().is_none_or(Result::is_err);
        let mut changed = 0;
        for (at, answer) in answers.into_iter().enumerate() {
            match answer {
                Ok(rows) => changed += rows,
                // Before the statements, the transaction begins.
                Err(error) => {
                    return Ok(Err((at.checked_sub(1).and_then(|at| statements.get(at)), error)));
                }
            }
        }
        Ok(Ok(changed))
    }

    fn transaction<'a>(
        &'a self,
        statements: &'a [Statement],
        prepared: &'a [tokio_postgres::Statement],
    ) -> Vec<Request<'a>> {
        let mut requests: Vec<Request<'a>> = vec![self.command(self.begin)];
        for (statement, prepared) in statements.iter().zip(prepared) {
            requests.push(Box::pin(self.client.execute_raw(prepared, &statement.parameters)));
        }
        requests.push(self.command(COMMIT));
        requests
    }

    /// A command that changes no row.
    fn command(&self, command: &'static str) -> Request<'_> {
        Box::pin(async move { self.client.batch_execute(command).await.map(|()| 0) })
    }

    /// Runs one statement that changes nothing, and returns its rows.
    pub(super) async fn read(&mut self, statement: &Statement) -> Result<Vec<Row>, Failure> {
        let prepared = self.prepare_one(statement).await?;
        self.is_between = true;
        let answer = self.client.query(&prepared, &borrowed(statement)).await;
        self.is_between = false;
        answer.map_err(Failure::of_request)
    }

    /// Runs one statement that changes rows and returns them. If `to_items` cannot read them, they
    /// are not changed, which is why this takes two round trips.
    pub(super) async fn write_returning<T>(
        &mut self,
        statement: &Statement,
        to_items: impl FnOnce(Vec<Row>) -> Result<T, StoreError>,
    ) -> Result<Result<T, StoreError>, Failure> {
        let prepared = self.prepare_one(statement).await?;
        self.is_between = true;
        let parameters = borrowed(statement);
        let (begun, rows) =
            join(self.command(self.begin), self.client.query(&prepared, &parameters)).await;
        let outcome = match begun.and(rows) {
            Ok(rows) => Ok(to_items(rows)),
            Err(error) => Err(Failure::of_request(error)),
        };
        let end = if matches!(outcome, Ok(Ok(_))) { COMMIT } else { ROLLBACK };
        let ended = self.client.batch_execute(end).await;
        self.is_between = ended.is_err();
        match (&outcome, ended) {
            // What was not committed is not done, whatever became of the rollback.
            (Ok(Ok(_)), Err(error)) => Err(Failure::of_request(error)),
            _ => outcome,
        }
    }

    async fn prepare_one(
        &mut self,
        statement: &Statement,
    ) -> Result<tokio_postgres::Statement, Failure> {
        let prepared = self.prepare(std::slice::from_ref(statement), |_| Form::Plain).await?;
        Ok(prepared.into_iter().next().expect("one statement was asked for"))
    }

    /// Prepares what this connection has not seen, in one round trip.
    async fn prepare(
        &mut self,
        statements: &[Statement],
        form: fn(&Statement) -> Form,
    ) -> Result<Vec<tokio_postgres::Statement>, Failure> {
        let mut missing = HashMap::new();
        for statement in statements {
            let key = (statement.sql.postgres, form(statement));
            if !self.prepared.contains_key(&key) {
                missing.insert(key, statement);
            }
        }
        self.is_between = !missing.is_empty();
        let client = &self.client;
        let answers = pipelined(missing.into_iter().map(|((sql, form), statement)| async move {
            let types: Vec<Type> = statement.parameters.iter().map(Value::postgres_type).collect();
            let prepared = client.prepare_typed(&form.text(sql), &types).await;
            prepared.map(|prepared| ((sql, form), prepared))
        }))
        .await;
        self.is_between = false;
        for answer in answers {
            let (key, prepared) = answer.map_err(Failure::of_preparation)?;
            self.prepared.insert(key, prepared);
        }
        let keys = statements.iter().map(|statement| (statement.sql.postgres, form(statement)));
        Ok(keys.filter_map(|key| self.prepared.get(&key).cloned()).collect())
    }
}

impl Drop for Connection {
    fn drop(&mut self) {
        // What nobody waits for any more must not keep its socket open until the server answers.
        if self.is_between || self.client.is_closed() {
            self.driver.abort();
        }
    }
}

/// Answers with the number of rows that were changed.
type Request<'a> = Pin<Box<dyn Future<Output = Result<u64, Error>> + Send + 'a>>;

fn borrowed(statement: &Statement) -> Vec<&(dyn ToSql + Sync)> {
    statement.parameters.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// Tells a refusal that is an outcome from one that is a failure.
fn refusal(guard: Option<Guard>, failure: Failure) -> Result<Written, Failure> {
    let Failure::Refused(error) = &failure else { return Err(failure) };
    match (guard, error.code(), error.as_db_error()) {
        // Nothing else in a guard turns text into a number.
        (Some(guard), Some(&SqlState::INVALID_TEXT_REPRESENTATION), _) => Ok(Written::Unmet(guard)),
        (_, Some(&SqlState::UNIQUE_VIOLATION), Some(cause)) => {
            Ok(Written::Conflict(cause.constraint().unwrap_or_default().to_owned()))
        }
        _ => Err(failure),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::{PostgresSettings, Unopened};

    /// A connection, and a table of one row in a schema of its own, which goes with `remove`.
    async fn connection() -> (Connection, String) {
        #[expect(clippy::disallowed_methods, reason = "tests are told where servers are")]
        let url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a server");
        let unopened = Unopened::new(&PostgresSettings::new(url.into())).unwrap();
        let (client, driver) = unopened.server.connect().await.unwrap();
        let name = format!("doorward_beginnings_{}", std::process::id());
        let make = format!(
            "DROP SCHEMA IF EXISTS {name} CASCADE; CREATE SCHEMA {name};
             SET search_path = {name}; CREATE TABLE things AS SELECT 1::bigint AS number"
        );
        client.batch_execute(&make).await.unwrap();
        let mut connection = Connection::new(client, driver);
        connection.settle().await.unwrap();
        (connection, name)
    }

    async fn remove(connection: &Connection, name: &str) {
        let remove = format!("BEGIN READ WRITE; DROP SCHEMA {name} CASCADE; COMMIT");
        connection.client.batch_execute(&remove).await.unwrap();
    }

    async fn numbers(connection: &mut Connection) -> Vec<i64> {
        let list = Statement::new("SELECT number FROM things ORDER BY number", []);
        connection.read(&list).await.unwrap().iter().map(|row| row.get(0)).collect()
    }

    fn insert(number: i64) -> Statement {
        Statement::new("INSERT INTO things (number) VALUES ($1)", [number.into()])
    }

    /// The server may give up a BEGIN while the statements behind it are already on their way.
    #[tokio::test]
    async fn what_follows_a_transaction_that_did_not_begin_does_nothing() {
        let (mut connection, name) = connection().await;
        let delete = Statement::new("DELETE FROM things WHERE number = 9", []).guard();
        let all = [insert(2), delete, insert(3)];

        let begin = std::mem::replace(&mut connection.begin, "BEGIN NOTHING");
        for refused in [
            connection.write(&[insert(2), insert(3)]).await.map(|_| ()),
            connection.write(&all).await.map(|_| ()),
            connection.write(&[insert(4)]).await.map(|_| ()),
            connection.execute(&insert(5)).await.map(|_| ()),
            connection.write_returning(&insert(6), |_| Ok(())).await.map(|_| ()),
        ] {
            assert!(matches!(refused, Err(Failure::Refused(_))), "{refused:?}");
            assert!(connection.is_usable());
        }
        assert_eq!(numbers(&mut connection).await, [1]);

        connection.begin = begin;
        let unmet = connection.write(&all).await.unwrap();
        assert_eq!(unmet, Written::Unmet(Guard::Record));
        connection.write(&[insert(2), insert(3)]).await.unwrap();
        assert_eq!(connection.execute(&insert(4)).await.unwrap(), 1);
        assert_eq!(numbers(&mut connection).await, [1, 2, 3, 4]);
        remove(&connection, &name).await;
    }
}
