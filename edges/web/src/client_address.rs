use std::net::{IpAddr, SocketAddr};

use axum::http::HeaderMap;

/// The address of whoever opened the connection; put into each request by `serve`.
#[derive(Clone, Copy, Debug)]
pub(crate) struct PeerAddress(pub(crate) SocketAddr);

/// The client's address: what the outermost of our own proxies wrote into `X-Forwarded-For`, or
/// the peer's where there is no proxy.
///
/// Entries further left were written by the client and say whatever it likes.
pub(crate) fn client_address(
    peer: Option<PeerAddress>,
    headers: &HeaderMap,
    trusted_proxies: usize,
) -> Option<IpAddr> {
    let peer = peer.map(|PeerAddress(address)| address.ip().to_canonical());
    if trusted_proxies == 0 {
        return peer;
    }
    let entries: Vec<&[u8]> = forwarded_entries(headers).collect();
    // Fewer entries than proxies: the request came in behind the outermost one.
    let index = entries.len().saturating_sub(trusted_proxies);
    match entries.get(index) {
        Some(entry) => str::from_utf8(entry).ok().and_then(parse_entry),
        None => peer,
    }
}

/// What proxies, and whoever pretends to be one, wrote into `X-Forwarded-For`: bytes, because what
/// a client writes into the header must not hide what a proxy adds to it.
pub(crate) fn forwarded_entries(headers: &HeaderMap) -> impl Iterator<Item = &[u8]> {
    headers
        .get_all("x-forwarded-for")
        .iter()
        .flat_map(|value| value.as_bytes().split(|byte| *byte == b','))
        .map(<[u8]>::trim_ascii)
}

/// An address as proxies write it: bare, bracketed, or with a port.
fn parse_entry(entry: &str) -> Option<IpAddr> {
    let address = entry
        .parse::<IpAddr>()
        .or_else(|_| entry.parse::<SocketAddr>().map(|socket| socket.ip()))
        .or_else(|_| entry.trim_matches(['[', ']']).parse::<IpAddr>());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn seen(forwarded: &[&str], trusted_proxies: usize) -> Option<String> {
        let mut headers = HeaderMap::new();
        for value in forwarded {
            headers.append("x-forwarded-for", value.parse().unwrap());
        }
        let peer = Some(PeerAddress("192.0.2.1:4711".parse().unwrap()));
        client_address(peer, &headers, trusted_proxies).map(|address| address.to_string())
    }

    #[test]
    fn without_proxies_the_header_is_not_believed() {
        assert_eq!(seen(&["203.0.113.9"], 0).as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn only_what_our_own_proxies_wrote_counts() {
        let forged = ["6.6.6.6, 203.0.113.9"];
        assert_eq!(seen(&forged, 1).as_deref(), Some("203.0.113.9"));
        assert_eq!(seen(&["6.6.6.6", "203.0.113.9, 10.0.0.2"], 2).as_deref(), Some("203.0.113.9"));
        assert_eq!(seen(&["203.0.113.9"], 3).as_deref(), Some("203.0.113.9"));
        assert_eq!(seen(&[], 1).as_deref(), Some("192.0.2.1"));
    }

    #[test]
    fn bytes_of_the_client_do_not_hide_what_a_proxy_wrote() {
        let mut headers = HeaderMap::new();
        let value = axum::http::HeaderValue::from_bytes(b"\xff, 203.0.113.9").unwrap();
        headers.append("x-forwarded-for", value);
        let peer = Some(PeerAddress("192.0.2.1:4711".parse().unwrap()));
        let address = client_address(peer, &headers, 1);
        assert_eq!(address, Some("203.0.113.9".parse().unwrap()));
    }

    #[test]
    fn an_entry_may_have_a_port_or_brackets_and_nonsense_is_nobody() {
        assert_eq!(seen(&["203.0.113.9:80"], 1).as_deref(), Some("203.0.113.9"));
        assert_eq!(seen(&["[2001:db8::1]:80"], 1).as_deref(), Some("2001:db8::1"));
        assert_eq!(seen(&["[2001:db8::1]"], 1).as_deref(), Some("2001:db8::1"));
        assert_eq!(seen(&["::ffff:203.0.113.9"], 1).as_deref(), Some("203.0.113.9"));
        assert_eq!(seen(&["unknown"], 1), None);
    }

    proptest! {
        #[test]
        fn no_header_panics(value in "[ -~]{0,60}", trusted_proxies in 0_usize..20) {
            let _ = seen(&[&value], trusted_proxies);
        }
    }
}
