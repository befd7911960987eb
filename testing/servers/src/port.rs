use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::os::linux::net::SocketAddrExt as _;
use std::os::unix::net::{SocketAddr as UnixAddress, UnixListener};
use std::sync::atomic::{AtomicU32, Ordering};
use std::{fs, process};

use crate::{Result, ServerError};

/// The first port that we give away.
const FIRST: u32 = 10_000;

/// Where the system's own choice of ports begins, unless it says otherwise.
const EPHEMERAL: u32 = 32_768;

/// A port of 127.0.0.1 that no other value has, in whatever process: also while nobody listens on
/// it, so that a server that was stopped finds its port free.
///
/// It lies below those that the system gives to clients. Whoever connects again and again to a
/// port that is among those and on which nobody listens ends up connected to itself.
#[derive(Debug)]
pub struct Port {
    /// The port itself.
    pub number: u16,
    /// Its name is ours until it is closed, by us or by the end of the process; it is no file.
    _reservation: UnixListener,
}

impl Port {
    /// Reserves one on which nobody listens.
    pub fn reserve() -> Result<Self> {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let end = ephemeral_ports().filter(|first| *first > FIRST + 1000).unwrap_or(EPHEMERAL);
        for _ in FIRST..end {
            // Processes begin at different places, so that they seldom meet.
            let step = NEXT.fetch_add(1, Ordering::Relaxed);
            let at = process::id().wrapping_mul(37).wrapping_add(step) % (end - FIRST);
            if let Ok(number) = u16::try_from(FIRST + at)
                && let Some(port) = Self::reserved(number)
            {
                return Ok(port);
            }
        }
        Err(ServerError::new("no port is free"))
    }

    /// Its address.
    pub fn address(&self) -> SocketAddr {
        (Ipv4Addr::LOCALHOST, self.number).into()
    }

    fn reserved(number: u16) -> Option<Self> {
        let name = format!("doorward-test-port-{number}");
        let address = UnixAddress::from_abstract_name(name).ok()?;
        let reservation = UnixListener::bind_addr(&address).ok()?;
        TcpListener::bind((Ipv4Addr::LOCALHOST, number)).ok()?;
        Some(Self { number, _reservation: reservation })
    }
}

/// The first of the ports that the system chooses from.
fn ephemeral_ports() -> Option<u32> {
    let range = fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range").ok()?;
    range.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_port_is_nobody_elses_until_it_is_dropped() {
        let port = Port::reserve().unwrap();
        assert!(Port::reserved(port.number).is_none());
        let number = port.number;
        drop(port);
        assert!(Port::reserved(number).is_some());
    }

    #[test]
    fn a_port_on_which_somebody_listens_is_not_free() {
        let port = Port::reserve().unwrap();
        let number = port.number;
        let _listener = TcpListener::bind(port.address()).unwrap();
        drop(port);
        assert!(Port::reserved(number).is_none());
    }

    #[test]
    fn ports_lie_below_those_of_clients() {
        let ports: Vec<_> = (0..50).map(|_| Port::reserve().unwrap()).collect();
        let first = ephemeral_ports().unwrap_or(EPHEMERAL);
        assert!(ports.iter().all(|port| u32::from(port.number) < first));
    }
}
