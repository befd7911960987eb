//! One direction of a connection through a proxy.

use std::io::{self, Read as _, Write as _};
use std::net::{Shutdown, TcpStream};
use std::sync::{Condvar, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

/// What becomes of bytes that arrive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Way {
    #[default]
    Open,
    /// They wait until it is open again.
    Hanging,
    /// Their connection ends.
    Closed,
}

/// Where every chunk passes.
#[derive(Default)]
pub(crate) struct Gate {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Clone, Copy, Default)]
struct State {
    way: Way,
    delay: Duration,
}

impl Gate {
    pub(crate) fn set_way(&self, way: Way) {
        self.state().way = way;
        self.changed.notify_all();
    }

    pub(crate) fn set_delay(&self, delay: Duration) {
        self.state().delay = delay;
    }

    /// Waits as long as a chunk must; an error if it comes through no more.
    pub(crate) fn pass(&self) -> io::Result<()> {
        let mut state = self.state();
        let until = Instant::now() + state.delay;
        loop {
            let remaining = until.saturating_duration_since(Instant::now());
            state = match state.way {
                Way::Closed => return Err(io::ErrorKind::ConnectionAborted.into()),
                Way::Open if remaining.is_zero() => return Ok(()),
                Way::Open => {
                    let waited = self.changed.wait_timeout(state, remaining);
                    waited.unwrap_or_else(PoisonError::into_inner).0
                }
                Way::Hanging => self.changed.wait(state).unwrap_or_else(PoisonError::into_inner),
            };
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

pub(crate) struct Pump<'a> {
    pub(crate) from: &'a TcpStream,
    pub(crate) to: &'a TcpStream,
    pub(crate) gate: &'a Gate,
}

impl Pump<'_> {
    /// Carries bytes until the sender has no more. If anything fails, both directions end.
    pub(crate) fn run(&self) {
        let ended = match self.carry() {
            Ok(()) => self.to.shutdown(Shutdown::Write),
            Err(error) => Err(error),
        };
        if ended.is_err() {
            // Either may be closed already.
            let _ = self.from.shutdown(Shutdown::Both);
            let _ = self.to.shutdown(Shutdown::Both);
        }
    }

    fn carry(&self) -> io::Result<()> {
        let (mut from, mut to) = (self.from, self.to);
        let mut buffer = [0; 16 * 1024];
        loop {
            let length = from.read(&mut buffer)?;
            self.gate.pass()?;
            if length == 0 {
                return Ok(());
            }
            to.write_all(&buffer[..length])?;
        }
    }
}
