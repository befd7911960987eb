use std::fmt;
use std::net::{IpAddr, Ipv6Addr};

/// Where a request came from, as far as the edge could tell.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Client {
    /// The client's address, by the configured number of trusted proxies.
    pub address: Option<IpAddr>,
    /// The `User-Agent` header, cut to 256 characters; control characters are dropped.
    pub user_agent: Option<Box<str>>,
}

const USER_AGENT_CHARACTERS_MAX: usize = 256;

impl Client {
    /// A client at that address, with what it calls itself.
    pub fn new(address: Option<IpAddr>, user_agent: Option<&str>) -> Self {
        let user_agent = user_agent.map(|text| {
            text.chars().filter(|c| !c.is_control()).take(USER_AGENT_CHARACTERS_MAX).collect()
        });
        Self { address, user_agent }
    }
}

/// How much of an IPv6 address tells networks apart: what one customer gets at least.
const NETWORK_BITS: u32 = 64;

impl Client {
    /// What limits are counted by: the address itself, of IPv6 the /64 that it lies in.
    pub fn network(&self) -> Option<IpAddr> {
        Some(match self.address?.to_canonical() {
            IpAddr::V6(address) => {
                let host_bits = Ipv6Addr::BITS - NETWORK_BITS;
                IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() >> host_bits << host_bits))
            }
            address @ IpAddr::V4(_) => address,
        })
    }
}

/// Tells devices apart as far as what they call themselves does, without version numbers: a browser
/// that updated itself is the same device.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DeviceDigest(pub [u8; 16]);

impl Client {
    /// What is digested to tell the device: its name without digits.
    pub fn device_name(&self) -> String {
        let name = self.user_agent.as_deref().unwrap_or_default();
        name.chars().filter(|c| !c.is_ascii_digit() && *c != '.').collect()
    }
}

/// Ties answers, log lines and events of one request together: 1 to 128 visible ASCII characters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RequestId(Box<str>);

impl RequestId {
    /// Takes a caller's id if it has the right form.
    pub fn parse(text: &str) -> Option<Self> {
        let fits = (1..=128).contains(&text.len());
        (fits && text.bytes().all(|byte| byte.is_ascii_graphic())).then(|| Self(text.into()))
    }

    /// The id as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_agent_is_cut_and_cleaned() {
        let client = Client::new(None, Some(&format!("a\u{7}b{}", "x".repeat(300))));
        let kept = client.user_agent.unwrap();
        assert!(kept.starts_with("abx"));
        assert_eq!(kept.chars().count(), 256);
    }

    #[test]
    fn addresses_of_one_ipv6_network_are_one_client_and_those_of_ipv4_are_not() {
        let network = |text: &str| Client::new(Some(text.parse().unwrap()), None).network();
        assert_eq!(network("2001:db8:1:2:3:4:5:6"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::1"), network("2001:db8:1:3::1"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
        assert_eq!(network("::ffff:192.0.2.1"), network("192.0.2.1"));
        assert_eq!(Client::new(None, None).network(), None);
    }

    #[test]
    fn a_device_is_the_same_after_an_update() {
        let name = |text| Client::new(None, Some(text)).device_name();
        assert_eq!(name("Browser/141.0 (Linux x86_64)"), name("Browser/142.0.1 (Linux x86_64)"));
        assert_ne!(name("Browser/141.0"), name("curl/8.5"));
        assert_eq!(Client::new(None, None).device_name(), "");
    }

    #[test]
    fn a_request_id_that_could_forge_a_log_line_is_not_taken() {
        assert!(RequestId::parse("req-1").is_some());
        for wrong in ["", "a b", "a\nb", "ü", &"x".repeat(129)] {
            assert_eq!(RequestId::parse(wrong), None, "{wrong:?}");
        }
    }
}
