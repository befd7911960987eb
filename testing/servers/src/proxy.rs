use std::io;
use std::net::{SocketAddr, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use crate::Result;
use crate::acceptor::{Acceptor, Ends};
use crate::pump::{Gate, Pump, Way};

/// A port of our own that leads to a server, and is cut, hangs, or is slow when the test says so.
pub struct TcpProxy {
    acceptor: Acceptor,
    gate: Arc<Gate>,
}

impl TcpProxy {
    /// Listens on a free port, and leads there.
    pub fn open(target: SocketAddr) -> Result<Self> {
        let gate = Arc::new(Gate::default());
        let own = Arc::clone(&gate);
        let acceptor = Acceptor::open(move |client, ends| lead(client, target, &own, ends))?;
        Ok(Self { acceptor, gate })
    }

    /// Where clients connect; the same as long as the value lives.
    pub fn address(&self) -> SocketAddr {
        self.acceptor.address()
    }

    /// How many connections it has accepted so far.
    pub fn accepted(&self) -> usize {
        self.acceptor.accepted()
    }

    /// Ends all connections; new ones are refused, until [`Self::restore`].
    pub fn cut(&self) {
        // First, because what waits at the gate notices nothing else.
        self.gate.set_way(Way::Closed);
        self.acceptor.cut();
    }

    /// Connections stay and new ones are accepted, and nothing comes through, until
    /// [`Self::restore`]; what was sent meanwhile then arrives.
    pub fn hang(&self) {
        self.gate.set_way(Way::Hanging);
    }

    /// Ends what [`Self::cut`] or [`Self::hang`] began.
    pub fn restore(&self) -> Result<()> {
        self.gate.set_way(Way::Open);
        self.acceptor.restore()
    }

    /// Every chunk takes this much longer from now on, in each direction.
    pub fn delay(&self, delay: Duration) {
        self.gate.set_delay(delay);
    }
}

impl Drop for TcpProxy {
    fn drop(&mut self) {
        self.cut();
    }
}

/// Leads the client to the target until both are done, or one of them breaks off.
fn lead(client: &TcpStream, target: SocketAddr, gate: &Gate, ends: &Ends) -> io::Result<()> {
    gate.pass()?;
    let server = ends.connect(target)?;
    thread::scope(|scope| {
        let there = Pump { from: client, to: &server, gate };
        let back = Pump { from: &server, to: client, gate };
        scope.spawn(move || there.run());
        back.run();
    });
    Ok(())
}
