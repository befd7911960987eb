//! Closed-loop load: each client sends its next request when it has the answer to the last.

use std::io;
use std::time::{Duration, Instant};

use tokio::task::JoinSet;

use crate::http::{Answer, Connection};
use crate::process::Process;
use crate::sample::Sample;
use crate::{Result, Timing};

/// What one client asks for, again and again.
pub(crate) trait Client: Send {
    /// The next request.
    fn request(&mut self) -> Vec<u8>;

    /// Looks at the answer; whether it was the right one.
    fn accept(&mut self, answer: &Answer<'_>) -> bool;
}

/// The same request each time, right if it is answered with that status.
pub(crate) struct Repeat {
    pub(crate) request: Vec<u8>,
    pub(crate) status: u16,
}

impl Client for Repeat {
    fn request(&mut self) -> Vec<u8> {
        self.request.clone()
    }

    fn accept(&mut self, answer: &Answer<'_>) -> bool {
        answer.status == self.status
    }
}

/// Clients of one server.
pub(crate) struct Load<'a> {
    process: &'a Process,
    clients: Vec<Box<dyn Client>>,
    is_warm: bool,
}

/// What a server does for the first time is not what it does all day.
const WARM_UP: Duration = Duration::from_millis(300);

impl<'a> Load<'a> {
    pub(crate) fn new(process: &'a Process, clients: Vec<Box<dyn Client>>) -> Self {
        Self { process, clients, is_warm: false }
    }

    /// So many clients that all repeat one request.
    pub(crate) fn repeat(process: &'a Process, clients: usize, request: &[u8]) -> Self {
        let client = || Repeat { request: request.to_vec(), status: 200 };
        Self::new(process, (0..clients).map(|_| Box::new(client()) as Box<dyn Client>).collect())
    }

    /// Keeps the server busy for so long.
    pub(crate) async fn run(&mut self, time: Duration) -> Result<Sample> {
        if !self.is_warm {
            self.is_warm = true;
            self.run_once(WARM_UP).await?;
        }
        self.run_once(time).await
    }

    async fn run_once(&mut self, time: Duration) -> Result<Sample> {
        let mut connections = Vec::new();
        for _ in 0..self.clients.len() {
            connections.push(Connection::open(self.process.address).await?);
        }
        let cpu = self.process.cpu_seconds()?;
        let started = Instant::now();
        let mut tasks = JoinSet::new();
        for (client, connection) in self.clients.drain(..).zip(connections) {
            tasks.spawn(repeat_until(started + time, client, connection));
        }
        let mut sample = Sample::default();
        while let Some(ended) = tasks.join_next().await {
            let (client, part) = ended?;
            self.clients.push(client);
            sample.add(part?);
        }
        sample.wall_seconds = started.elapsed().as_secs_f64();
        sample.cpu_seconds = self.process.cpu_seconds()? - cpu;
        Ok(sample)
    }
}

async fn repeat_until(
    end: Instant,
    mut client: Box<dyn Client>,
    mut connection: Connection,
) -> (Box<dyn Client>, io::Result<Sample>) {
    let mut sample = Sample::default();
    loop {
        let sent = Instant::now();
        if sent >= end {
            return (client, Ok(sample));
        }
        match connection.exchange(&client.request()).await {
            Ok(answer) if client.accept(&answer) => sample.operations += 1,
            Ok(_) => sample.errors += 1,
            Err(error) => return (client, Err(error)),
        }
        sample.latencies.push(microseconds(sent.elapsed()));
    }
}

pub(crate) fn microseconds(time: Duration) -> u32 {
    u32::try_from(time.as_micros()).unwrap_or(u32::MAX)
}

/// What was measured, and the reference that took turns with it.
pub(crate) struct Comparison {
    pub(crate) measured: Sample,
    pub(crate) reference: Sample,
}

impl Comparison {
    /// How the rates for each CPU second compare.
    pub(crate) fn ratio(&self) -> f64 {
        self.measured.per_cpu_second() / self.reference.per_cpu_second()
    }
}

/// Two servers in turns, so that a slow moment of the machine is a slow moment of both.
pub(crate) async fn compare(
    timing: Timing,
    measured: &mut Load<'_>,
    reference: &mut Load<'_>,
) -> Result<Comparison> {
    let (mut of_measured, mut of_reference) = (Sample::default(), Sample::default());
    for _ in 0..timing.rounds {
        of_reference.add(reference.run(timing.round).await?);
        of_measured.add(measured.run(timing.round).await?);
    }
    Ok(Comparison { measured: of_measured, reference: of_reference })
}

/// A server and a loop of this process in turns.
pub(crate) async fn compare_with_loop(
    timing: Timing,
    measured: &mut Load<'_>,
    mut reference: impl FnMut(Duration) -> Result<Sample>,
) -> Result<Comparison> {
    let (mut of_measured, mut of_reference) = (Sample::default(), Sample::default());
    for _ in 0..timing.rounds {
        of_reference.add(reference(timing.round)?);
        of_measured.add(measured.run(timing.round).await?);
    }
    Ok(Comparison { measured: of_measured, reference: of_reference })
}
