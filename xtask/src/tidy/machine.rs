//! What holds on one machine only: absolute paths of homes and workspaces, hosts of registries.

use super::Finding;
use crate::project::Tree;

/// Folders at the root of a machine that are someone's.
const FOLDERS: [&str; 4] = ["home", "root", "work", "Users"];

/// Hosts that package managers talk to, without the dot between the two parts: this file is
/// checked too. Mirrors differ from machine to machine, and each tool knows its own registry.
const HOSTS: [(&str, &str); 8] = [
    ("index", "crates.io"),
    ("static", "crates.io"),
    ("registry", "npmjs.org"),
    ("registry", "yarnpkg.com"),
    ("files", "pythonhosted.org"),
    ("proxy", "golang.org"),
    ("registry", "terraform.io"),
    ("deb", "debian.org"),
];

pub(crate) fn check(tree: &Tree) -> Vec<Finding> {
    let is_lock = |path: &str| path.ends_with("Cargo.lock") || path.ends_with("package-lock.json");
    let texts = tree.texts().filter(|(path, _)| !is_lock(path));
    texts.flat_map(|(path, text)| check_text(path, text)).collect()
}

fn check_text(path: &str, text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (index, line) in text.lines().enumerate() {
        if let Some(found) = machine_path(line) {
            findings.push(Finding {
                path: path.to_owned(),
                line: index + 1,
                what: format!("the absolute path `{found}…`"),
                why: "it exists on one machine only",
                mend: "name the place relative to the checkout, or take it from a variable",
            });
        }
        if let Some(found) = registry_host(line) {
            findings.push(Finding {
                path: path.to_owned(),
                line: index + 1,
                what: format!("the registry host `{found}`"),
                why: "machines reach packages by different mirrors, which their tools know",
                mend: "leave the address to the tool's own configuration",
            });
        }
    }
    findings
}

/// The first absolute path into someone's folder; `a/home/b` and `${x}/work/` are none.
fn machine_path(line: &str) -> Option<String> {
    FOLDERS.iter().map(|folder| format!("/{folder}/")).find(|path| {
        line.match_indices(path.as_str()).any(|(at, _)| {
            let before = line[..at].chars().next_back();
            let after = line[at + path.len()..].chars().next();
            let goes_on = |c: char| c.is_alphanumeric() || "_-.})>*~@".contains(c);
            !before.is_some_and(goes_on)
                && after.is_some_and(|c| c.is_alphanumeric() || "_.".contains(c))
        })
    })
}

fn registry_host(line: &str) -> Option<String> {
    HOSTS.iter().map(|(host, domain)| format!("{host}.{domain}")).find(|host| line.contains(host))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn findings(path: &str, text: &str) -> Vec<usize> {
        check(&Tree::of(&[(path, text)])).into_iter().map(|found| found.line).collect()
    }

    #[test]
    fn absolute_paths_of_machines_are_found() {
        for folder in FOLDERS {
            for form in ["/{}/ann/x", "a \"/{}/x\"", "dir=/{}/x", "file:///{}/x", "`/{}/.cache`"] {
                let line = form.replace("{}", folder);
                assert_eq!(findings("docs/a.md", &format!("\n{line}")), [2], "{line}");
            }
        }
    }

    #[test]
    fn other_paths_are_no_findings() {
        for form in ["apps/{}/x", "./{}/x", "${base}/{}/x", "/{}", "/{}/", "/{}like/x", "~/{}/x"] {
            for folder in FOLDERS {
                let line = form.replace("{}", folder);
                assert!(findings("docs/a.md", &line).is_empty(), "{line}");
            }
        }
    }

    #[test]
    fn hosts_of_registries_are_found_except_in_lock_files() {
        for (host, domain) in HOSTS {
            let line = format!("url = \"https://{host}.{domain}/x\"");
            assert_eq!(findings("deploy/a.toml", &line), [1], "{line}");
            assert!(findings("examples/node/package-lock.json", &line).is_empty());
            assert!(findings("Cargo.lock", &line).is_empty());
        }
        assert!(findings("README.md", "https://crates.io/crates/doorward-verify").is_empty());
    }
}
