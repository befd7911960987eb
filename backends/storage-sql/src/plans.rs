//! No statement reads a whole table: what takes a microsecond with ten users takes seconds with
//! five million, and the writing thread makes everybody wait.

use rusqlite::Connection;
use tempfile::TempDir;

use crate::statement::Sql;
use crate::{
    codes, dialect, erasure, limits, mails, notices, outbox, pending_sign_ins, records,
    revocations, schema, sessions, sqlite, trusted_devices, users,
};

/// Every statement there is.
fn statements() -> Vec<Sql> {
    let shared = [
        users::STATEMENTS,
        erasure::STATEMENTS,
        codes::STATEMENTS,
        limits::STATEMENTS,
        mails::STATEMENTS,
        sessions::STATEMENTS,
        pending_sign_ins::STATEMENTS,
        trusted_devices::STATEMENTS,
        revocations::STATEMENTS,
        notices::STATEMENTS,
        outbox::STATEMENTS,
        records::STATEMENTS,
    ];
    let shared = shared.concat().into_iter().map(Sql::from);
    shared.chain([dialect::STATEMENTS, mails::DIALECT].concat()).collect()
}

/// What `SQLite` means to do, one line for each step.
fn plan(connection: &Connection, sql: &str) -> Vec<String> {
    let mut statement = connection.prepare(&format!("EXPLAIN QUERY PLAN {sql}")).unwrap();
    let mut rows = statement.raw_query();
    let mut steps = Vec::new();
    while let Some(row) = rows.next().unwrap() {
        steps.push(row.get("detail").unwrap());
    }
    steps
}

/// Steps that go from row to row and yet end early or stay small.
const WALKS: [&str; 7] = [
    // The dozen roles of a deployment.
    "SCAN roles",
    // One page of users, or of revocations, that an inner step has already cut to its limit.
    "SCAN u",
    "SCAN r LEFT-JOIN",
    // In the order of the key, and only until the limit is reached.
    "SCAN revocations",
    "SCAN outbox USING INDEX sqlite_autoindex_outbox_1",
    // The tombstones of the last few minutes: an older one leaves the index when it is settled.
    "SCAN e USING INDEX erased_users_with_remains",
    // No table at all: one row of parameters.
    "SCAN CONSTANT ROW",
];

/// Sorting is for one page, never for a backlog.
const SORTED_PAGES: [&str; 2] = ["SCAN u", "SCAN r LEFT-JOIN"];

#[test]
fn every_statement_finds_its_rows_by_an_index_on_sqlite() {
    let folder = TempDir::new().unwrap();
    let mut connection = sqlite::open_database(&folder.path().join("doorward.db")).unwrap();
    schema::sqlite::migrate(&mut connection).unwrap();
    for Sql { sqlite: sql, .. } in statements() {
        let steps = plan(&connection, sql);
        for step in steps.iter().filter(|step| step.starts_with("SCAN")) {
            assert!(WALKS.contains(&step.as_str()), "{step}:{sql}\n{steps:#?}");
        }
        let sorts = steps.iter().filter(|step| step.starts_with("USE TEMP B-TREE")).count();
        let pages = steps.iter().filter(|step| SORTED_PAGES.contains(&step.as_str())).count();
        assert!(sorts <= pages, "{sql}\n{steps:#?}");
    }
}

/// Index by index, what may be walked without a condition, and why.
const POSTGRES_WALKS: [&str; 6] = [
    // The dozen roles of a deployment.
    "roles_pkey",
    // In the order of the key, and only until the limit is reached.
    "outbox_pkey",
    "revocations_pkey",
    // The tombstones of the last few minutes.
    "erased_users_with_remains",
    // What was picked just before, and no index at all.
    "picked",
    // The few hundred settings of the server, for the sign of its health.
    "pg_show_all_settings",
];

const COUNT_PARAMETERS: &str =
    "SELECT cardinality(parameter_types) FROM pg_prepared_statements WHERE name = 'planned'";

/// What PostgreSQL means to do with a statement whatever its parameters are.
async fn postgres_plan(client: &tokio_postgres::Client, sql: &str) -> Vec<String> {
    client.batch_execute(&format!("PREPARE planned AS {sql}")).await.unwrap();
    let row = client.query_one(COUNT_PARAMETERS, &[]).await.unwrap();
    let count = usize::try_from(row.get::<_, i32>(0)).unwrap();
    let values =
        if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
    let plan = client.simple_query(&format!("EXPLAIN EXECUTE planned{values}")).await.unwrap();
    client.batch_execute("DEALLOCATE planned").await.unwrap();
    let lines = plan.iter().filter_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    });
    lines.collect()
}

/// Steps of a plan that go through a table, or an index, from one end to the other.
fn walks(plan: &[String]) -> Vec<&str> {
    let is_step = |line: &&String| line.contains("(cost=");
    let starts: Vec<_> = (0..plan.len()).filter(|at| is_step(&&plan[*at])).collect();
    let mut found = Vec::new();
    for (index, start) in starts.iter().enumerate() {
        let end = starts.get(index + 1).copied().unwrap_or(plan.len());
        let has_condition = plan[*start..end].iter().any(|line| line.contains("Index Cond:"));
        let is_scan = plan[*start].contains("Scan") && !plan[*start].contains("Bitmap Heap Scan");
        if is_scan && !has_condition {
            found.push(plan[*start].as_str());
        }
    }
    found
}

#[tokio::test]
async fn every_statement_finds_its_rows_by_an_index_on_postgres() {
    let client = postgres_with_schema().await;
    for Sql { postgres: sql, .. } in statements() {
        let plan = postgres_plan(&client, sql).await;
        for walk in walks(&plan) {
            let is_known = POSTGRES_WALKS.iter().any(|known| walk.contains(known));
            assert!(is_known, "{walk}:{sql}\n{plan:#?}");
        }
        let is_sorted = plan.iter().any(|line| line.contains("Sort "));
        // Sorting is for one page, which an inner step has cut to its limit.
        assert!(!is_sorted || sql.contains("LEFT JOIN"), "{sql}\n{plan:#?}");
    }
}

/// Enough for the planner to tell tables from pages: thousands of users, one in a hundred erased.
const MANY_ROWS: &str = "
    INSERT INTO erased_users SELECT 'gone_' || n, n, 1, n % 100 = 0 FROM generate_series(1, 5000) n;
    INSERT INTO users
    SELECT 'user_' || n, 'e', 'e' || n, TRUE, NULL, NULL, 'active', NULL, 0, 1, 0, 0
      FROM generate_series(1, 5000) n;
    INSERT INTO user_roles SELECT id, 'USER' FROM users;
    INSERT INTO sessions
    SELECT 's' || n, 'user_' || n, 0, 1, 0, 0, NULL, '', '', 0, NULL, NULL, 0, 0, 0, n
      FROM generate_series(1, 5000) n;
    INSERT INTO devices SELECT 'user_' || n, '', n FROM generate_series(1, 5000) n;
    INSERT INTO trusted_devices
    SELECT 'user_' || n, 'd' || n, 0, '', NULL, NULL, 0, 0, n FROM generate_series(1, 5000) n;
    INSERT INTO pending_sign_ins
    SELECT 'user_' || n, '', 0, '', '', 0, 0, n FROM generate_series(1, 5000) n;
    INSERT INTO mails SELECT 'm' || n, 'user_' || n, '', '', '', 0, 0, 'dead', 0, n
      FROM generate_series(1, 5000) n;
    INSERT INTO one_time_codes
    SELECT 'user_' || n, '', n, '', '', 0, NULL, 0, 0, n FROM generate_series(1, 5000) n;
    INSERT INTO outbox SELECT 'o' || n, '', '', 0, '', 0 FROM generate_series(1, 5000) n;
    INSERT INTO revocations SELECT n, 's', NULL, NULL, NULL, 0, n FROM generate_series(1, 5000) n;
    INSERT INTO limits SELECT decode(md5(n::text), 'hex'), n FROM generate_series(1, 5000) n;
    ANALYZE erased_users, users, user_roles, sessions, devices, mails, one_time_codes, outbox,
            revocations, limits, trusted_devices, pending_sign_ins";

/// A connection in a transaction that has the schema and never commits it.
async fn postgres_with_schema() -> tokio_postgres::Client {
    #[expect(clippy::disallowed_methods, reason = "tests are told where servers are")]
    let url = std::env::var("TEST_POSTGRES_URL").expect("TEST_POSTGRES_URL names a server");
    let settings = crate::PostgresSettings::new(url.into());
    let client = crate::postgres::Unopened::new(&settings).unwrap().connect().await.unwrap();
    let name = format!("doorward_plans_{}", std::process::id());
    let prepare = format!(
        "BEGIN; CREATE SCHEMA {name}; SET LOCAL search_path = {name};
         SET LOCAL enable_seqscan = off; SET LOCAL plan_cache_mode = force_generic_plan"
    );
    client.batch_execute(&prepare).await.unwrap();
    schema::postgres::take_all(&client).await;
    client.batch_execute(MANY_ROWS).await.unwrap();
    client
}
