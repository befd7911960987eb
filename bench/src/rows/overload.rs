use crate::accounts;
use crate::load::Load;
use crate::open_load::{self, Answered, Clients, Stream};
use crate::sample::{count, ms, quantile_ms};
use crate::table::{Row, Table};
use crate::{Bench, Result};

const USERS: u32 = 50;
const SESSIONS: usize = 200;
const LOGINS: usize = 0;
const REFRESHES: usize = 1;
/// What each hashing thread needs, and what everything else may grow by, in MiB.
const THREAD_MIB: f64 = 19.0;
const SPARE_MIB: f64 = 20.0;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let server = bench.doorward("overload", &[]).await?;
    server.first_answer("/livez").await?;
    let idle = server.memory_mib("VmRSS")?;
    accounts::register(&server, USERS).await?;
    let refreshers = accounts::refreshers(&server, SESSIONS).await?;
    let mut logins = Load::new(&server, accounts::logins(bench.cores * 4, USERS));
    let capacity = logins.run(bench.timing.round).await?.per_second();

    let stream = |per_second, clients| Stream { per_second, clients: Clients::new(clients) };
    let streams =
        [stream(capacity * 2.0, accounts::logins(2_000, USERS)), stream(50.0, refreshers)];
    let answers = open_load::run(server.address, &streams, bench.timing.overload).await?;
    let peak = server.memory_mib("VmHWM")?;
    push_latencies(table, &answers, capacity);

    let threads = u32::try_from(bench.cores).map(f64::from)?;
    let most = threads * THREAD_MIB + SPARE_MIB + idle;
    table.push(Row {
        what: "at twice the hashing capacity: peak memory".to_owned(),
        measured: format!("{peak:.1} MiB"),
        reference: format!("idle {idle:.1} MiB + {threads} × 19 + 20"),
        target: format!("≤ {most:.0} MiB"),
        is_met: Some(peak <= most),
        ..Row::default()
    });
    Ok(())
}

fn push_latencies(table: &mut Table, answers: &[Answered], capacity: f64) {
    let of = |stream: usize, status: u16| -> Vec<u32> {
        let wanted = |answer: &&Answered| answer.stream == stream && answer.status == status;
        answers.iter().filter(wanted).map(|answer| answer.latency).collect()
    };
    let refreshes = of(REFRESHES, 200);
    let p99 = quantile_ms(&refreshes, 0.99);
    let failed = answers.iter().filter(|answer| answer.stream == REFRESHES).count();
    let failed = failed - refreshes.len();
    table.push(Row {
        what: "at twice the hashing capacity: refresh".to_owned(),
        measured: format!(
            "p50 {} ms, p99 {} ms, {failed} errors",
            ms(quantile_ms(&refreshes, 0.5)),
            ms(p99)
        ),
        reference: format!("capacity {} logins/s", count(capacity)),
        target: "p99 ≤ 60 ms".to_owned(),
        is_met: Some(p99 <= 60.0 && failed == 0),
        ..Row::default()
    });
    let (served, refused) = (of(LOGINS, 200), of(LOGINS, 503));
    let others = answers.iter().filter(|answer| answer.stream == LOGINS).count();
    let others = others - served.len() - refused.len();
    let p99 = quantile_ms(&refused, 0.99);
    table.push(Row {
        what: "at twice the hashing capacity: excess logins".to_owned(),
        measured: format!(
            "{} refused, p50 {} ms, p99 {} ms; {} served, p99 {} ms; {others} others",
            refused.len(),
            ms(quantile_ms(&refused, 0.5)),
            ms(p99),
            served.len(),
            ms(quantile_ms(&served, 0.99))
        ),
        target: "503 within 100 ms".to_owned(),
        is_met: Some(p99 <= 100.0 && others == 0),
        ..Row::default()
    });
}
