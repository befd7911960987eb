use std::path::Path;
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use crate::Result;
use crate::launch::spawn;

/// What remains when we are killed: it waits for the end of its input, which is ours, gives the
/// servers a moment to die, and removes the folder.
const JANITOR: &str = r#"read -r _; sleep 1; rm -rf -- "$1""#;

/// A temporary folder that goes with its value, and also if the process is killed.
pub(crate) struct Folder {
    place: TempDir,
    /// Holds the only other end of the janitor's input.
    janitor: Child,
}

impl Folder {
    pub(crate) fn create(name: &str) -> Result<Self> {
        let place = tempfile::Builder::new().prefix(&format!("doorward-{name}-")).tempdir()?;
        let mut janitor = Command::new("sh");
        janitor.args(["-c", JANITOR, "sh"]).arg(place.path());
        janitor.current_dir("/").stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null());
        Ok(Self { janitor: spawn(janitor)?, place })
    }

    pub(crate) fn path(&self) -> &Path {
        self.place.path()
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        // It has nothing to do any more, and removing twice would be harmless.
        let _ = self.janitor.kill();
        let _ = self.janitor.wait();
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};
    use std::{fs, thread};

    use super::*;

    #[test]
    fn the_folder_goes_with_its_value() {
        let folder = Folder::create("test").unwrap();
        let path = folder.path().to_path_buf();
        fs::write(path.join("file"), "").unwrap();
        drop(folder);
        assert!(!path.exists());
    }

    #[test]
    fn the_folder_goes_with_the_process_too() {
        let mut folder = Folder::create("test").unwrap();
        fs::write(folder.path().join("file"), "").unwrap();
        // What the system does when a process ends.
        drop(folder.janitor.stdin.take());
        let deadline = Instant::now() + Duration::from_secs(20);
        while folder.path().exists() {
            assert!(Instant::now() < deadline, "{} is still there", folder.path().display());
            thread::sleep(Duration::from_millis(20));
        }
    }
}
