use std::io;

use crate::BYTES_MAX;

/// Why what stands under a reference cannot be used. No variant holds anything of it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UnusableSecret {
    #[error("it is longer than {BYTES_MAX} bytes")]
    TooLong,
    #[error("it is not UTF-8")]
    NotUtf8,
    #[error("it is not a JSON object")]
    NotJsonObject,
    #[error("the member of the JSON object is not a text")]
    NotTextMember,
    #[error("it is not a regular file")]
    NotRegularFile,
    #[error("the file could not be read")]
    Unreadable(#[from] io::Error),
}
