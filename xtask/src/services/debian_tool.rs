//! Programs that Debian packages.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use super::{Cache, Tool, is_file, version_of};
use crate::Result;
use crate::cargo::{output_of, succeed};

/// The browser of the tests. Without a version: a distribution offers one, and it moves on.
pub(crate) const CHROMIUM: &dyn Tool = &DebianTool { name: "chromium" };

/// A program of a package that has the same name; one that the machine has already is used.
struct DebianTool {
    name: &'static str,
}

/// Where chromium lies, for tests that start it; its name alone where it is missing.
pub(crate) fn chromium() -> PathBuf {
    let path = env::var_os("PATH").unwrap_or_default();
    found_on(&path, CHROMIUM.name()).unwrap_or_else(|| CHROMIUM.name().into())
}

impl Tool for DebianTool {
    fn name(&self) -> &'static str {
        self.name
    }

    fn installed(&self, _: &Cache) -> Option<String> {
        version_of(&mut Command::new(self.name))
    }

    fn install(&self, _: &Cache) -> Result<()> {
        let user = output_of(Command::new("id").arg("-u"))?;
        for command in &mut commands(self.name, user.trim())? {
            succeed(command).map_err(|error| format!("{error}\n{}", by_hand(self.name)))?;
        }
        Ok(())
    }
}

/// What installs the package, if the user with this number may.
fn commands(package: &str, user: &str) -> Result<[Command; 2]> {
    if user != "0" {
        return Err(format!("{package} is missing\n{}", by_hand(package)).into());
    }
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["--quiet", "--yes"]).args(arguments);
        // A package that asks would wait for an answer that nobody gives.
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        apt
    };
    Ok([apt(&["update"]), apt(&["install", "--no-install-recommends", package])])
}

fn by_hand(package: &str) -> String {
    format!("mend: as root, install the Debian package `{package}`, or put it on the PATH")
}

/// The first file of this name in the folders of a search path.
fn found_on(path: &OsStr, name: &str) -> Option<PathBuf> {
    env::split_paths(path).map(|folder| folder.join(name)).find(|file| is_file(file))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A command as one would type it.
    fn typed(command: &Command) -> String {
        let words = std::iter::once(command.get_program()).chain(command.get_args());
        words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
    }

    #[test]
    fn root_installs_the_package_and_nothing_that_is_only_recommended() {
        let commands = commands("chromium", "0").unwrap();
        assert_eq!(
            commands.each_ref().map(typed),
            [
                "apt-get --quiet --yes update",
                "apt-get --quiet --yes install --no-install-recommends chromium",
            ]
        );
    }

    #[test]
    fn others_are_told_which_package_to_install() {
        let error = commands("chromium", "1000").unwrap_err().to_string();
        assert!(error.contains("install the Debian package `chromium`"), "{error}");
    }

    #[test]
    fn a_program_that_is_missing_is_not_installed() {
        let folder = tempfile::tempdir().unwrap();
        let tool = DebianTool { name: "no-such-program-here" };
        assert_eq!(tool.installed(&Cache::at(folder.path())), None);
    }

    #[test]
    fn a_program_is_found_in_the_first_folder_that_has_it() {
        let folders: Vec<_> = (0..3).map(|_| tempfile::tempdir().unwrap()).collect();
        std::fs::create_dir(folders[0].path().join("tool")).unwrap();
        std::fs::write(folders[1].path().join("tool"), "").unwrap();
        std::fs::write(folders[2].path().join("tool"), "").unwrap();
        let path = env::join_paths(folders.iter().map(tempfile::TempDir::path)).unwrap();
        assert_eq!(found_on(&path, "tool"), Some(folders[1].path().join("tool")));
        assert_eq!(found_on(&path, "other"), None);
    }
}
