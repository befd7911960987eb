//! Running cargo and other programs from within a program that cargo runs.

use std::env;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// A cargo command that starts in `root`, as if typed there.
pub(crate) fn cargo(root: &Path) -> Command {
    let program = env::var_os("CARGO").unwrap_or_else(|| OsString::from("cargo"));
    let mut command = Command::new(program);
    without_this_package(&mut command).current_dir(root);
    command
}

/// Takes away what `cargo run` tells us about our own package in variables.
///
/// Build scripts watch some of them: handed on, they would make cargo build those crates anew
/// whenever one uses `cargo` and `cargo xtask` in turn.
pub(crate) fn without_this_package(command: &mut Command) -> &mut Command {
    for (name, _) in env::vars_os() {
        if is_of_this_package(&name.to_string_lossy()) {
            command.env_remove(name);
        }
    }
    command
}

/// Puts `folder` before everything else on the search path of `command`.
pub(crate) fn prefer_programs_of<'a>(command: &'a mut Command, folder: &Path) -> &'a mut Command {
    let inherited = env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(folder.to_path_buf()).chain(env::split_paths(&inherited));
    // A folder with a colon in its name cannot be put on a search path at all.
    if let Ok(path) = env::join_paths(folders) {
        command.env("PATH", path);
    }
    command
}

/// Where `cargo build` puts the program of this name.
///
/// Found from where this program lies, so that it holds with any `CARGO_TARGET_DIR`.
pub(crate) fn debug_binary(name: &str) -> Result<PathBuf> {
    let own = env::current_exe()?;
    let target = own.parent().and_then(Path::parent).ok_or("this program lies in no folder")?;
    Ok(target.join("debug").join(format!("{name}{}", env::consts::EXE_SUFFIX)))
}

/// Runs the command with our terminal; anything but success is an error that names it.
pub(crate) fn succeed(command: &mut Command) -> Result<()> {
    let status = command.status().map_err(|error| format!("{}: {error}", shown(command)))?;
    if status.success() {
        return Ok(());
    }
    Err(format!("{}: {status}", shown(command)).into())
}

/// Runs the command and returns what it printed; errors go to our terminal.
pub(crate) fn output_of(command: &mut Command) -> Result<String> {
    let output = command
        .stderr(std::process::Stdio::inherit())
        .output()
        .map_err(|error| format!("{}: {error}", shown(command)))?;
    if !output.status.success() {
        return Err(format!("{}: {}", shown(command), output.status).into());
    }
    Ok(String::from_utf8(output.stdout)?)
}

/// The command as one would type it, without folders.
fn shown(command: &Command) -> String {
    let program = Path::new(command.get_program()).file_name().unwrap_or(command.get_program());
    let words = std::iter::once(program).chain(command.get_args());
    words.map(|word| word.to_string_lossy()).collect::<Vec<_>>().join(" ")
}

fn is_of_this_package(variable: &str) -> bool {
    const PREFIXES: [&str; 4] = ["CARGO_PKG_", "CARGO_MANIFEST_", "CARGO_BIN_", "CARGO_CRATE_"];
    PREFIXES.iter().any(|prefix| variable.starts_with(prefix)) || variable == "OUT_DIR"
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failing_command_is_named_with_its_arguments() {
        let error = succeed(Command::new("false").arg("--really")).unwrap_err().to_string();
        assert!(error.starts_with("false --really: "), "{error}");
    }

    #[test]
    fn a_missing_program_is_named() {
        let error = succeed(&mut Command::new("no-such-program-here")).unwrap_err().to_string();
        assert!(error.starts_with("no-such-program-here: "), "{error}");
    }

    #[test]
    fn output_is_what_the_command_printed() {
        assert_eq!(output_of(Command::new("echo").arg("hello")).unwrap(), "hello\n");
        assert!(output_of(&mut Command::new("false")).is_err());
    }

    #[test]
    fn cargo_is_not_told_about_our_own_package() {
        let command = cargo(Path::new("."));
        let removed =
            |name: &str| command.get_envs().any(|(key, value)| key == name && value.is_none());
        assert!(removed("CARGO_PKG_NAME"));
        assert!(removed("CARGO_MANIFEST_DIR"));
        assert!(!removed("CARGO_HOME"));
        assert!(!removed("CARGO_TARGET_DIR"));
    }

    #[test]
    fn preferred_programs_come_first() {
        let mut command = Command::new("true");
        prefer_programs_of(&mut command, Path::new("tools"));
        let path = command.get_envs().find(|(key, _)| *key == "PATH").unwrap().1.unwrap();
        assert_eq!(env::split_paths(path).next().unwrap(), Path::new("tools"));
        assert!(env::split_paths(path).count() > 1);
    }
}
