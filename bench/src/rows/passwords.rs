use std::thread;
use std::time::Duration;

use argon2_rust::params::{Memory, TagLen};
use argon2_rust::{Algorithm, Argon2, Params, Version};

use crate::accounts;
use crate::load::{Comparison, Load, compare_with_loop};
use crate::sample::{Sample, bare_loop};
use crate::table::{Row, Table};
use crate::{Bench, Result};

/// Users who sign in.
const USERS: u32 = 20;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let one = [("DOORWARD_PASSWORD__HASHING_THREADS", "1")];
    let server = bench.doorward("passwords-1", &one).await?;
    accounts::register(&server, USERS).await?;
    let mut login = Load::new(&server, accounts::logins(4, USERS));
    let outcome = compare_with_loop(bench.timing, &mut login, |time| bare_hashes(1, time)).await?;
    push(table, "login, one hashing thread", &outcome, 1);
    drop(server);

    let server = bench.doorward("passwords", &[]).await?;
    accounts::register(&server, USERS).await?;
    let clients = bench.cores * 4;
    let mut login = Load::new(&server, accounts::logins(clients, USERS));
    let bare = |time| bare_hashes(bench.cores, time);
    let outcome = compare_with_loop(bench.timing, &mut login, bare).await?;
    push(table, "login, a hashing thread per core", &outcome, bench.cores);

    let mut registration = Load::new(&server, accounts::registrations(clients));
    let outcome = compare_with_loop(bench.timing, &mut registration, bare).await?;
    push(table, "registration, a hashing thread per core", &outcome, bench.cores);
    Ok(())
}

fn push(table: &mut Table, what: &str, outcome: &Comparison, threads: usize) {
    let s = if threads == 1 { "" } else { "s" };
    let row = Row {
        what: what.to_owned(),
        measured: outcome.measured.text(),
        reference: format!(
            "bare argon2id loop, {threads} thread{s}: {}",
            outcome.reference.rate_text()
        ),
        ..Row::default()
    };
    table.push_at_least(row, outcome.ratio(), 0.90);
}

/// Hashes as the server does, on so many threads at once.
pub(crate) fn bare_hashes(threads: usize, time: Duration) -> Result<Sample> {
    let loops: Vec<_> = (0..threads).map(|_| thread::spawn(move || one_thread(time))).collect();
    let mut sample = Sample::default();
    for ended in loops {
        let part = ended.join().map_err(|_| "a hashing thread panicked")?;
        sample.add(part.map_err(|text| text.clone())?);
    }
    Ok(sample)
}

fn one_thread(time: Duration) -> std::result::Result<Sample, String> {
    let params = Params::builder()
        .memory(Memory::kib(19_456))
        .passes(2)
        .lanes(1)
        .threads(1)
        .tag_len(TagLen::bytes(32))
        .build()
        .map_err(|error| error.to_string())?;
    let mut hasher = Argon2::new(Algorithm::Argon2id, Version::V0x13, params).hasher();
    let mut tag = [0; 32];
    let mut hash = || {
        // What it refuses is refused at the first, before anything is measured.
        let _ = hasher.hash_into(b"correct horse battery staple", &[7; 16], &mut tag);
    };
    hash();
    bare_loop(time, hash).map_err(|error| error.to_string())
}
