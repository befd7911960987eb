//! What each package of the workspace must be like: name, lints, description, tests.

use std::collections::BTreeSet;

use toml::Value;

use super::Finding;
use super::workspace::{Member, Workspace, matches};
use crate::project::{Tree, is_of_type};

pub(crate) fn check(tree: &Tree, workspace: &Workspace<'_>) -> Vec<Finding> {
    let rules = [name, lints, description];
    let of_manifests = |member| rules.iter().filter_map(move |rule| rule(member));
    let of_tests = |member| one_test_binary(tree, member);
    let manifests = workspace.members.iter().flat_map(of_manifests);
    manifests.chain(workspace.members.iter().filter_map(of_tests)).collect()
}

fn name(member: &Member<'_>) -> Option<Finding> {
    let folder = member.folder.rsplit('/').next().unwrap_or_default();
    let name = member.name().unwrap_or_default();
    let is_public = matches("public/*", &member.folder);
    let (what, mend) = if name != folder {
        (format!("package `{name}` lies in a folder `{folder}`"), "give both the same name")
    } else if is_public != name.starts_with("doorward-") {
        (
            format!(
                "`{name}` in `{}`: only packages in public/ begin with `doorward-`",
                member.folder
            ),
            "in public/ put the prefix before the name, elsewhere leave it out",
        )
    } else {
        return None;
    };
    Some(Finding {
        path: member.manifest_path(),
        line: member.line_of("name"),
        what,
        why: "one word is package, folder and import; the prefix marks what others build on",
        mend,
    })
}

fn lints(member: &Member<'_>) -> Option<Finding> {
    let inherits = member.manifest.get("lints").and_then(|lints| lints.get("workspace"));
    (inherits.and_then(Value::as_bool) != Some(true)).then(|| Finding {
        path: member.manifest_path(),
        line: 1,
        what: "the package does not take the lints of the workspace".to_owned(),
        why: "without them nothing forbids unsafe code, `unwrap`, or printing here",
        mend: "write `[lints]` with `workspace = true`",
    })
}

fn description(member: &Member<'_>) -> Option<Finding> {
    let text = member.package("description").and_then(Value::as_str);
    text.is_none_or(|text| text.trim().is_empty()).then(|| Finding {
        path: member.manifest_path(),
        line: 1,
        what: "the package has no description".to_owned(),
        why: "a reader of the manifest should know what the package is for",
        mend: "say in one line of `description` what it holds",
    })
}

/// In `tests/` each file is a program of its own, linked anew: one is enough for a package.
fn one_test_binary(tree: &Tree, member: &Member<'_>) -> Option<Finding> {
    let folder = format!("{}/tests/", member.folder);
    let within = tree.paths().filter_map(|path| path.strip_prefix(&folder));
    let entries: BTreeSet<_> = within.map(|path| path.split('/').next().unwrap_or(path)).collect();
    let is_in_order = match entries.iter().collect::<Vec<_>>()[..] {
        [] => true,
        [&"it"] => tree.has(&format!("{folder}it/main.rs")),
        [only] => is_of_type(only, "rs"),
        _ => false,
    };
    (!is_in_order).then(|| Finding {
        path: folder.clone(),
        line: 1,
        what: format!("{} in tests/", entries.into_iter().collect::<Vec<_>>().join(", ")),
        why: "each file in tests/ is linked as a program of its own, seconds every time",
        mend: "make one program of them: tests/it/main.rs with a module for each subject",
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str =
        "[package]\nname = \"domain\"\ndescription = \"Types\"\n[lints]\nworkspace = true\n";

    fn findings(files: &[(&str, &str)]) -> Vec<String> {
        let root = ("Cargo.toml", "[workspace]\nmembers = [\"core/*\", \"public/*\", \"apps/*\"]");
        let tree = Tree::of(&[&[root], files].concat());
        let workspace = Workspace::read(&tree).unwrap();
        check(&tree, &workspace).into_iter().map(|found| found.what).collect()
    }

    #[test]
    fn a_good_manifest_has_no_findings() {
        assert!(findings(&[("core/domain/Cargo.toml", GOOD)]).is_empty());
        let public = GOOD.replace("domain", "doorward-claims");
        assert!(findings(&[("public/doorward-claims/Cargo.toml", &public)]).is_empty());
        let binary = GOOD.replace("domain", "doorward");
        assert!(findings(&[("apps/doorward/Cargo.toml", &binary)]).is_empty());
    }

    #[test]
    fn a_package_bears_the_name_of_its_folder() {
        let found = findings(&[("core/rules/Cargo.toml", GOOD)]);
        assert_eq!(found, ["package `domain` lies in a folder `rules`"]);
    }

    #[test]
    fn the_prefix_is_for_public_packages_and_only_for_them() {
        assert_eq!(findings(&[("public/domain/Cargo.toml", GOOD)]).len(), 1);
        let prefixed = GOOD.replace("domain", "doorward-domain");
        assert_eq!(findings(&[("core/doorward-domain/Cargo.toml", &prefixed)]).len(), 1);
    }

    #[test]
    fn a_manifest_without_lints_is_found() {
        for bad in ["[lints]\nworkspace = false\n", "[lints.rust]\nunsafe_code = \"allow\"\n", ""] {
            let manifest = GOOD.replace("[lints]\nworkspace = true\n", bad);
            let found = findings(&[("core/domain/Cargo.toml", &manifest)]);
            assert_eq!(found, ["the package does not take the lints of the workspace"]);
        }
    }

    #[test]
    fn a_manifest_without_description_is_found() {
        for bad in ["", "description = \" \"\n"] {
            let manifest = GOOD.replace("description = \"Types\"\n", bad);
            let found = findings(&[("core/domain/Cargo.toml", &manifest)]);
            assert_eq!(found, ["the package has no description"]);
        }
    }

    #[test]
    fn tests_are_one_program() {
        let with = |paths: &[&str]| {
            let mut files = vec![("core/domain/Cargo.toml", GOOD)];
            files.extend(paths.iter().map(|path| (*path, "")));
            findings(&files)
        };
        assert!(
            with(&["core/domain/tests/it/main.rs", "core/domain/tests/it/users.rs"]).is_empty()
        );
        assert!(with(&["core/domain/tests/properties.rs"]).is_empty());
        assert_eq!(with(&["core/domain/tests/a.rs", "core/domain/tests/b.rs"]).len(), 1);
        assert_eq!(with(&["core/domain/tests/it/main.rs", "core/domain/tests/b.rs"]).len(), 1);
        assert_eq!(with(&["core/domain/tests/it/users.rs"]).len(), 1);
        assert_eq!(with(&["core/domain/tests/other/main.rs"]).len(), 1);
    }
}
