//! Programs that cargo installs.

use std::env;
use std::path::Path;

use super::{Cache, Tool, version_of};
use crate::Result;
use crate::cargo::{cargo, prefer_programs_of, succeed};

/// A sub-command of cargo; one that the machine has already is used as it is.
pub(crate) struct CargoTool {
    pub(crate) name: &'static str,
    /// What is installed where it is missing.
    pub(crate) version: &'static str,
    /// What a version that is there already must begin with.
    pub(crate) accepts: &'static str,
}

impl Tool for CargoTool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn installed(&self, cache: &Cache) -> Option<String> {
        let command = self.name.strip_prefix("cargo-").unwrap_or(self.name);
        let mut cargo = cargo(&env::temp_dir());
        let version =
            version_of(prefer_programs_of(cargo.args([command, "--version"]), &cache.programs()))?;
        is_accepted(&version, self.name, self.accepts).then_some(version)
    }

    fn install(&self, cache: &Cache) -> Result<()> {
        let mut install = cargo(Path::new(&env::temp_dir()));
        install.args(["install", "--locked", "--quiet", "--version", self.version]);
        // Not the target folder of the checkout, which a caller may have set.
        install.env_remove("CARGO_TARGET_DIR");
        succeed(install.arg("--root").arg(cache.cargo_root()).arg(self.name))
    }
}

/// Whether `line` (`cargo-nextest 0.9.143 (60fa45f63)`) is of this program and version.
fn is_accepted(line: &str, name: &str, accepts: &str) -> bool {
    let mut words = line.split_whitespace();
    words.next() == Some(name) && words.next().is_some_and(|version| version.starts_with(accepts))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_version_is_accepted_by_its_beginning() {
        let accepted = |line| is_accepted(line, "cargo-nextest", "0.9.");
        assert!(accepted("cargo-nextest 0.9.143 (60fa45f63 2026-08-04)"));
        assert!(!accepted("cargo-nextest 0.10.1"));
        assert!(!accepted("cargo-deny 0.9.1"));
        assert!(!accepted(""));
    }

    #[test]
    fn a_program_that_is_missing_is_not_installed() {
        let folder = tempfile::tempdir().unwrap();
        let tool = CargoTool { name: "cargo-no-such-program", version: "1.0.0", accepts: "1." };
        assert_eq!(tool.installed(&Cache::at(folder.path())), None);
    }
}
