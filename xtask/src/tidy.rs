//! `cargo xtask tidy`: the rules of ARCHITECTURE.md and the style guide that no compiler knows.

mod imports;
mod links;
mod machine;
mod packages;
mod source;
mod style;
mod workspace;

use std::fmt;
use std::path::Path;

use crate::Result;
use crate::project::Tree;
use workspace::Workspace;

/// One breach of a rule, for the person who has to mend it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    pub(crate) path: String,
    pub(crate) line: usize,
    pub(crate) what: String,
    pub(crate) why: &'static str,
    pub(crate) mend: &'static str,
}

impl fmt::Display for Finding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { path, line, what, why, mend } = self;
        write!(f, "{path}:{line}: {what}\n    why:  {why}\n    mend: {mend}")
    }
}

/// Checks the checkout and prints what it finds; an error if that is anything.
pub(crate) fn run(root: &Path) -> Result<()> {
    let findings = check(&Tree::read(root)?)?;
    for finding in &findings {
        println!("{finding}");
    }
    match findings.len() {
        0 => Ok(()),
        1 => Err("tidy: 1 finding".into()),
        many => Err(format!("tidy: {many} findings").into()),
    }
}

/// Every rule on the whole tree, in the order of paths and lines.
fn check(tree: &Tree) -> Result<Vec<Finding>> {
    let workspace = Workspace::read(tree)?;
    let mut findings = Vec::new();
    findings.extend(workspace.strays(tree));
    findings.extend(imports::check(&workspace));
    findings.extend(packages::check(tree, &workspace));
    findings.extend(style::check(tree));
    findings.extend(machine::check(tree));
    findings.extend(links::check(tree));
    findings.sort_by(|a, b| (&a.path, a.line).cmp(&(&b.path, b.line)));
    Ok(findings)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROOT: &str = "[workspace]\nmembers = [\"core/*\"]\n";
    const DOMAIN: &str =
        "[package]\nname = \"domain\"\ndescription = \"d\"\n[lints]\nworkspace = true\n";

    #[test]
    fn a_tree_that_keeps_every_rule_has_no_findings() {
        let tree = Tree::of(&[
            ("Cargo.toml", ROOT),
            ("README.md", "See [the domain](core/domain)."),
            ("core/domain/Cargo.toml", DOMAIN),
            ("core/domain/src/lib.rs", "//! Types.\n"),
        ]);
        assert_eq!(check(&tree).unwrap(), []);
    }

    #[test]
    fn every_kind_of_rule_is_run_and_findings_come_in_order() {
        let broken =
            DOMAIN.replace("domain", "other") + "[dependencies]\nxyz = { path = \"..\" }\n";
        let tree = Tree::of(&[
            ("Cargo.toml", ROOT),
            ("README.md", "See [it](missing.md)."),
            ("core/domain/Cargo.toml", &broken),
            ("core/domain/src/lib.rs", &format!("fn f() {{\n    to{}!()\n}}\n", "do")),
            ("core/new/Cargo.toml", &DOMAIN.replace("domain", "new")),
            ("elsewhere/Cargo.toml", DOMAIN),
            ("notes.txt", &format!("in /{}/someone", "home")),
        ]);
        let findings = check(&tree).unwrap();
        let places: Vec<_> = findings.iter().map(|found| (&*found.path, found.line)).collect();
        assert_eq!(
            places,
            [
                ("README.md", 1),
                ("core/domain/Cargo.toml", 2),
                ("core/domain/src/lib.rs", 2),
                ("core/new/Cargo.toml", 1),
                ("elsewhere/Cargo.toml", 1),
                ("notes.txt", 1),
            ]
        );
    }

    #[test]
    fn a_finding_reads_as_place_what_why_and_mend() {
        let finding = Finding {
            path: "a.rs".into(),
            line: 7,
            what: "it is long".into(),
            why: "nobody reads it",
            mend: "split it",
        };
        assert_eq!(
            finding.to_string(),
            "a.rs:7: it is long\n    why:  nobody reads it\n    mend: split it"
        );
    }
}
