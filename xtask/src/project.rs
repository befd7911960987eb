//! The checkout: where it lies and which files belong to it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::{env, fs};

use crate::Result;
use crate::cargo::output_of;

/// The folder of the workspace, whatever folder the command was typed in.
pub(crate) fn root() -> Result<PathBuf> {
    let manifest = env::var_os("CARGO_MANIFEST_DIR").ok_or("start it as `cargo xtask`")?;
    let root = Path::new(&manifest).parent().ok_or("xtask lies in no workspace")?;
    Ok(root.to_path_buf())
}

/// Every file of the checkout that is committed or would be, by its path from the root.
#[derive(Debug, Default)]
pub(crate) struct Tree {
    /// `None` for a file that is not text: it exists, and there is nothing to read in it.
    files: BTreeMap<String, Option<String>>,
}

impl Tree {
    /// Reads what git tracks, and what is new and not ignored.
    pub(crate) fn read(root: &Path) -> Result<Self> {
        let mut git = Command::new("git");
        git.args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
        let listed = output_of(git.current_dir(root))?;
        let mut files = BTreeMap::new();
        for path in listed.split_terminator('\0') {
            let Ok(meta) = fs::symlink_metadata(root.join(path)) else {
                continue; // Deleted, and the deletion not yet committed.
            };
            if meta.is_file() {
                files.insert(path.to_owned(), text_of(fs::read(root.join(path))?));
            }
        }
        Ok(Self { files })
    }

    /// A tree in memory, for tests of checks.
    #[cfg(test)]
    pub(crate) fn of(files: &[(&str, &str)]) -> Self {
        let files = files.iter().map(|(path, text)| ((*path).into(), Some((*text).into())));
        Self { files: files.collect() }
    }

    /// The text files, in the order of their paths.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        self.files.iter().filter_map(|(path, text)| Some((path.as_str(), text.as_deref()?)))
    }

    /// The Rust files, in the order of their paths.
    pub(crate) fn rust(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts().filter(|(path, _)| is_of_type(path, "rs"))
    }

    pub(crate) fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.keys().map(String::as_str)
    }

    pub(crate) fn text(&self, path: &str) -> Option<&str> {
        self.files.get(path)?.as_deref()
    }

    /// Whether a file or a folder lies there.
    pub(crate) fn has(&self, path: &str) -> bool {
        let folder = format!("{path}/");
        let mut within = self.files.range(folder.clone()..);
        path.is_empty()
            || self.files.contains_key(path)
            || within.next().is_some_and(|(first, _)| first.starts_with(&folder))
    }
}

/// Whether the file's name ends in `.` and this extension.
pub(crate) fn is_of_type(path: &str, extension: &str) -> bool {
    Path::new(path).extension().is_some_and(|own| own == extension)
}

fn text_of(bytes: Vec<u8>) -> Option<String> {
    String::from_utf8(bytes).ok().filter(|text| !text.contains('\0'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_knows_files_and_the_folders_they_lie_in() {
        let tree = Tree::of(&[("docs/decisions/0001.md", ""), ("docs-old.md", "")]);
        assert!(tree.has("docs/decisions/0001.md"));
        assert!(tree.has("docs/decisions"));
        assert!(tree.has("docs"));
        assert!(tree.has(""));
        assert!(!tree.has("docs/decision"));
        assert!(!tree.has("doc"));
    }

    #[test]
    fn bytes_that_are_no_text_are_not_read_as_text() {
        assert_eq!(text_of(vec![0xff, 0xfe]), None);
        assert_eq!(text_of(b"PNG\0".to_vec()), None);
        assert_eq!(text_of("für".into()), Some("für".into()));
    }

    #[test]
    fn new_files_belong_to_the_tree_and_ignored_and_deleted_ones_do_not() {
        let folder = tempfile::tempdir().unwrap();
        let git = |arguments: &[&str]| {
            output_of(Command::new("git").args(arguments).current_dir(folder.path())).unwrap()
        };
        git(&["init", "--quiet"]);
        fs::write(folder.path().join(".gitignore"), "ignored\n").unwrap();
        fs::write(folder.path().join("ignored"), "").unwrap();
        fs::write(folder.path().join("new name.rs"), "fn main() {}").unwrap();
        fs::write(folder.path().join("deleted"), "").unwrap();
        git(&["add", "deleted"]);
        fs::remove_file(folder.path().join("deleted")).unwrap();

        let tree = Tree::read(folder.path()).unwrap();
        assert_eq!(tree.paths().collect::<Vec<_>>(), [".gitignore", "new name.rs"]);
    }

    #[test]
    fn the_root_is_where_the_workspace_is() {
        assert!(root().unwrap().join("Cargo.lock").exists());
    }
}
