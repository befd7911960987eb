//! Which of several machines to talk to, where a URL names several or a name means several.

use std::time::Duration;

use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use tokio::net::lookup_host;
use tokio::time::timeout;
use tokio_postgres::config::{Host, LoadBalanceHosts};
use tokio_postgres::tls::MakeTlsConnect;
use tokio_postgres::{Client, Config, Connection, Error, Socket};
use tokio_postgres_rustls::MakeRustlsConnect;

use super::turn;

/// How long a machine may be silent before the next is tried beside it: so four get their chance
/// within the two seconds that connecting may take, and one that is slow keeps its own.
const HEAD_START: Duration = Duration::from_millis(500);
const PORT: u16 = 5432;

type Stream = <MakeRustlsConnect as MakeTlsConnect<Socket>>::Stream;
type Dialled = (Client, Connection<Socket, Stream>);

/// One configuration for each host that `config` names, in its order; `config` itself if it is not
/// clear which those are, of which the driver then tells.
pub(super) fn each_host(config: &Config) -> Vec<Config> {
    let (names, addresses, ports) =
        (config.get_hosts(), config.get_hostaddrs(), config.get_ports());
    let count = names.len().max(addresses.len());
    let fits = |length: usize, least: usize| length <= least || length == count;
    if count == 0 || !fits(names.len(), 0) || !fits(addresses.len(), 0) || !fits(ports.len(), 1) {
        return vec![config.clone()];
    }
    let hosts = (0..count).map(|index| {
        let mut host = without_hosts(config);
        match names.get(index) {
            Some(Host::Tcp(name)) => _ = host.host(name),
            #[cfg(unix)]
            Some(Host::Unix(path)) => _ = host.host_path(path),
            None => {}
        }
        if let Some(address) = addresses.get(index) {
            host.hostaddr(*address);
        }
        if let Some(port) = ports.get(index).or(ports.first()) {
            host.port(*port);
        }
        host
    });
    hosts.collect()
}

/// What holds for all hosts.
fn without_hosts(config: &Config) -> Config {
    let mut copy = Config::new();
    copy.ssl_mode(config.get_ssl_mode())
        .ssl_negotiation(config.get_ssl_negotiation())
        .keepalives(config.get_keepalives())
        .keepalives_idle(config.get_keepalives_idle())
        .target_session_attrs(config.get_target_session_attrs())
        .channel_binding(config.get_channel_binding())
        .load_balance_hosts(config.get_load_balance_hosts());
    config.get_user().map(|user| copy.user(user));
    config.get_password().map(|password| copy.password(password));
    config.get_dbname().map(|name| copy.dbname(name));
    config.get_options().map(|options| copy.options(options));
    config.get_application_name().map(|name| copy.application_name(name));
    config.get_connect_timeout().map(|time| copy.connect_timeout(*time));
    config.get_tcp_user_timeout().map(|time| copy.tcp_user_timeout(*time));
    config.get_keepalives_interval().map(|time| copy.keepalives_interval(time));
    config.get_keepalives_retries().map(|tries| copy.keepalives_retries(tries));
    copy
}

/// Connects to the first of `hosts` that lets us in. There must be one.
pub(super) async fn dial(
    mut hosts: Vec<Config>,
    encryption: &MakeRustlsConnect,
) -> Result<Dialled, Error> {
    if hosts.iter().any(is_random) {
        shift(&mut hosts);
    }
    first_of(hosts.into_iter().map(|host| dial_host(host, encryption)), is_answer).await
}

/// Connects to one host, which may be several machines of one name. Each is tried even if one
/// before it takes the connection and then says nothing, which no timeout of TCP would notice.
async fn dial_host(host: Config, encryption: &MakeRustlsConnect) -> Result<Dialled, Error> {
    let port = host.get_ports().first().copied().unwrap_or(PORT);
    let mut places = match (host.get_hosts(), host.get_hostaddrs()) {
        ([Host::Tcp(name)], []) => match lookup_host((name.as_str(), port)).await {
            Ok(places) => places.map(|place| place.ip()).collect(),
            // The driver looks again, and says what is wrong.
            Err(_) => Vec::new(),
        },
        _ => Vec::new(),
    };
    if places.is_empty() {
        return host.connect(encryption.clone()).await;
    }
    if is_random(&host) {
        shift(&mut places);
    }
    let machines = places.into_iter().map(|place| {
        let mut machine = host.clone();
        machine.hostaddr(place);
        async move { machine.connect(encryption.clone()).await }
    });
    first_of(machines, is_answer).await
}

fn is_random(config: &Config) -> bool {
    config.get_load_balance_hosts() == LoadBalanceHosts::Random
}

/// Begins elsewhere each time.
fn shift<T>(places: &mut [T]) {
    let turn = usize::try_from(turn() >> 16).unwrap_or_default();
    places.rotate_left(turn.checked_rem(places.len()).unwrap_or_default());
}

/// Whether the server itself says why not.
fn is_answer(error: &Error) -> bool {
    error.code().is_some()
}

/// Goes several ways, each begun when the one before has failed or was silent for a while, until
/// one leads somewhere. If none does, the error is one that `tells` most. There must be a way.
async fn first_of<F, T, E>(ways: impl Iterator<Item = F>, tells: fn(&E) -> bool) -> Result<T, E>
where
    F: Future<Output = Result<T, E>>,
{
    let mut ways = ways.fuse();
    let mut begun: FuturesUnordered<F> = ways.by_ref().take(1).collect();
    let mut refusal: Option<E> = None;
    loop {
        match timeout(HEAD_START, begun.next()).await {
            Ok(Some(Ok(arrived))) => return Ok(arrived),
            Ok(Some(Err(error))) if !refusal.as_ref().is_some_and(tells) => refusal = Some(error),
            Ok(_) | Err(_) => {}
        }
        match (ways.next(), begun.is_empty()) {
            (Some(way), _) => begun.push(way),
            (None, true) => return Err(refusal.expect("there was a way, and it failed")),
            (None, false) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use std::future::{pending, ready};
    use std::pin::Pin;

    use tokio::time::{Instant, sleep};

    use super::*;
    use crate::postgres::address::Address;

    type Way = Pin<Box<dyn Future<Output = Result<u8, u8>>>>;

    async fn first(ways: Vec<Way>) -> Result<u8, u8> {
        first_of(ways.into_iter(), |error| *error > 9).await
    }

    fn in_time(milliseconds: u64, answer: Result<u8, u8>) -> Way {
        Box::pin(async move {
            sleep(Duration::from_millis(milliseconds)).await;
            answer
        })
    }

    #[tokio::test(start_paused = true)]
    async fn three_silent_machines_leave_time_for_a_fourth() {
        let begun = Instant::now();
        let silent = || -> Way { Box::pin(pending()) };
        let answer = first(vec![silent(), silent(), silent(), in_time(100, Ok(4))]).await;
        assert_eq!(answer, Ok(4));
        assert!(begun.elapsed() < Duration::from_secs(2));
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_that_arrives_wins_and_the_order_decides_where_none_is_slow() {
        assert_eq!(first(vec![in_time(400, Ok(1)), in_time(0, Ok(2))]).await, Ok(1));
        assert_eq!(first(vec![in_time(900, Ok(1)), in_time(600, Ok(2))]).await, Ok(1));
        assert_eq!(first(vec![in_time(1_900, Ok(1)), Box::pin(pending())]).await, Ok(1));
        let begun = Instant::now();
        assert_eq!(first(vec![Box::pin(ready(Err(1))), in_time(1, Ok(2))]).await, Ok(2));
        assert!(begun.elapsed() < Duration::from_millis(100));
    }

    #[tokio::test(start_paused = true)]
    async fn if_all_fail_the_error_is_the_one_that_tells_why() {
        assert_eq!(first(vec![in_time(600, Err(1)), in_time(600, Err(2))]).await, Err(2));
        assert_eq!(first(vec![in_time(600, Err(10)), in_time(600, Err(2))]).await, Err(10));
        assert_eq!(first(vec![in_time(0, Err(1))]).await, Err(1));
    }

    #[test]
    fn each_host_keeps_all_that_was_said() {
        let others = "user=u password=p dbname=d options=-csearch_path=x application_name=a \
                      sslmode=require sslnegotiation=direct connect_timeout=1 tcp_user_timeout=2 \
                      keepalives=0 keepalives_idle=3 keepalives_interval=4 keepalives_retries=5 \
                      target_session_attrs=read-write channel_binding=require \
                      load_balance_hosts=random";
        let config = |hosts: &str| format!("{others} {hosts}").parse::<Config>().unwrap();
        let two = config("host=one,/two hostaddr=127.0.0.1,127.0.0.2 port=1,2");
        let expected = [
            config("host=one hostaddr=127.0.0.1 port=1"),
            config("host=/two hostaddr=127.0.0.2 port=2"),
        ];
        assert_eq!(each_host(&two), expected);
        let one_port = [config("host=one port=7"), config("host=two port=7")];
        assert_eq!(each_host(&config("host=one,two port=7")), one_port);
        let address: Address = "postgres://user@one,two/name".parse().unwrap();
        let hosts = each_host(&address.config);
        assert_eq!(hosts.len(), 2);
        assert_eq!(hosts[1].get_tcp_user_timeout(), address.config.get_tcp_user_timeout());
    }

    #[test]
    fn what_is_not_clear_is_left_to_the_driver() {
        for unclear in ["user=u", "host=a,b port=1,2,3", "host=a,b hostaddr=127.0.0.1"] {
            let config: Config = unclear.parse().unwrap();
            assert_eq!(each_host(&config), [config]);
        }
    }
}
