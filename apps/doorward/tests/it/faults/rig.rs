//! A deployment on a store of its own, which gets into trouble when the test says so.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use servers::{Dynamo, Mongo, Postgres, Redis, TcpProxy};
use tokio::task::spawn_blocking;
use tokio::time::Instant;

use super::Trouble;
use crate::deployment::Deployment;
use crate::durable;
use crate::store::{Store, URL, on_dynamodb};

/// A server of one test.
pub(super) enum Backend {
    Postgres(Postgres),
    Mongodb(Mongo),
    Dynamodb(Dynamo),
    Redis(Redis),
}

impl Backend {
    fn server(&self) -> &servers::Server {
        match self {
            Self::Postgres(server) => server,
            Self::Mongodb(server) => server,
            Self::Dynamodb(server) => server,
            Self::Redis(server) => server,
        }
    }

    fn end(&self) {
        match self {
            // What it has confirmed it has only in memory.
            Self::Dynamodb(server) => server.stop(),
            Self::Postgres(_) | Self::Mongodb(_) | Self::Redis(_) => self.server().kill(),
        }
    }
}

/// A server and the only way to it.
pub(super) struct Path {
    pub(super) backend: Backend,
    proxy: TcpProxy,
}

/// The same for tasks, which must not wait for servers themselves.
#[derive(Clone)]
pub(super) struct Rig(Arc<Path>);

impl Rig {
    /// A server for that kind of store.
    pub(super) async fn of_store(store: Store) -> Self {
        Self::open(move || match store {
            Store::Sqlite => panic!("there is no server to get into trouble"),
            Store::Postgres => Backend::Postgres(Postgres::start_durable().unwrap()),
            Store::Mongodb => Backend::Mongodb(durable::start_mongo()),
            Store::Dynamodb => Backend::Dynamodb(Dynamo::start().unwrap()),
        })
        .await
    }

    pub(super) async fn of_redis() -> Self {
        Self::open(|| Backend::Redis(Redis::start().unwrap())).await
    }

    async fn open(start: impl FnOnce() -> Backend + Send + 'static) -> Self {
        let path = spawn_blocking(|| {
            let backend = start();
            let proxy = TcpProxy::open(backend.server().address()).unwrap();
            Path { backend, proxy }
        });
        Self(Arc::new(path.await.unwrap()))
    }

    /// Where it is reached.
    pub(super) fn address(&self) -> SocketAddr {
        self.0.proxy.address()
    }

    /// A deployment that keeps its records there.
    pub(super) async fn deployment(&self) -> Deployment {
        let (deployment, address) = (Deployment::new(), self.address());
        match &self.0.backend {
            Backend::Postgres(_) => {
                deployment.with(URL, &format!("postgres://postgres@{address}/postgres"))
            }
            Backend::Mongodb(mongo) => {
                // Else the driver goes to where the server says it is.
                deployment.with(URL, &(mongo.uri_at(address) + "&directConnection=true"))
            }
            Backend::Dynamodb(_) => {
                let deployment = on_dynamodb(deployment, &format!("http://{address}"), "doorward");
                deployment.run(&["migrate"]).await.is(0);
                deployment
            }
            Backend::Redis(_) => panic!("it is no store"),
        }
    }

    pub(super) async fn begin(&self, trouble: Trouble) {
        self.on_its_own(move |path| match trouble {
            Trouble::Dies => path.backend.end(),
            Trouble::IsCutOff => path.proxy.cut(),
            Trouble::Hangs => path.proxy.hang(),
        })
        .await;
    }

    /// Ends the trouble. Returns since when the server accepts connections again.
    pub(super) async fn end(&self, trouble: Trouble) -> Instant {
        self.on_its_own(move |path| match trouble {
            Trouble::Dies => path.backend.server().start_again().unwrap(),
            Trouble::IsCutOff | Trouble::Hangs => path.proxy.restore().unwrap(),
        })
        .await;
        Instant::now()
    }

    /// Has whatever is said to or by the server take longer.
    pub(super) fn delay(&self, delay: Duration) {
        self.0.proxy.delay(delay);
    }

    async fn on_its_own(&self, work: impl FnOnce(&Path) + Send + 'static) {
        let path = Arc::clone(&self.0);
        spawn_blocking(move || work(&path)).await.unwrap();
    }
}
