//! The members of the workspace and what their manifests say.

use toml::{Table, Value};

use super::Finding;
use crate::Result;
use crate::project::Tree;

/// The packages of the workspace, and the dependencies that they may inherit.
pub(crate) struct Workspace<'a> {
    pub(crate) members: Vec<Member<'a>>,
    inherited: Table,
}

/// One package.
pub(crate) struct Member<'a> {
    /// From the root, without a slash at the end: `core/domain`.
    pub(crate) folder: String,
    pub(crate) manifest: Table,
    text: &'a str,
}

/// One entry of a dependency table, with what it inherits.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Dependency {
    pub(crate) package: String,
    pub(crate) kind: Kind,
    pub(crate) line: usize,
    pub(crate) has_path: bool,
    pub(crate) has_default_features: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Normal,
    Build,
    Dev,
}

const TABLES: [(&str, Kind); 3] = [
    ("dependencies", Kind::Normal),
    ("build-dependencies", Kind::Build),
    ("dev-dependencies", Kind::Dev),
];

impl<'a> Workspace<'a> {
    pub(crate) fn read(tree: &'a Tree) -> Result<Self> {
        let text = tree.text("Cargo.toml").ok_or("there is no Cargo.toml at the root")?;
        let root: Table = text.parse().map_err(|error| format!("Cargo.toml: {error}"))?;
        let workspace = table(&root, "workspace").ok_or("Cargo.toml has no [workspace]")?;
        let patterns: Vec<&str> = workspace
            .get("members")
            .and_then(Value::as_array)
            .map(|members| members.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        let mut members = Vec::new();
        for (path, text) in tree.texts() {
            if let Some(folder) = path.strip_suffix("/Cargo.toml")
                && patterns.iter().any(|pattern| matches(pattern, folder))
            {
                let manifest = text.parse().map_err(|error| format!("{path}: {error}"))?;
                members.push(Member { folder: folder.to_owned(), manifest, text });
            }
        }
        let inherited = table(workspace, "dependencies").cloned().unwrap_or_default();
        Ok(Self { members, inherited })
    }

    /// Manifests that no pattern of `members` covers: packages that no check and no test would see.
    pub(crate) fn strays(&self, tree: &Tree) -> Vec<Finding> {
        let is_member = |folder: &str| self.members.iter().any(|member| member.folder == folder);
        tree.paths()
            .filter_map(|path| Some((path, path.strip_suffix("/Cargo.toml")?)))
            .filter(|(_, folder)| !is_member(folder))
            .map(|(path, folder)| Finding {
                path: path.to_owned(),
                line: 1,
                what: format!("`{folder}` is no member of the workspace"),
                why: "no check, lint or test of ours sees a package outside the workspace",
                mend: "put it under one of the rings, or name it in `members` of Cargo.toml",
            })
            .collect()
    }

    /// The member whose package has this name.
    pub(crate) fn member(&self, package: &str) -> Option<&Member<'a>> {
        self.members.iter().find(|member| member.name() == Some(package))
    }

    /// All that the member depends on, for whatever platform.
    pub(crate) fn dependencies(&self, member: &Member<'_>) -> Vec<Dependency> {
        let platforms = table(&member.manifest, "target").into_iter().flat_map(Table::values);
        let scopes = std::iter::once(&member.manifest).chain(platforms.filter_map(Value::as_table));
        let mut found = Vec::new();
        for scope in scopes {
            for (name, kind) in TABLES {
                let entries = table(scope, name).into_iter().flatten();
                found.extend(entries.map(|(key, value)| self.dependency(member, key, value, kind)));
            }
        }
        found
    }

    fn dependency(&self, member: &Member<'_>, key: &str, value: &Value, kind: Kind) -> Dependency {
        let inherits = value.get("workspace").and_then(Value::as_bool) == Some(true);
        let base = if inherits { self.inherited.get(key) } else { None };
        let either = |name: &str| value.get(name).or_else(|| base.and_then(|base| base.get(name)));
        Dependency {
            package: either("package").and_then(Value::as_str).unwrap_or(key).to_owned(),
            kind,
            line: member.line_of(key),
            has_path: either("path").is_some(),
            has_default_features: either("default-features").and_then(Value::as_bool)
                != Some(false),
        }
    }
}

impl Member<'_> {
    pub(crate) fn manifest_path(&self) -> String {
        format!("{}/Cargo.toml", self.folder)
    }

    pub(crate) fn name(&self) -> Option<&str> {
        self.package("name")?.as_str()
    }

    /// A field of `[package]`.
    pub(crate) fn package(&self, field: &str) -> Option<&Value> {
        table(&self.manifest, "package")?.get(field)
    }

    /// The first line that sets `key`, or the first of all.
    pub(crate) fn line_of(&self, key: &str) -> usize {
        let sets = |line: &str| {
            let after = line.trim_start().strip_prefix(key);
            let table = line.contains("dependencies.") && line.ends_with(&format!("{key}]"));
            table || after.is_some_and(|rest| rest.starts_with([' ', '=', '.']))
        };
        self.text.lines().position(sets).map_or(1, |index| index + 1)
    }
}

/// Whether `folder` is meant by `pattern`: a folder, or all folders right within one (`core/*`).
pub(crate) fn matches(pattern: &str, folder: &str) -> bool {
    match pattern.strip_suffix("/*") {
        Some(ring) => folder
            .strip_prefix(ring)
            .and_then(|rest| rest.strip_prefix('/'))
            .is_some_and(|name| !name.contains('/')),
        None => pattern == folder,
    }
}

fn table<'a>(of: &'a Table, name: &str) -> Option<&'a Table> {
    of.get(name)?.as_table()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pattern_means_one_folder_or_the_folders_right_within_one() {
        assert!(matches("core/*", "core/domain"));
        assert!(!matches("core/*", "core/domain/inner"));
        assert!(!matches("core/*", "core"));
        assert!(!matches("core/*", "corelike/domain"));
        assert!(matches("bench", "bench"));
        assert!(!matches("bench", "bench/x"));
    }

    #[test]
    fn a_package_outside_the_workspace_is_found() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"core/*\"]"),
            ("core/domain/Cargo.toml", "[package]\nname = \"domain\""),
            ("core/domain/inner/Cargo.toml", "[package]\nname = \"inner\""),
        ]);
        let strays = Workspace::read(&tree).unwrap().strays(&tree);
        assert_eq!(strays.len(), 1);
        assert_eq!(strays[0].path, "core/domain/inner/Cargo.toml");
    }

    #[test]
    fn a_manifest_that_does_not_parse_is_an_error_that_names_it() {
        let tree = Tree::of(&[
            ("Cargo.toml", "[workspace]\nmembers = [\"core/*\"]"),
            ("core/domain/Cargo.toml", "[package"),
        ]);
        let error = Workspace::read(&tree).err().unwrap().to_string();
        assert!(error.starts_with("core/domain/Cargo.toml: "), "{error}");
    }

    #[test]
    fn dependencies_of_every_table_and_platform_are_seen_with_what_they_inherit() {
        let tree = Tree::of(&[
            (
                "Cargo.toml",
                "[workspace]\nmembers = [\"core/*\"]\n[workspace.dependencies]\n\
                 verify = { path = \"v\", package = \"doorward-verify\", default-features = false }",
            ),
            (
                "core/a/Cargo.toml",
                "[package]\nname = \"a\"\n[dependencies]\nverify.workspace = true\n\
                 [build-dependencies]\nb = \"1\"\n[target.'cfg(unix)'.dev-dependencies]\n\
                 c = { path = \"c\" }\n[dependencies.d]\nversion = \"1\"",
            ),
        ]);
        let workspace = Workspace::read(&tree).unwrap();
        let mut found = workspace.dependencies(&workspace.members[0]);
        found.sort_by_key(|dependency| dependency.line);
        let seen: Vec<_> = found
            .iter()
            .map(|one| (&*one.package, one.kind, one.line, one.has_path, one.has_default_features))
            .collect();
        assert_eq!(
            seen,
            [
                ("doorward-verify", Kind::Normal, 4, true, false),
                ("b", Kind::Build, 6, false, true),
                ("c", Kind::Dev, 8, true, true),
                ("d", Kind::Normal, 9, false, true),
            ]
        );
    }
}
