//! Several servers that share their stores, behind a load balancer.

mod cluster;
mod credentials;
mod database;
mod limits;
mod newer_releases;
mod restarts;
mod schema;
mod sessions;
mod starting;
mod stopping;
mod storage_limits;
mod switched_sessions;
