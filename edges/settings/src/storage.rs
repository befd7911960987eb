use std::path::PathBuf;

use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};

/// The chosen store with the settings that it needs, and no others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StorageSettings {
    /// One file, embedded in the process.
    Sqlite {
        /// The database file, perhaps relative to the working directory. It need not exist yet, nor
        /// need its folder.
        path: PathBuf,
    },
}

/// Schemes of stores that are planned, or that deployments come from, with their names.
const LATER_STORES: [(&str, &str); 6] = [
    ("postgres", "PostgreSQL"),
    ("postgresql", "PostgreSQL"),
    ("mongodb", "MongoDB"),
    ("mongodb+srv", "MongoDB"),
    ("dynamodb", "DynamoDB"),
    ("mysql", "MySQL"),
];

const RIGHT: &str = "write sqlite://data/doorward.db, or for an absolute path \
                     sqlite:///var/lib/doorward/doorward.db";

pub(crate) fn read(reader: &mut Reader) -> Result<StorageSettings, Refused> {
    reader.text("storage.url", parse)
}

/// The scheme chooses the store. Messages show nothing else of the URL: it may hold a password.
fn parse(url: &str) -> Result<StorageSettings, Wrong> {
    let wrong = |problem: &str| Wrong::new(problem, RIGHT);
    let Some((scheme, rest)) = url.split_once("://") else {
        return Err(wrong("is not a URL with a scheme and ://"));
    };
    if let Some((_, store)) = LATER_STORES.iter().find(|(later, _)| *later == scheme) {
        return Err(Wrong::new(format!("this version has no {store} backend"), RIGHT));
    }
    if scheme != "sqlite" {
        return Err(wrong("has an unknown scheme"));
    }
    if rest.contains(['?', '#', '\0']) {
        return Err(wrong("has parameters, a fragment or a NUL character"));
    }
    if rest.is_empty() || rest.ends_with('/') || rest.starts_with(':') {
        return Err(wrong("names no file"));
    }
    // Elsewhere three slashes lead a relative path; here the file would appear in the root folder.
    if rest.starts_with("/./") || rest.starts_with("/../") {
        return Err(wrong("has three slashes, which lead an absolute path, before a relative one"));
    }
    Ok(StorageSettings::Sqlite { path: PathBuf::from(rest) })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_slashes_lead_a_relative_path_and_three_an_absolute_one() {
        for (url, path) in [
            ("sqlite://data/doorward.db", "data/doorward.db"),
            ("sqlite://../a b.db", "../a b.db"),
            ("sqlite:///var/lib/doorward.db", "/var/lib/doorward.db"),
        ] {
            assert_eq!(parse(url), Ok(StorageSettings::Sqlite { path: PathBuf::from(path) }));
        }
    }

    #[test]
    fn a_url_that_names_no_file_is_refused() {
        for url in [
            "",
            "data/doorward.db",
            "sqlite:data/doorward.db",
            "sqlite://",
            "sqlite://data/",
            "sqlite://:memory:",
            "sqlite://a.db?mode=rwc",
            "sqlite:///./a.db",
            "SQLITE://a.db",
            "redis://a",
        ] {
            assert!(parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn a_store_of_a_later_version_is_refused_by_name_and_without_its_password() {
        for (scheme, store) in LATER_STORES {
            let wrong = parse(&format!("{scheme}://user:hunter2@host/db")).unwrap_err();
            assert_eq!(wrong.problem, format!("this version has no {store} backend"));
            assert!(!format!("{wrong:?}").contains("hunter2"));
        }
    }
}
