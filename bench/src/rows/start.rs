use std::fs;
use std::time::Duration;

use tokio::time::sleep;

use crate::load::microseconds;
use crate::sample::{ms, quantile_ms};
use crate::table::{Row, Table};
use crate::{Bench, Result};

/// By then everything that starting needs has been given back.
const SETTLED: Duration = Duration::from_secs(1);

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let mut first = Vec::new();
    for number in 0..bench.timing.starts {
        first.push(start(bench, &format!("start-{number}")).await?);
    }
    let mut again = Vec::new();
    for _ in 0..bench.timing.starts {
        again.push(start(bench, "start-0").await?);
    }
    push(table, "start to first answer, with existing data", &again, 25.0);
    push(table, "start to first answer, the first time (RSA key)", &first, 300.0);

    let server = bench.doorward("start-0", &[]).await?;
    server.first_answer("/livez").await?;
    sleep(SETTLED).await;
    push_size(table, "idle memory (resident)", server.memory_mib("VmRSS")?, 20.0);
    let bytes = u32::try_from(fs::metadata(&bench.binary)?.len()).map(f64::from)?;
    push_size(table, "binary, stripped (SQLite only so far)", bytes / 1024.0 / 1024.0, 30.0);
    Ok(())
}

async fn start(bench: &Bench, name: &str) -> Result<u32> {
    let server = bench.doorward(name, &[]).await?;
    let took = server.first_answer("/livez").await?;
    server.stop().await?;
    Ok(microseconds(took))
}

fn push(table: &mut Table, what: &str, times: &[u32], most: f64) {
    let median = quantile_ms(times, 0.5);
    table.push(Row {
        what: what.to_owned(),
        measured: format!(
            "median {} ms, slowest {} ms of {}",
            ms(median),
            ms(quantile_ms(times, 1.0)),
            times.len()
        ),
        target: format!("≤ {most} ms"),
        is_met: Some(median <= most),
        ..Row::default()
    });
}

fn push_size(table: &mut Table, what: &str, mib: f64, most: f64) {
    table.push(Row {
        what: what.to_owned(),
        measured: format!("{mib:.1} MiB"),
        target: format!("≤ {most} MiB"),
        is_met: Some(mib <= most),
        ..Row::default()
    });
}
