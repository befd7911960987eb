//! Three servers on one PostgreSQL and one Redis, behind nginx.

use std::thread;

use rustix::process::Signal;
use servers::{Nginx, Port};

use crate::client::Client;
use crate::deployment::{Deployment, Server};
use crate::process::Process;
use crate::replicas::database::Database;
use crate::store::{unique_name, variable};

const INSTANCES: usize = 3;

/// How nginx talks to the servers.
#[derive(Clone, Copy, Debug)]
pub(super) enum Upstream {
    /// As it does if nothing is said (1.22): HTTP/1.0, a connection for each request.
    AsByDefault,
    /// HTTP/1.1, over connections that it keeps.
    KeptAlive,
}

/// The servers and what they share.
pub(super) struct Cluster {
    // First, so that nobody uses the rest when it goes.
    pub(super) instances: Vec<Instance>,
    nginx: Nginx,
    _database: Database,
}

/// One of the servers, at an address that stays its own while it is down.
pub(super) struct Instance {
    pub(super) client: Client,
    deployment: Deployment,
    process: Option<Process>,
    port: Port,
}

impl Cluster {
    /// Starts all servers at the same moment, on an empty database. Nobody has limits but those
    /// that `settings` give.
    pub(super) async fn start(upstream: Upstream, settings: &[(&str, &str)]) -> Self {
        let ports = [(); INSTANCES].map(|()| Port::reserve().unwrap());
        let numbers = ports.each_ref().map(|port| port.number);
        let nginx = Nginx::start(move |port| configuration(port, numbers, upstream)).unwrap();
        let database = Database::create().await;
        let shared = shared_by_all(database.deployment(), &nginx.url(), settings);
        let starting = ports.map(|port| {
            let address = port.address().to_string();
            let deployment = shared.clone().with("DOORWARD_SERVER__LISTEN", &address);
            (deployment.start(&["serve"], ""), deployment, port)
        });
        let mut instances = Vec::new();
        for (process, deployment, port) in starting {
            let Server { process, client, .. } = Server::of(process).await;
            instances.push(Instance { client, deployment, process: Some(process), port });
        }
        Self { instances, nginx, _database: database }
    }

    /// Where clients find the service.
    pub(super) fn url(&self) -> String {
        self.nginx.url()
    }

    /// A client that knows only that.
    pub(super) fn client(&self) -> Client {
        Client::new(&self.url())
    }

    /// The servers as nginx calls them in its answers.
    pub(super) fn addresses(&self) -> Vec<String> {
        self.instances.iter().map(|one| one.port.address().to_string()).collect()
    }
}

impl Instance {
    /// Where it is found without nginx.
    pub(super) fn url(&self) -> String {
        format!("http://{}", self.port.address())
    }

    /// Ends it as an operator does.
    pub(super) async fn stop(&mut self) {
        let process = self.process.take().unwrap();
        process.signal(Signal::TERM);
        let ended = process.end().await;
        assert_eq!(ended.code, Some(0), "{ended:?}");
    }

    /// Starts it where it was before.
    pub(super) async fn start_again(&mut self) {
        self.process = Some(self.deployment.serve().await.process);
    }
}

impl Drop for Cluster {
    fn drop(&mut self) {
        if thread::panicking() {
            eprintln!("--- nginx said:\n{}---", self.nginx.log());
        }
    }
}

fn shared_by_all(deployment: Deployment, url: &str, settings: &[(&str, &str)]) -> Deployment {
    let deployment = deployment
        .without_limits()
        .with("DOORWARD_SERVER__PUBLIC_URL", url)
        .with("DOORWARD_SERVER__TRUSTED_PROXIES", "1")
        .with("DOORWARD_DATA_KEY", "env:KEY")
        .with("KEY", "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=")
        .with("DOORWARD_EPHEMERAL__URL", &variable("TEST_REDIS_URL"))
        .with("DOORWARD_EPHEMERAL__KEY_PREFIX", &format!("{}:", unique_name()));
    settings.iter().fold(deployment, |deployment, (name, value)| deployment.with(name, value))
}

/// What an operator says to nginx.
///
/// - `proxy_next_upstream` is what nginx does by default, written down because it matters: to ask
///   the next server if this one does not answer, but a POST only if nothing of it was sent, which
///   is to say if there was no connection. `non_idempotent` would send it twice, although the first
///   server may have done it.
/// - `max_fails=0`: a server that refuses connections is asked again at once. By default it would
///   not be for ten seconds, and if the others were restarted within those, nobody would be left.
fn configuration(port: u16, servers: [u16; INSTANCES], upstream: Upstream) -> String {
    let servers = servers.map(|port| format!("server 127.0.0.1:{port} max_fails=0;")).join("\n");
    let (keepalive, version) = match upstream {
        Upstream::AsByDefault => ("", ""),
        Upstream::KeptAlive => {
            ("keepalive 16;", "proxy_http_version 1.1; proxy_set_header Connection '';")
        }
    };
    format!(
        "upstream doorward {{\n{servers}\n{keepalive}\n}}\n\
         server {{\n\
             listen 127.0.0.1:{port};\n\
             location / {{\n\
                 proxy_pass http://doorward;\n\
                 {version}\n\
                 proxy_next_upstream error timeout;\n\
                 proxy_connect_timeout 2s;\n\
                 proxy_set_header X-Forwarded-For $proxy_add_x_forwarded_for;\n\
                 add_header X-Upstream $upstream_addr always;\n\
             }}\n\
         }}"
    )
}
