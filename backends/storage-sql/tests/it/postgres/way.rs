//! A way to the server that can be obstructed.

use std::net::SocketAddr;
use std::sync::Arc;

use tokio::io::copy_bidirectional;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// What happens on the way.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Traffic {
    /// Everything passes.
    Flows,
    /// Connections are taken and kept, and nothing passes.
    Stands,
    /// All connections are cut, and new ones too.
    IsCut,
}

/// Passes connections on to a server.
pub(crate) struct Way {
    pub(crate) place: SocketAddr,
    traffic: Arc<watch::Sender<Traffic>>,
    listener: JoinHandle<()>,
}

impl Way {
    pub(crate) async fn to(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let place = listener.local_addr().unwrap();
        let traffic = Arc::new(watch::Sender::new(Traffic::Flows));
        let seen = traffic.clone();
        let listener = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                tokio::spawn(pass(client, server.clone(), seen.subscribe()));
            }
        });
        Self { place, traffic, listener }
    }

    pub(crate) fn set(&self, traffic: Traffic) {
        self.traffic.send_replace(traffic);
    }
}

impl Drop for Way {
    fn drop(&mut self) {
        self.listener.abort();
    }
}

async fn pass(mut client: TcpStream, server: String, mut traffic: watch::Receiver<Traffic>) {
    let mut server = TcpStream::connect(server).await.unwrap();
    loop {
        let now = *traffic.borrow_and_update();
        match now {
            Traffic::IsCut => return,
            Traffic::Stands => traffic.changed().await.unwrap_or_default(),
            Traffic::Flows => tokio::select! {
                _ = copy_bidirectional(&mut client, &mut server) => return,
                _ = traffic.changed() => {}
            },
        }
    }
}
