//! Open-loop load: requests go out at their appointed times, however slow the answers are.

use std::collections::VecDeque;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::sleep_until;

use crate::Result;
use crate::http::Connection;
use crate::load::{Client, microseconds};

/// Most requests in flight; more wait, and the time that they wait is theirs.
const CONNECTIONS_MAX: usize = 1_024;

/// Requests of one kind: so many a second, each by the client whose turn it is.
pub(crate) struct Stream {
    pub(crate) per_second: f64,
    pub(crate) clients: Clients,
}

/// Clients that wait for their turn. One that waits for an answer is not asked for more.
#[derive(Clone)]
pub(crate) struct Clients(Arc<Mutex<VecDeque<Box<dyn Client>>>>);

impl Clients {
    pub(crate) fn new(clients: Vec<Box<dyn Client>>) -> Self {
        Self(Arc::new(Mutex::new(clients.into())))
    }

    fn take(&self) -> Option<Box<dyn Client>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).pop_front()
    }

    fn put(&self, client: Box<dyn Client>) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back(client);
    }
}

/// One answer.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Answered {
    /// Which stream it belongs to.
    pub(crate) stream: usize,
    /// 0: the connection failed, or there was no client left to send it.
    pub(crate) status: u16,
    pub(crate) is_right: bool,
    /// From the appointed time to the whole answer, in microseconds.
    pub(crate) latency: u32,
}

/// Sends the streams for so long and waits for all answers.
pub(crate) async fn run(
    address: SocketAddr,
    streams: &[Stream],
    time: Duration,
) -> Result<Vec<Answered>> {
    let idle = Arc::new(Mutex::new(Vec::<Connection>::new()));
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    // A moment to come, so that the first is not late.
    let started = Instant::now() + Duration::from_millis(100);
    let mut tasks = JoinSet::new();
    for (at, stream) in schedule(streams, time) {
        let appointed = started + at;
        sleep_until(appointed.into()).await;
        let (idle, places) = (Arc::clone(&idle), Arc::clone(&places));
        let clients = streams[stream].clients.clone();
        tasks.spawn(async move {
            let _place = places.acquire().await;
            let (status, is_right) = send(address, &idle, &clients).await.unwrap_or((0, false));
            Answered { stream, status, is_right, latency: microseconds(appointed.elapsed()) }
        });
    }
    let mut answers = Vec::new();
    while let Some(answered) = tasks.join_next().await {
        answers.push(answered?);
    }
    Ok(answers)
}

async fn send(
    address: SocketAddr,
    idle: &Mutex<Vec<Connection>>,
    clients: &Clients,
) -> io::Result<(u16, bool)> {
    let waiting = idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
    let mut connection = match waiting {
        Some(connection) => connection,
        None => Connection::open(address).await?,
    };
    let mut client = clients.take().ok_or(io::ErrorKind::ResourceBusy)?;
    let request = client.request();
    let answer = connection.exchange(&request).await?;
    let outcome = (answer.status, client.accept(&answer));
    idle.lock().unwrap_or_else(PoisonError::into_inner).push(connection);
    clients.put(client);
    Ok(outcome)
}

/// The appointed times of all streams, in order; streams start apart from each other.
fn schedule(streams: &[Stream], time: Duration) -> Vec<(Duration, usize)> {
    let mut times = Vec::new();
    for (index, stream) in streams.iter().enumerate() {
        let interval = Duration::from_secs_f64(1.0 / stream.per_second);
        let mut at = interval.mul_f64([0.0, 0.37, 0.71][index % 3]);
        while at < time {
            times.push((at, index));
            at += interval;
        }
    }
    times.sort_unstable();
    times
}
