//! What the proxies have in common: a port whose connections can all be ended at once.

use std::io;
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use crate::{Port, Result};

/// As many connections as it has at once; more are ended at once.
const CONNECTIONS_MAX: usize = 1024;

/// How long a target may take to let a connection in.
const CONNECTING: Duration = Duration::from_secs(5);

/// What is done with a client. The connection is over when it returns.
type Serve = Box<dyn Fn(&TcpStream, &Ends) -> io::Result<()> + Send + Sync>;

/// Accepts connections on a port of its own, each served in a thread of its own.
pub(crate) struct Acceptor {
    port: Port,
    state: Arc<State>,
    thread: Mutex<Option<JoinHandle<()>>>,
}

/// What the threads share.
struct State {
    serve: Serve,
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

/// Both sides of a connection, the target's once it is there; `None` when it is over. Whoever reads
/// or writes on one of them wakes up when it is shut down.
pub(crate) struct Ends(Mutex<Option<Vec<TcpStream>>>);

/// A connection that is over when this goes, also in a panic.
struct Served(Arc<Ends>);

impl Acceptor {
    /// Listens on a free port.
    pub(crate) fn open(
        serve: impl Fn(&TcpStream, &Ends) -> io::Result<()> + Send + Sync + 'static,
    ) -> Result<Self> {
        let state = State { serve: Box::new(serve), connections: Mutex::default() };
        let acceptor =
            Self { port: Port::reserve()?, state: Arc::new(state), thread: Mutex::default() };
        acceptor.restore()?;
        Ok(acceptor)
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.port.address()
    }

    /// How many connections it has accepted so far.
    pub(crate) fn accepted(&self) -> usize {
        self.state.connections().accepted
    }

    /// Ends all connections; new ones are refused, until [`Self::restore`].
    pub(crate) fn cut(&self) {
        self.state.connections().is_closed = true;
        // Wakes up the acceptor, which then sees that it must end.
        let _ = TcpStream::connect(self.address());
        if let Some(thread) = self.thread().take() {
            // It does not panic.
            let _ = thread.join();
        }
        let open = std::mem::take(&mut self.state.connections().open);
        for connection in open {
            connection.ends.shut_down();
            // What became of it is the test's affair.
            let _ = connection.thread.join();
        }
    }

    /// Listens again, if it does not.
    pub(crate) fn restore(&self) -> Result<()> {
        let mut thread = self.thread();
        if thread.is_none() {
            let listener = TcpListener::bind(self.address())?;
            self.state.connections().is_closed = false;
            let state = Arc::clone(&self.state);
            *thread = Some(thread::spawn(move || accept(&listener, &state)));
        }
        Ok(())
    }

    fn thread(&self) -> MutexGuard<'_, Option<JoinHandle<()>>> {
        self.thread.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Acceptor {
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
    fn of(client: &TcpStream) -> io::Result<Self> {
        client.set_nodelay(true)?;
        Ok(Self(Mutex::new(Some(vec![client.try_clone()?]))))
    }

    /// Connects to the target; an error also if the connection is over meanwhile.
    pub(crate) fn connect(&self, target: SocketAddr) -> io::Result<TcpStream> {
        let server = TcpStream::connect_timeout(&target, CONNECTING)?;
        server.set_nodelay(true)?;
        let Some(ends) = &mut *self.lock() else {
            return Err(io::ErrorKind::ConnectionAborted.into());
        };
        ends.push(server.try_clone()?);
        Ok(server)
    }

    fn shut_down(&self) {
        for end in self.lock().take().into_iter().flatten() {
            // It may be closed already.
            let _ = end.shutdown(Shutdown::Both);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Vec<TcpStream>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.0.shut_down();
    }
}

fn accept(listener: &TcpListener, state: &Arc<State>) {
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
        if connections.open.len() < CONNECTIONS_MAX
            && let Ok(ends) = Ends::of(&client)
        {
            let ends = Arc::new(ends);
            let (state, served) = (Arc::clone(state), Served(Arc::clone(&ends)));
            let thread = thread::spawn(move || {
                // Whatever went wrong, the client notices that it is over.
                let _ = (state.serve)(&client, &served.0);
            });
            connections.open.push(Connection { ends, thread });
        }
    }
}
