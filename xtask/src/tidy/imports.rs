//! Who may import whom: the table of ARCHITECTURE.md, held.

use super::Finding;
use super::workspace::{Dependency, Kind, Member, Workspace, matches};

/// A row of the table: packages in `folder` may import what lies in one of the folders `may`.
struct Row {
    folder: &'static str,
    may: &'static [&'static str],
}

/// The first row whose folder matches holds. What stands in no row may not exist.
const TABLE: [Row; 13] = [
    Row { folder: "public/*", may: &["public/*"] },
    Row { folder: "core/domain", may: &[] },
    Row { folder: "core/oauth", may: &["core/domain", "public/doorward-claims"] },
    // The wire checks are written once, in the verifier (docs/decisions, 0002).
    Row {
        folder: "core/crypto",
        may: &["core/domain", "public/doorward-claims", "public/doorward-verify"],
    },
    Row { folder: "core/contracts", may: &["core/domain", "public/doorward-claims"] },
    Row { folder: "core/service", may: &["core/*", "public/doorward-claims"] },
    Row { folder: "backends/*", may: &["core/domain", "core/contracts", "core/crypto"] },
    Row { folder: "edges/*", may: &["core/*", "public/doorward-claims"] },
    Row { folder: "apps/doorward", may: &["public/*", "core/*", "backends/*", "edges/*"] },
    Row { folder: "examples/*", may: &["public/*"] },
    Row { folder: "testing/*", may: ANYTHING },
    Row { folder: "bench", may: ANYTHING },
    Row { folder: "xtask", may: ANYTHING },
];

const ANYTHING: &[&str] =
    &["public/*", "core/*", "backends/*", "edges/*", "apps/*", "testing/*", "bench", "xtask"];

pub(crate) fn check(workspace: &Workspace<'_>) -> Vec<Finding> {
    workspace.members.iter().flat_map(|member| check_member(workspace, member)).collect()
}

fn check_member(workspace: &Workspace<'_>, member: &Member<'_>) -> Vec<Finding> {
    let Some(row) = TABLE.iter().find(|row| matches(row.folder, &member.folder)) else {
        return vec![Finding {
            path: member.manifest_path(),
            line: 1,
            what: format!("`{}` stands in no row of the import table", member.folder),
            why: "a package without a row may import anything, and the rings mean nothing",
            mend: "put it into a ring, or give it a row in ARCHITECTURE.md and in \
                   xtask/src/tidy/imports.rs",
        }];
    };
    let dependencies = workspace.dependencies(member);
    let ours = dependencies.iter().filter_map(|dependency| {
        Some((dependency, workspace.member(&dependency.package)?.folder.as_str()))
    });
    ours.filter_map(|(dependency, folder)| refusal(row, member, dependency, folder)).collect()
}

/// Why `member` may not have this dependency, which lies in `folder`.
fn refusal(
    row: &Row,
    member: &Member<'_>,
    dependency: &Dependency,
    folder: &str,
) -> Option<Finding> {
    let finding = |what: String, why, mend| {
        Some(Finding { path: member.manifest_path(), line: dependency.line, what, why, mend })
    };
    let name = &dependency.package;
    if !dependency.has_path {
        return finding(
            format!("`{name}` would come from the registry, but is one of ours"),
            "the registry has strangers' packages under our short names",
            "write `workspace = true`",
        );
    }
    let is_for_tests = dependency.kind == Kind::Dev && matches("testing/*", folder);
    if !is_for_tests && !row.may.iter().any(|pattern| matches(pattern, folder)) {
        return finding(
            format!("`{}` imports `{folder}`", member.folder),
            "the rings keep rules apart from technology (ARCHITECTURE.md, who may import whom)",
            "move what is needed to where both may reach it, or pass it in through a contract",
        );
    }
    if member.folder == "core/crypto"
        && name == "doorward-verify"
        && dependency.has_default_features
    {
        return finding(
            "`core/crypto` imports `doorward-verify` with its default features".to_owned(),
            "they bring HTTP into core/, which does no I/O",
            "write `default-features = false` in [workspace.dependencies], and no more here",
        );
    }
    None
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::*;
    use crate::project::Tree;

    const FOLDERS: [&str; 16] = [
        "public/doorward-claims",
        "public/doorward-verify",
        "core/domain",
        "core/oauth",
        "core/crypto",
        "core/contracts",
        "core/service",
        "backends/storage-sql",
        "backends/events",
        "edges/web",
        "edges/settings",
        "apps/doorward",
        "examples/chatbot",
        "testing/harness",
        "bench",
        "xtask",
    ];

    /// What is found where `of` has `imported` in its `table`.
    fn findings(of: &str, table: &str, imported: &str) -> Vec<String> {
        findings_with(of, &format!("[{table}]\n{}.workspace = true", name_of(imported)))
    }

    /// What is found in a workspace with a package in every ring, where `of` has these `tables`.
    fn findings_with(of: &str, tables: &str) -> Vec<String> {
        let mut root = "[workspace]\nmembers = [\"other\"".to_owned();
        for ring in ["public/*", "core/*", "backends/*", "edges/*", "apps/*", "testing/*"] {
            write!(root, ", \"{ring}\"").unwrap();
        }
        root += ", \"examples/chatbot\", \"bench\", \"xtask\"]\n[workspace.dependencies]\n";
        for folder in FOLDERS {
            let is_bare = folder.ends_with("verify");
            let features = if is_bare { ", default-features = false" } else { "" };
            writeln!(root, "{} = {{ path = \"{folder}\"{features} }}", name_of(folder)).unwrap();
        }
        let mut files = vec![("Cargo.toml".to_owned(), root)];
        let another = (!FOLDERS.contains(&of)).then_some(of);
        for folder in FOLDERS.into_iter().chain(another) {
            let tables = if folder == of { tables } else { "" };
            let manifest = format!("[package]\nname = \"{}\"\n{tables}\n", name_of(folder));
            files.push((format!("{folder}/Cargo.toml"), manifest));
        }
        let files: Vec<_> = files.iter().map(|(path, text)| (&**path, &**text)).collect();
        let tree = Tree::of(&files);
        check(&Workspace::read(&tree).unwrap()).into_iter().map(|found| found.what).collect()
    }

    fn name_of(folder: &str) -> &str {
        folder.rsplit('/').next().unwrap()
    }

    #[test]
    fn what_the_table_allows_is_no_finding() {
        for (importer, imported) in [
            ("public/doorward-verify", "public/doorward-claims"),
            ("core/oauth", "core/domain"),
            ("core/crypto", "public/doorward-claims"),
            ("core/crypto", "public/doorward-verify"),
            ("core/contracts", "core/domain"),
            ("core/service", "core/crypto"),
            ("backends/storage-sql", "core/contracts"),
            ("edges/web", "core/service"),
            ("edges/web", "public/doorward-claims"),
            ("apps/doorward", "backends/storage-sql"),
            ("apps/doorward", "edges/web"),
            ("examples/chatbot", "public/doorward-verify"),
            ("testing/harness", "edges/web"),
            ("testing/harness", "apps/doorward"),
            ("bench", "testing/harness"),
            ("xtask", "public/doorward-claims"),
        ] {
            let found = findings(importer, "dependencies", imported);
            assert!(found.is_empty(), "{importer} -> {imported}: {found:?}");
        }
    }

    #[test]
    fn what_the_table_does_not_allow_is_a_finding() {
        for (importer, imported) in [
            ("public/doorward-verify", "core/domain"),
            ("core/domain", "public/doorward-claims"),
            ("core/oauth", "core/crypto"),
            ("core/oauth", "public/doorward-verify"),
            ("core/crypto", "core/contracts"),
            ("core/contracts", "core/crypto"),
            ("core/service", "backends/events"),
            ("core/service", "public/doorward-verify"),
            ("backends/storage-sql", "core/service"),
            ("backends/storage-sql", "backends/events"),
            ("backends/events", "edges/settings"),
            ("edges/web", "backends/storage-sql"),
            ("edges/web", "edges/settings"),
            ("edges/web", "public/doorward-verify"),
            ("apps/doorward", "testing/harness"),
            ("apps/doorward", "bench"),
            ("examples/chatbot", "core/domain"),
            ("examples/chatbot", "testing/harness"),
        ] {
            for table in ["dependencies", "build-dependencies", "target.'cfg(unix)'.dependencies"] {
                let found = findings(importer, table, imported);
                assert_eq!(found, [format!("`{importer}` imports `{imported}`")], "{table}");
            }
        }
    }

    #[test]
    fn only_tests_import_what_is_for_tests_and_nothing_else_beyond_the_table() {
        assert!(findings("edges/web", "dev-dependencies", "testing/harness").is_empty());
        assert!(findings("examples/chatbot", "dev-dependencies", "testing/harness").is_empty());
        assert_eq!(findings("edges/web", "dev-dependencies", "backends/events").len(), 1);
    }

    #[test]
    fn a_renamed_dependency_is_known_by_its_package() {
        let found = findings_with(
            "core/domain",
            "[dependencies]\nx = { package = \"web\", path = \"../../edges/web\" }",
        );
        assert_eq!(found, ["`core/domain` imports `edges/web`"]);
    }

    #[test]
    fn a_package_from_the_registry_with_a_name_of_ours_is_a_finding() {
        let found = findings_with("apps/doorward", "[dependencies]\nweb = \"0.3\"");
        assert_eq!(found, ["`web` would come from the registry, but is one of ours"]);
    }

    #[test]
    fn crypto_takes_the_verifier_without_its_default_features() {
        let found = findings_with(
            "core/crypto",
            "[dependencies]\n\
             doorward-verify = { workspace = true, default-features = true }",
        );
        assert_eq!(found, ["`core/crypto` imports `doorward-verify` with its default features"]);
    }

    #[test]
    fn a_package_in_no_row_is_a_finding() {
        for folder in ["core/new", "apps/second", "other"] {
            let found = findings_with(folder, "");
            assert_eq!(found, [format!("`{folder}` stands in no row of the import table")]);
        }
    }
}
