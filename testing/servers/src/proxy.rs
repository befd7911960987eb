use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::pump::{Gate, Pump, Way};
use crate::{Port, Result};

/// As many connections as it has at once; more are ended at once.
const CONNECTIONS_MAX: usize = 1024;

/// How long the target may take to let a connection in.
const CONNECTING: Duration = Duration::from_secs(5);

/// A port of our own that leads to a server, and is cut, hangs, or is slow when the test says so.
pub struct TcpProxy {
    port: Port,
    target: SocketAddr,
    state: Arc<State>,
    acceptor: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads share.
#[derive(Default)]
struct State {
    gate: Arc<Gate>,
    connections: Mutex<Connections>,
}

#[derive(Default)]
struct Connections {
    accepted: usize,
    /// Set when the acceptor shall end; it is woken up by a connection.
    is_closed: bool,
    open: Vec<Connection>,
}

struct Connection {
    ends: Arc<Ends>,
    thread: JoinHandle<()>,
}

/// Both sides of a connection, the target's once it is there. Whoever reads or writes on one of
/// them wakes up when it is shut down.
#[derive(Default)]
struct Ends(Mutex<Vec<TcpStream>>);

impl TcpProxy {
    /// Listens on a free port, and leads there.
    pub fn open(target: SocketAddr) -> Result<Self> {
        let state = Arc::new(State::default());
        let proxy = Self { port: Port::reserve()?, target, state, acceptor: Mutex::default() };
        proxy.listen()?;
        Ok(proxy)
    }

    /// Where clients connect; the same as long as the value lives.
    pub fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// How many connections it has accepted so far.
    pub fn accepted(&self) -> usize {
        self.state.connections().accepted
    }

    /// Ends all connections; new ones are refused, until [`Self::restore`].
    pub fn cut(&self) {
        self.state.connections().is_closed = true;
        // Wakes up the acceptor, which then sees that it must end.
        let _ = TcpStream::connect(self.address());
        if let Some(acceptor) = self.acceptor().take() {
            // It does not panic.
            let _ = acceptor.join();
        }
        self.state.gate.set_way(Way::Closed);
        let open = std::mem::take(&mut self.state.connections().open);
        for connection in open {
            connection.ends.shut_down();
            // Neither does this one panic.
            let _ = connection.thread.join();
        }
    }

    /// Connections stay and new ones are accepted, and nothing comes through, until
    /// [`Self::restore`]; what was sent meanwhile then arrives.
    pub fn hang(&self) {
        self.state.gate.set_way(Way::Hanging);
    }

    /// Ends what [`Self::cut`] or [`Self::hang`] began.
    pub fn restore(&self) -> Result<()> {
        self.state.gate.set_way(Way::Open);
        if self.acceptor().is_none() {
            self.listen()?;
        }
        Ok(())
    }

    /// Every chunk takes this much longer from now on, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.state.gate.set_delay(delay);
    }

    fn listen(&self) -> Result<()> {
        let listener = TcpListener::bind(self.address())?;
        self.state.connections().is_closed = false;
        let (state, target) = (Arc::clone(&self.state), self.target);
        *self.acceptor() = Some(thread::spawn(move || accept(&listener, target, &state)));
        Ok(())
    }

    fn acceptor(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.acceptor.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.cut();
    }
}

impl State {
    fn connections(&self) -> MutexGuard<'_, Connections> {
        self.connections.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Ends {
    fn add(&self, end: &TcpStream) -> io::Result<()> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(end.try_clone()?);
        Ok(())
    }

    fn shut_down(&self) {
        for end in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter() {
            // It may be closed already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }
}

fn accept(listener: &TcpListener, target: SocketAddr, state: &State) {
    for client in listener.incoming() {
        let mut connections = state.connections();
        if connections.is_closed {
            return;
        }
        connections.open.retain(|connection| !connection.thread.is_finished());
        let Ok(client) = client else {
            drop(connections);
            // Most likely too many files are open.
            thread::sleep(Duration::from_millis(10));
            continue;
        };
        connections.accepted += 1;
        let ends = Arc::new(Ends::default());
        if connections.open.len() < CONNECTIONS_MAX && ends.add(&client).is_ok() {
            let (gate, own) = (Arc::clone(&state.gate), Arc::clone(&ends));
            let thread = thread::spawn(move || {
                // Whatever went wrong, the client notices that it is over.
                let _ = lead(&client, target, &gate, &own);
                own.shut_down();
            });
            connections.open.push(Connection { ends, thread });
        }
    }
}

/// Leads the client to the target until both are done, or one of them breaks off.
fn lead(client: &TcpStream, target: SocketAddr, gate: &Gate, ends: &Ends) -> io::Result<()> {
    gate.pass()?;
    let server = TcpStream::connect_timeout(&target, CONNECTING)?;
    ends.add(&server)?;
    // It may have been closed before the server was among its ends.
    gate.pass()?;
    client.set_nodelay(true)?;
    server.set_nodelay(true)?;
    thread::scope(|scope| {
        let there = Pump { from: client, to: &server, gate };
        let back = Pump { from: &server, to: client, gate };
        scope.spawn(move || there.run());
        back.run();
    });
    Ok(())
}
