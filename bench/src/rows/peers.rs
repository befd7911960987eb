//! What people would build instead. Of the peers that `performance.md` names only Express installs
//! from a registry; its users and sessions live in memory, which is kinder than a database.

use std::fs;

use tokio::process::Command;

use crate::accounts;
use crate::http::get;
use crate::load::{Load, compare};
use crate::process::Process;
use crate::server::signing;
use crate::table::{Row, Table};
use crate::{Bench, Result, binary};

const USERS: u32 = 20;
const CLIENTS: usize = 32;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    eprintln!("measuring: Peers");
    let express = start_express(bench).await?;
    let server = bench.doorward("peers", &[]).await?;
    accounts::register(&express, USERS).await?;
    accounts::register(&server, USERS).await?;

    let logins = || accounts::logins(bench.cores * 4, USERS);
    let (mut ours, mut theirs) = (Load::new(&server, logins()), Load::new(&express, logins()));
    push(bench, table, ("login", Some(4.0)), (&mut ours, &mut theirs)).await?;

    let mut theirs = Load::new(&express, accounts::refreshers(&express, CLIENTS).await?);
    let mut ours = Load::new(&server, accounts::refreshers(&server, CLIENTS).await?);
    push(bench, table, ("refresh, RS256", None), (&mut ours, &mut theirs)).await?;
    // `jsonwebtoken` knows no EdDSA, so the peer stays at RS256.
    let quick = bench.doorward("peers-eddsa", &[signing("EdDSA")]).await?;
    accounts::register(&quick, 1).await?;
    let mut ours = Load::new(&quick, accounts::refreshers(&quick, CLIENTS).await?);
    push(bench, table, ("refresh, EdDSA", Some(15.0)), (&mut ours, &mut theirs)).await?;

    let (mine, _) = accounts::sign_in(&server, &accounts::email(0)).await?;
    let (other, _) = accounts::sign_in(&express, &accounts::email(0)).await?;
    let mut ours = Load::repeat(&server, CLIENTS, &get("/auth/me", Some(&mine)));
    let mut theirs = Load::repeat(&express, CLIENTS, &get("/auth/me", Some(&other)));
    push(bench, table, ("`GET /auth/me`, RS256", None), (&mut ours, &mut theirs)).await
}

async fn push(
    bench: &Bench,
    table: &mut Table,
    (what, least): (&str, Option<f64>),
    (ours, theirs): (&mut Load<'_>, &mut Load<'_>),
) -> Result<()> {
    let outcome = compare(bench.timing, ours, theirs).await?;
    let ratio = outcome.ratio();
    table.push(Row {
        what: format!("{what}, against Express"),
        measured: outcome.measured.text(),
        reference: format!("Express, bcrypt 10, in memory: {}", outcome.reference.text()),
        ratio: Some(ratio),
        target: least.map(|least| format!("≥ {least:.0} ×")).unwrap_or_default(),
        is_met: least.map(|least| ratio >= least),
    });
    Ok(())
}

async fn start_express(bench: &Bench) -> Result<Process> {
    let source = binary::root().join("bench/peers/express");
    let folder = bench.folder.join("express");
    fs::create_dir_all(&folder)?;
    for file in ["package.json", "package-lock.json", "server.js"] {
        fs::copy(source.join(file), folder.join(file))?;
    }
    let installed = Command::new("npm")
        .args(["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--silent"])
        .current_dir(&folder)
        .status()
        .await?;
    if !installed.success() {
        return Err("npm could not install Express".into());
    }
    let mut command = Command::new("node");
    command.arg("server.js").current_dir(&folder).env("NODE_ENV", "production");
    Process::start(command, &folder.join("log")).await
}
