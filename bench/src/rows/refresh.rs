use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::signature::{KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use crypto::SigningKey;
use doorward_claims::Algorithm;
use secrecy::ExposeSecret;

use crate::accounts;
use crate::http::get;
use crate::load::{Load, compare, compare_with_loop};
use crate::sample::{Sample, bare_loop, count, ms};
use crate::server::signing;
use crate::slow_disk::SlowDisk;
use crate::table::{Row, Table};
use crate::{Bench, Result};

/// Clients at once, each with a session.
const CLIENTS: usize = 64;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    against_hello(bench, table).await?;
    against_signing(bench, table).await?;
    let Some(disk) = SlowDisk::build(&bench.folder)? else {
        eprintln!("  no C compiler: refreshes are not counted by sync");
        return Ok(());
    };
    per_sync(bench, table, (&disk, 0, "on this disk")).await?;
    per_sync(bench, table, (&disk, 4_000, "where one takes 4 ms longer")).await
}

async fn against_hello(bench: &Bench, table: &mut Table) -> Result<()> {
    let server = bench.doorward("refresh-eddsa", &[signing("EdDSA")]).await?;
    accounts::register(&server, 1).await?;
    let mut refresh = Load::new(&server, accounts::refreshers(&server, CLIENTS).await?);
    let reference = bench.hello(None).await?;
    let mut hello = Load::repeat(&reference, CLIENTS, &get("/hello", None));
    let outcome = compare(bench.timing, &mut refresh, &mut hello).await?;
    let row = Row {
        what: "refresh, EdDSA, rotated, `FULL`".to_owned(),
        measured: format!(
            "{}; {}/s",
            outcome.measured.text(),
            count(outcome.measured.per_second())
        ),
        reference: format!("axum hello: {}", outcome.reference.rate_text()),
        ..Row::default()
    };
    table.push_at_least(row, outcome.ratio(), 0.06);
    Ok(())
}

async fn against_signing(bench: &Bench, table: &mut Table) -> Result<()> {
    let server = bench.doorward("refresh-rs256", &[signing("RS256")]).await?;
    accounts::register(&server, 1).await?;
    let mut refresh = Load::new(&server, accounts::refreshers(&server, CLIENTS).await?);
    let key = SigningKey::generate(Algorithm::RS256)?;
    let key = RsaKeyPair::from_pkcs8(key.pkcs8.expose_secret())
        .map_err(|error| format!("the RSA key cannot be read: {error}"))?;
    let outcome =
        compare_with_loop(bench.timing, &mut refresh, |time| bare_signatures(&key, time)).await?;
    let row = Row {
        what: "refresh, RS256, rotated, `FULL`".to_owned(),
        measured: format!(
            "{}; {}/s",
            outcome.measured.text(),
            count(outcome.measured.per_second())
        ),
        reference: format!("bare RS256 signing: {}", outcome.reference.rate_text()),
        ..Row::default()
    };
    table.push_at_least(row, outcome.ratio(), 0.85);
    Ok(())
}

/// Signs what is as long as a token.
fn bare_signatures(key: &RsaKeyPair, time: Duration) -> Result<Sample> {
    let message = [b'x'; 850];
    let mut signature = vec![0; key.public_key().modulus_len()];
    bare_loop(time, || {
        let digest = digest(&SHA256, &message);
        // A key that was just made signs.
        let _ = key.sign_digest(&RSA_PKCS1_SHA256, &digest, &mut signature);
    })
}

async fn per_sync(
    bench: &Bench,
    table: &mut Table,
    (disk, delay_us, place): (&SlowDisk, u32, &str),
) -> Result<()> {
    let environment = disk.environment(delay_us);
    let mut settings = vec![signing("EdDSA")];
    settings.extend(environment.iter().map(|(name, value)| (*name, value.as_str())));
    let server = bench.doorward(&format!("refresh-syncs-{delay_us}"), &settings).await?;
    accounts::register(&server, 1).await?;
    let mut refresh = Load::new(&server, accounts::refreshers(&server, CLIENTS).await?);
    refresh.run(Duration::ZERO).await?;
    let before = disk.syncs()?;
    let sample = refresh.run(bench.timing.round * 2).await?;
    let syncs = f64::from(u32::try_from(disk.syncs()? - before)?);
    let ratio = f64::from(sample.operations) / syncs;
    // The target is for slow disks: a quick one is done before more can wait.
    let (target, is_met) = match delay_us {
        0 => (String::new(), None),
        _ => ("≥ 5 a sync".to_owned(), Some(ratio >= 5.0)),
    };
    table.push(Row {
        what: format!("refreshes for each sync, {place}"),
        measured: format!(
            "{ratio:.1} a sync; {}/s, p99 {} ms",
            count(sample.per_second()),
            ms(sample.quantile_ms(0.99))
        ),
        reference: format!("{} syncs/s, {CLIENTS} clients", count(syncs / sample.wall_seconds)),
        target,
        is_met,
        ..Row::default()
    });
    Ok(())
}
