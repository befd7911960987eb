use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Result;

/// Counts the syncs of a process and can slow them down: a library in C that is loaded before libc.
pub(crate) struct SlowDisk {
    library: String,
    counter: PathBuf,
}

impl SlowDisk {
    /// Compiles it. `None`: there is no C compiler.
    pub(crate) fn build(folder: &Path) -> Result<Option<Self>> {
        let source = folder.join("slow_disk.c");
        fs::write(&source, include_str!("slow_disk.c"))?;
        let library = folder.join("slow_disk.so");
        let status = Command::new("cc")
            .args(["-shared", "-fPIC", "-O2", "-o"])
            .args([&library, &source])
            .arg("-ldl")
            .status();
        if !status.is_ok_and(|status| status.success()) {
            return Ok(None);
        }
        let counter = folder.join("syncs");
        fs::write(&counter, 0_u64.to_ne_bytes())?;
        Ok(Some(Self { library: library.display().to_string(), counter }))
    }

    /// The environment of a process whose syncs take so many microseconds longer.
    pub(crate) fn environment(&self, delay_us: u32) -> Vec<(&'static str, String)> {
        vec![
            ("LD_PRELOAD", self.library.clone()),
            ("SLOW_DISK_COUNT", self.counter.display().to_string()),
            ("SLOW_DISK_US", delay_us.to_string()),
        ]
    }

    /// Syncs so far, of all processes.
    pub(crate) fn syncs(&self) -> Result<u64> {
        let bytes = fs::read(&self.counter)?;
        Ok(u64::from_ne_bytes(bytes.as_slice().try_into()?))
    }
}
