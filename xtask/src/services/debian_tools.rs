//! Programs that Debian packages.

use std::env;
use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::Command;

use servers::{Nginx, Postgres};

use super::{Cache, Tool, is_file, version_of};
use crate::Result;
use crate::cargo::{output_of, succeed};

/// The browser of the tests, the servers that they talk to, and what makes codes and reads their QR
/// codes beside us. Without versions: a distribution offers one, and it moves on.
pub(crate) const DEBIAN: &dyn Tool = &DebianTools(&[
    Program { package: "chromium", find: chromium, version: "--version" },
    Program { package: "postgresql", find: Postgres::program, version: "--version" },
    Program { package: "redis-server", find: redis, version: "--version" },
    Program { package: "nginx", find: Nginx::program, version: "-v" },
    Program { package: "oathtool", find: oathtool, version: "--version" },
    Program { package: "zbar-tools", find: zbarimg, version: "--version" },
    Program { package: "librsvg2-bin", find: rsvg_convert, version: "--version" },
]);

/// Programs that are installed together; those that the machine has already are used.
struct DebianTools(&'static [Program]);

struct Program {
    package: &'static str,
    find: fn() -> Option<PathBuf>,
    /// The argument with which it says its version.
    version: &'static str,
}

/// Where chromium lies, for tests that start it.
pub(crate) fn chromium() -> Option<PathBuf> {
    on_search_path("chromium")
}

fn redis() -> Option<PathBuf> {
    on_search_path("redis-server")
}

fn oathtool() -> Option<PathBuf> {
    on_search_path("oathtool")
}

fn zbarimg() -> Option<PathBuf> {
    on_search_path("zbarimg")
}

fn rsvg_convert() -> Option<PathBuf> {
    on_search_path("rsvg-convert")
}

fn on_search_path(name: &str) -> Option<PathBuf> {
    found_on(&env::var_os("PATH").unwrap_or_default(), name)
}

impl Program {
    fn installed(&self) -> Option<String> {
        let program = (self.find)()?;
        version_of(Command::new(program).arg(self.version))
    }
}

impl DebianTools {
    fn missing(&self) -> impl Iterator<Item = &'static str> {
        let missing = self.0.iter().filter(|program| program.installed().is_none());
        missing.map(|program| program.package)
    }
}

impl Tool for DebianTools {
    fn name(&self) -> &'static str {
        "Debian packages"
    }

    fn installed(&self, _: &Cache) -> Option<String> {
        let versions: Option<Vec<_>> = self.0.iter().map(Program::installed).collect();
        Some(versions?.join("\n"))
    }

    fn status(&self, _: &Cache) -> String {
        let line = |program: &Program| {
            program.installed().unwrap_or_else(|| format!("{}: missing", program.package))
        };
        self.0.iter().map(line).collect::<Vec<_>>().join("\n")
    }

    fn install(&self, _: &Cache) -> Result<()> {
        let packages: Vec<_> = self.missing().collect();
        let user = output_of(Command::new("id").arg("-u"))?;
        for command in &mut commands(&packages, user.trim())? {
            succeed(command).map_err(|error| format!("{error}\n{}", by_hand(&packages)))?;
        }
        Ok(())
    }
}

/// What installs the packages, if the user with this number may.
fn commands(packages: &[&str], user: &str) -> Result<[Command; 2]> {
    if user != "0" {
        let missing = packages.join(" and ");
        return Err(format!("missing: {missing}\n{}", by_hand(packages)).into());
    }
    let apt = |arguments: &[&str]| {
        let mut apt = Command::new("apt-get");
        apt.args(["--quiet", "--yes"]).args(arguments);
        // A package that asks would wait for an answer that nobody gives.
        apt.env("DEBIAN_FRONTEND", "noninteractive");
        // In this runlevel a package starts none of its services: the tests start their own.
        apt.env("RUNLEVEL", "1");
        apt
    };
    let mut install = apt(&["install", "--no-install-recommends"]);
    install.args(packages);
    Ok([apt(&["update"]), install])
}

fn by_hand(packages: &[&str]) -> String {
    let packages = packages.join(" ");
    format!("mend: as root, install the Debian packages `{packages}`, or put them on the PATH")
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

    fn shell() -> Option<PathBuf> {
        on_search_path("bash")
    }

    const SHELL: Program = Program { package: "bash", find: shell, version: "--version" };

    const MISSING: Program = Program { package: "none", find: || None, version: "--version" };

    #[test]
    fn root_installs_all_packages_at_once_and_nothing_that_is_only_recommended() {
        let commands = commands(&["chromium", "nginx"], "0").unwrap();
        assert_eq!(
            commands.each_ref().map(typed),
            [
                "apt-get --quiet --yes update",
                "apt-get --quiet --yes install --no-install-recommends chromium nginx",
            ]
        );
    }

    #[test]
    fn a_package_is_not_to_start_its_services() {
        let commands = commands(&["nginx"], "0").unwrap();
        let mut set = commands[1].get_envs();
        assert!(set.any(|set| set == ("RUNLEVEL".as_ref(), Some("1".as_ref()))));
    }

    #[test]
    fn others_are_told_which_packages_to_install() {
        let error = commands(&["chromium", "nginx"], "1000").unwrap_err().to_string();
        assert!(error.contains("install the Debian packages `chromium nginx`"), "{error}");
    }

    #[test]
    fn they_are_installed_if_each_of_them_is() {
        let cache = Cache::at("cache".as_ref());
        assert!(DebianTools(&[SHELL]).installed(&cache).unwrap().starts_with("GNU bash"));
        assert_eq!(DebianTools(&[SHELL, MISSING]).installed(&cache), None);
        assert_eq!(DebianTools(&[SHELL, MISSING]).missing().collect::<Vec<_>>(), ["none"]);
    }

    #[test]
    fn the_status_names_each_of_them() {
        let status = DebianTools(&[SHELL, MISSING]).status(&Cache::at("cache".as_ref()));
        assert!(status.starts_with("GNU bash"), "{status}");
        assert!(status.ends_with("\nnone: missing"), "{status}");
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
