use std::path::PathBuf;

use crate::mistake::Wrong;

/// Reads a path. Whether something is there shows when it is opened.
pub(crate) fn parse_path(text: &str) -> Result<PathBuf, Wrong> {
    if text.contains('\0') {
        return Err(Wrong::new("has a NUL character", "write a path"));
    }
    Ok(PathBuf::from(text))
}
