//! Real servers and emulators for tests: each started on a free port, and gone with its value.
//!
//! Nothing here is asynchronous, so that any test can use it. A server lives in a temporary folder
//! and listens on 127.0.0.1 only. It ends when its value is dropped, and also when the process that
//! started it is killed.

#![expect(
    clippy::disallowed_methods,
    reason = "it runs beside the service, never in it: it waits, and reads the environment of tests"
)]

mod acceptor;
mod aws_proxy;
mod certificates;
mod dynamo;
mod error;
mod folder;
mod launch;
mod mongo;
mod nginx;
mod port;
mod postgres;
mod process;
mod proxy;
mod pump;
mod python;
mod redis;
mod server;

pub use aws_proxy::{AwsProxy, AwsRequest, Fate};
pub use certificates::Certificates;
pub use dynamo::Dynamo;
pub use error::{Result, ServerError};
pub use mongo::Mongo;
pub use nginx::Nginx;
pub use port::Port;
pub use postgres::Postgres;
pub use proxy::TcpProxy;
pub use redis::Redis;
pub use server::Server;
