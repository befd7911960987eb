//! A Python environment with what xtask/requirements.txt names.

use std::fs;
use std::hash::{DefaultHasher, Hasher as _};
use std::path::PathBuf;
use std::process::Command;

use super::{Cache, Tool, is_file, version_of};
use crate::Result;
use crate::cargo::succeed;

pub(crate) const PYTHON: &dyn Tool = &Python;

const REQUIREMENTS: &str = include_str!("../../requirements.txt");

struct Python;

/// A program of the environment, such as `python` or `schemathesis`.
pub(crate) fn program(cache: &Cache, name: &str) -> PathBuf {
    folder(cache, REQUIREMENTS).join("bin").join(name)
}

impl Tool for Python {
    fn name(&self) -> &'static str {
        "python"
    }

    fn installed(&self, cache: &Cache) -> Option<String> {
        if !is_file(&stamp(cache)) {
            return None;
        }
        let version = version_of(Command::new(program(cache, "schemathesis")).arg("--version"))?;
        Some(format!("{version} in {}", folder(cache, REQUIREMENTS).display()))
    }

    fn install(&self, cache: &Cache) -> Result<()> {
        let folder = folder(cache, REQUIREMENTS);
        succeed(Command::new("python3").args(["-m", "venv", "--clear"]).arg(&folder))?;
        let list = folder.join("requirements.txt");
        fs::write(&list, REQUIREMENTS)?;
        let mut pip = Command::new(program(cache, "python"));
        pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check"]);
        succeed(pip.arg("--requirement").arg(&list))?;
        // Last: without it the next call begins anew.
        Ok(fs::write(stamp(cache), "")?)
    }
}

/// Other requirements lie in another folder, so that two checkouts do not undo each other's.
fn folder(cache: &Cache, requirements: &str) -> PathBuf {
    let mut hasher = DefaultHasher::new();
    hasher.write(requirements.as_bytes());
    cache.folder.join(format!("python-{:016x}", hasher.finish()))
}

fn stamp(cache: &Cache) -> PathBuf {
    folder(cache, REQUIREMENTS).join("complete")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_requirements_are_another_environment() {
        let cache = Cache::at("cache".as_ref());
        assert_eq!(folder(&cache, "a==1"), folder(&cache, "a==1"));
        assert_ne!(folder(&cache, "a==1"), folder(&cache, "a==2"));
    }

    #[test]
    fn an_interrupted_installation_is_not_one() {
        let place = tempfile::tempdir().unwrap();
        let cache = Cache::at(place.path());
        fs::create_dir_all(program(&cache, "python").parent().unwrap()).unwrap();
        fs::write(program(&cache, "schemathesis"), "#!/bin/sh\necho schemathesis 1\n").unwrap();
        assert_eq!(Python.installed(&cache), None);
    }

    #[test]
    fn every_requirement_names_its_version() {
        let lines = REQUIREMENTS.lines().filter(|line| !line.is_empty() && !line.starts_with('#'));
        for line in lines {
            assert!(line.contains("=="), "{line}");
        }
    }

    #[test]
    fn the_example_asks_for_the_versions_that_the_tests_install() {
        let example = include_str!("../../../examples/python/requirements.txt");
        assert!(!example.is_empty());
        for line in example.lines() {
            assert!(REQUIREMENTS.lines().any(|ours| ours == line), "{line}");
        }
    }
}
