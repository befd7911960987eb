//! The same work on each store, with SQLite as the reference.

use std::env;
use std::fs;

use servers::{Dynamo, Mongo, Postgres, Redis};
use tokio::process::Command;

use crate::load::{Client, Load, compare};
use crate::process::Process;
use crate::sample::count;
use crate::server::signing;
use crate::table::{Row, Table};
use crate::{Bench, Result, accounts};

/// Clients at once.
const CLIENTS: usize = 32;
/// Who signs in, one after the other.
const USERS: u32 = 50;

type Settings = Vec<(&'static str, String)>;

/// Where records are kept, and what must run meanwhile.
struct Store {
    name: &'static str,
    settings: Settings,
    servers: Vec<Box<dyn std::any::Any>>,
}

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    for open in [postgres, postgres_with_limits, postgres_with_sessions] {
        on_store(bench, table, &open()?).await?;
    }
    if env::var_os("TEST_PYTHON").is_none() {
        eprintln!("  MongoDB and DynamoDB are left out: `cargo xtask services run -- …` has them");
        return Ok(());
    }
    for open in [mongodb, dynamodb] {
        on_store(bench, table, &open()?).await?;
    }
    Ok(())
}

fn postgres() -> Result<Store> {
    let server = Postgres::start_durable()?;
    let settings = vec![(URL, server.url())];
    Ok(Store { name: "PostgreSQL", settings, servers: vec![Box::new(server)] })
}

fn postgres_with_limits() -> Result<Store> {
    let redis = Redis::start()?;
    let mut store = postgres()?;
    store.name = "PostgreSQL, limits in Redis";
    store.settings.push(("DOORWARD_EPHEMERAL__URL", redis.url()));
    // Drawn on, and never reached.
    store.settings.extend(LIMITS.map(|name| (name, "60000/1m".to_owned())));
    store.servers.push(Box::new(redis));
    Ok(store)
}

fn postgres_with_sessions() -> Result<Store> {
    let redis = Redis::start()?;
    let mut store = postgres()?;
    store.name = "PostgreSQL, sessions in Redis";
    store.settings.push(("DOORWARD_EPHEMERAL__URL", redis.url()));
    store.settings.push(("DOORWARD_EPHEMERAL__SESSIONS", "true".to_owned()));
    store.servers.push(Box::new(redis));
    Ok(store)
}

fn mongodb() -> Result<Store> {
    let server = Mongo::start()?;
    let uri = server.uri().replacen("/?", "/bench?authSource=admin&", 1);
    Ok(Store {
        name: "SecantusDB (for MongoDB)",
        settings: vec![(URL, uri)],
        servers: vec![Box::new(server)],
    })
}

fn dynamodb() -> Result<Store> {
    let server = Dynamo::start()?;
    let settings = [
        (URL, "dynamodb://bench".to_owned()),
        ("AWS_ENDPOINT_URL", server.endpoint()),
        ("AWS_REGION", "eu-west-1".to_owned()),
        ("AWS_ACCESS_KEY_ID", "test".to_owned()),
        ("AWS_SECRET_ACCESS_KEY", "test".to_owned()),
    ];
    Ok(Store {
        name: "MiniStack (for DynamoDB)",
        settings: settings.into(),
        servers: vec![Box::new(server)],
    })
}

const URL: &str = "DOORWARD_STORAGE__URL";
const LIMITS: [&str; 4] = [
    "DOORWARD_LIMITS__LOGIN",
    "DOORWARD_LIMITS__LOGIN_ADDRESS",
    "DOORWARD_LIMITS__REGISTER_ADDRESS",
    "DOORWARD_LIMITS__REFRESH",
];

async fn on_store(bench: &Bench, table: &mut Table, store: &Store) -> Result<()> {
    eprintln!("  {}", store.name);
    let given = store.settings.iter().map(|(name, value)| (*name, value.as_str()));
    let settings: Vec<_> = [signing("EdDSA")].into_iter().chain(given).collect();
    let folder = store.name.replace([' ', ',', '(', ')'], "-");
    migrate(bench, &folder, &settings).await?;
    let (measured, reference) = (
        bench.doorward(&folder, &settings).await?,
        bench.doorward(&format!("{folder}-sqlite"), &[signing("EdDSA")]).await?,
    );
    for server in [&measured, &reference] {
        accounts::register(server, USERS).await?;
    }
    let refreshes = [
        accounts::refreshers(&measured, CLIENTS).await?,
        accounts::refreshers(&reference, CLIENTS).await?,
    ];
    row(bench, table, ("refresh", store), [&measured, &reference], refreshes).await?;
    let logins = [accounts::logins(CLIENTS, USERS), accounts::logins(CLIENTS, USERS)];
    row(bench, table, ("login", store), [&measured, &reference], logins).await?;
    let registrations = [accounts::registrations(CLIENTS), accounts::registrations(CLIENTS)];
    row(bench, table, ("registration", store), [&measured, &reference], registrations).await
}

/// DynamoDB's table is made by nobody else.
async fn migrate(bench: &Bench, folder: &str, settings: &[(&str, &str)]) -> Result<()> {
    let folder = bench.folder.join(folder);
    fs::create_dir_all(&folder)?;
    let mut migrate = Command::new(&bench.binary);
    migrate.arg("migrate").current_dir(&folder).env_clear().envs(settings.iter().copied());
    let ended = migrate.output().await?;
    if ended.status.success() {
        return Ok(());
    }
    Err(String::from_utf8_lossy(&ended.stderr).into_owned().into())
}

async fn row(
    bench: &Bench,
    table: &mut Table,
    (what, store): (&str, &Store),
    [measured, reference]: [&Process; 2],
    [at_measured, at_reference]: [Vec<Box<dyn Client>>; 2],
) -> Result<()> {
    let mut at_measured = Load::new(measured, at_measured);
    let mut at_reference = Load::new(reference, at_reference);
    let outcome = compare(bench.timing, &mut at_measured, &mut at_reference).await?;
    table.push(Row {
        what: format!("{what} on {}", store.name),
        measured: format!(
            "{}/s; {}",
            count(outcome.measured.per_second()),
            outcome.measured.text()
        ),
        reference: format!(
            "SQLite: {}/s; {}",
            count(outcome.reference.per_second()),
            outcome.reference.rate_text()
        ),
        ratio: Some(outcome.ratio()),
        ..Row::default()
    });
    Ok(())
}
