//! `cargo xtask generate`: the reference pages, as the binary tells them.

use std::fs;
use std::path::Path;
use std::process::Command;

use crate::Result;
use crate::cargo::{cargo, debug_binary, output_of, succeed};

const FOLDER: &str = "docs/generated";

/// Each page with the arguments that make the binary print it.
const PAGES: [(&str, &[&str]); 3] = [
    ("openapi.json", &["openapi"]),
    ("settings.md", &["reference", "settings"]),
    ("error-codes.md", &["reference", "error-codes"]),
];

/// One page as it should be.
struct Page {
    name: &'static str,
    text: String,
}

/// Writes the pages that changed.
pub(crate) fn write(root: &Path) -> Result<()> {
    let folder = root.join(FOLDER);
    fs::create_dir_all(&folder)?;
    for page in differing(&folder, print(root)?) {
        fs::write(folder.join(page.name), page.text)?;
        println!("wrote {FOLDER}/{}", page.name);
    }
    Ok(())
}

/// Fails if a page is not what the binary would print.
pub(crate) fn check(root: &Path) -> Result<()> {
    let differing = differing(&root.join(FOLDER), print(root)?);
    for page in &differing {
        println!("{FOLDER}/{}:1: not what the binary prints", page.name);
        println!("    why:  a page that lags behind the code is worse than none");
        println!("    mend: run `cargo xtask generate` and commit the result");
    }
    if differing.is_empty() { Ok(()) } else { Err("generate: pages are out of date".into()) }
}

fn print(root: &Path) -> Result<Vec<Page>> {
    succeed(cargo(root).args(["build", "--quiet", "--package", "doorward"]))?;
    let binary = debug_binary("doorward")?;
    let print = |(name, arguments): &(&'static str, &[&str])| {
        let text = output_of(hermetic(&mut Command::new(&binary)).args(*arguments))?;
        Ok(Page { name, text: page_text(name, &text)? })
    };
    PAGES.iter().map(print).collect()
}

/// Nothing that is set on this machine may show in a page.
fn hermetic(command: &mut Command) -> &mut Command {
    command.env_clear().current_dir(std::env::temp_dir())
}

/// What was printed, ending in one newline; nothing at all would silently empty a page.
fn page_text(name: &str, printed: &str) -> Result<String> {
    let text = printed.trim_end();
    if text.is_empty() {
        return Err(format!("the binary printed nothing for {name}").into());
    }
    Ok(format!("{text}\n"))
}

/// The pages whose file is missing or says something else.
fn differing(folder: &Path, pages: Vec<Page>) -> Vec<Page> {
    let is_current = |page: &Page| {
        fs::read(folder.join(page.name)).is_ok_and(|written| written == page.text.as_bytes())
    };
    pages.into_iter().filter(|page| !is_current(page)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn missing_and_changed_pages_differ_and_equal_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("equal"), "a\n").unwrap();
        fs::write(folder.path().join("changed"), "b\n").unwrap();
        let page = |name| Page { name, text: "a\n".to_owned() };
        let pages = vec![page("equal"), page("changed"), page("missing")];
        let found: Vec<_> = differing(folder.path(), pages).iter().map(|page| page.name).collect();
        assert_eq!(found, ["changed", "missing"]);
    }

    #[test]
    fn a_page_of_nothing_is_an_error() {
        assert!(page_text("x.md", "\n").is_err());
    }

    #[test]
    fn a_page_ends_in_one_newline_whatever_was_printed() {
        for printed in ["a", "a\n", "a\n\n"] {
            assert_eq!(page_text("x.md", printed).unwrap(), "a\n");
        }
    }
}
