//! A server that is away, hangs, or is cut off: every operation answers in time, and succeeds again
//! soon after the server is back.

use std::sync::Arc;
use std::time::Duration;

use contracts::{Probe as _, RecordStore as _, StoreError};
use mongodb::options::ServerAddress;
use storage_mongodb::{MongoSettings, MongoStorage};
use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;

use crate::place::{Place, server};

const BOUND: Duration = Duration::from_millis(2_500);
const RECOVERY: Duration = Duration::from_secs(2);

#[derive(Clone, Copy, PartialEq)]
enum Way {
    Open,
    /// Connections are closed, and new ones too.
    Cut,
    /// Connections stand, and nothing gets through.
    Silent,
}

/// A way to the server that can be blocked.
async fn gate() -> (u16, watch::Sender<Way>) {
    let target = match ServerAddress::parse(host()).unwrap() {
        ServerAddress::Tcp { host, port } => (host, port.unwrap_or(27_017)),
        other => panic!("{other}"),
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let (sender, way) = watch::channel(Way::Open);
    let target = Arc::new(target);
    tokio::spawn(async move {
        loop {
            let (client, _) = listener.accept().await.unwrap();
            let (way, target) = (way.clone(), Arc::clone(&target));
            tokio::spawn(pass(client, target, way));
        }
    });
    (port, sender)
}

/// A connection lives as long as the way stays as it was when it began; silence outlasts it.
async fn pass(mut client: TcpStream, target: Arc<(String, u16)>, mut way: watch::Receiver<Way>) {
    let began_as = *way.borrow_and_update();
    if began_as == Way::Open {
        let mut server = TcpStream::connect((target.0.as_str(), target.1)).await.unwrap();
        tokio::select! {
            _ = copy_bidirectional(&mut client, &mut server) => return,
            _ = way.changed() => {}
        }
    }
    // Whoever was silenced is never heard of again, not even when others get through.
    if *way.borrow() == Way::Silent {
        std::future::pending::<()>().await;
    }
}

fn host() -> String {
    let server = server();
    let place = server.split_once('?').map_or(server.as_str(), |(place, _)| place);
    let place = place.trim_start_matches("mongodb://").trim_end_matches('/');
    place.rsplit_once('@').map_or(place, |(_, host)| host).to_owned()
}

async fn is_unavailable_in_time(storage: &MongoStorage) {
    let start = Instant::now();
    let answers = tokio::join!(
        async { (storage.find_record("r").await.map(|_| ()), start.elapsed()) },
        async { (storage.insert_record("r", b"", &[]).await.map(|_| ()), start.elapsed()) },
        async { (storage.check().await, start.elapsed()) },
    );
    for (result, took) in [answers.0, answers.1, answers.2] {
        assert!(matches!(result, Err(StoreError::Unavailable(_))), "{result:?}");
        assert!(took < BOUND, "{took:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn operations_answer_in_time_while_the_server_is_away_and_succeed_when_it_is_back() {
    let place = Place::new();
    let (port, way) = gate().await;
    let url =
        place.url_with("directConnection=true").replace(&host(), &format!("127.0.0.1:{port}"));
    let storage = MongoStorage::open(&place.settings_of(&url)).await.unwrap();
    for (number, outage) in (0..).zip([Way::Cut, Way::Silent, Way::Cut, Way::Silent]) {
        way.send(outage).unwrap();
        is_unavailable_in_time(&storage).await;
        // It ends at another moment between two heartbeats each time.
        tokio::time::sleep(Duration::from_millis(400 * number)).await;
        way.send(Way::Open).unwrap();
        let start = Instant::now();
        let name = number.to_string();
        while storage.insert_record(&name, b"", &[]).await.is_err() {
            assert!(start.elapsed() < RECOVERY, "{:?}", start.elapsed());
        }
        storage.check().await.unwrap();
        assert!(start.elapsed() < RECOVERY, "{:?}", start.elapsed());
    }
}

#[tokio::test]
async fn a_server_that_is_not_there_is_not_waited_for() {
    let port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap().port();
    assert_opening_fails(&format!("mongodb://127.0.0.1:{port}/")).await;
}

#[tokio::test]
async fn a_server_that_never_answers_is_not_waited_for() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    for options in ["", "?tls=true"] {
        assert_opening_fails(&format!("mongodb://127.0.0.1:{port}/{options}")).await;
    }
}

async fn assert_opening_fails(url: &str) {
    let start = Instant::now();
    let opened = MongoStorage::open(&MongoSettings::new(url.into())).await;
    assert!(matches!(opened, Err(StoreError::Unavailable(_))));
    assert!(start.elapsed() < BOUND, "{:?}", start.elapsed());
}
