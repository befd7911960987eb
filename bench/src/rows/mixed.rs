use crate::accounts;
use crate::open_load::{self, Answered, Clients, Stream};
use crate::rows::passwords::bare_hashes;
use crate::sample::{ms, quantile_ms};
use crate::table::{Row, Table};
use crate::{Bench, Result};

const USERS: u32 = 100;
const SESSIONS: usize = 200;
const LOGINS: usize = 0;
const REFRESHES: usize = 1;

pub(crate) async fn measure(bench: &Bench, table: &mut Table) -> Result<()> {
    let server = bench.doorward("mixed", &[]).await?;
    accounts::register(&server, USERS).await?;
    let refreshers = accounts::refreshers(&server, SESSIONS).await?;
    let stream = |per_second, clients| Stream { per_second, clients: Clients::new(clients) };
    let streams = [
        stream(100.0, accounts::logins(500, USERS)),
        stream(50.0, refreshers),
        stream(10.0, accounts::registrations(50)),
    ];
    let cpu = server.cpu_seconds()?;
    let answers = open_load::run(server.address, &streams, bench.timing.mixed).await?;
    let cores = (server.cpu_seconds()? - cpu) / bench.timing.mixed.as_secs_f64();

    let bare = bare_hashes(bench.cores, bench.timing.round)?;
    let bare_cores = 110.0 / bare.per_cpu_second();
    let what =
        |part: &str| format!("100 logins + 50 refreshes + 10 registrations a second: {part}");
    let wrong = || answers.iter().filter(|answer| !answer.is_right);
    let errors = wrong().count();
    let refused = wrong().filter(|answer| answer.status == 503).count();
    table.push(Row {
        what: what("errors"),
        measured: format!("{errors} of {} ({refused} were 503)", answers.len()),
        target: "none".to_owned(),
        is_met: Some(errors == 0),
        ..Row::default()
    });
    table.push(Row {
        what: what("cores of the server"),
        measured: format!("{cores:.2}"),
        reference: format!("110 bare hashes a second: {bare_cores:.2}"),
        target: "≤ 1.2".to_owned(),
        is_met: Some(cores <= 1.2),
        ..Row::default()
    });
    for (name, stream, most) in [("login", LOGINS, 50.0), ("refresh", REFRESHES, 15.0)] {
        let latencies = latencies(&answers, stream);
        let p99 = quantile_ms(&latencies, 0.99);
        table.push(Row {
            what: what(name),
            measured: format!("p50 {} ms, p99 {} ms", ms(quantile_ms(&latencies, 0.5)), ms(p99)),
            target: format!("p99 ≤ {most} ms"),
            is_met: Some(p99 <= most),
            ..Row::default()
        });
    }
    Ok(())
}

fn latencies(answers: &[Answered], stream: usize) -> Vec<u32> {
    answers.iter().filter(|answer| answer.stream == stream).map(|answer| answer.latency).collect()
}
