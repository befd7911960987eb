use std::path::PathBuf;

use crate::Environment;
use crate::mistake::Wrong;
use crate::reader::{Reader, Refused};
use crate::secret_input::SecretInput;
use crate::server_url::{ServerInput, ServerPaths, ServerUrl, warn_of_two_users};
use crate::{credentials, mongodb, postgres};

/// The chosen store with the settings that it needs, and no others.
#[derive(Clone, Debug)]
pub enum StorageSettings {
    /// One file, embedded in the process.
    Sqlite {
        /// The database file, perhaps relative to the working directory. It need not exist yet, nor
        /// need its folder.
        path: PathBuf,
    },
    /// A PostgreSQL server.
    Postgres {
        /// `postgres://` or `postgresql://`, with at least one host or socket. Outside development,
        /// without TLS only on this machine.
        url: ServerUrl,
        /// A JSON object with the texts `username` and `password`, used in place of those of the
        /// URL. The form of one that is named is for the one who opens it.
        credentials: Option<SecretInput>,
        /// How many connections this process holds at most: 1 to 200.
        pool_max: u32,
    },
    /// A MongoDB replica set or a DocumentDB cluster.
    Mongodb {
        /// `mongodb://` with at least one host. It asks for no certificate to be passed over, and
        /// outside development, without TLS only on this machine. `readPreference`, `retryWrites`,
        /// `socketTimeoutMS` and `maxPoolSize` may stand in it and are to be overridden.
        url: ServerUrl,
        /// As for PostgreSQL.
        credentials: Option<SecretInput>,
        /// As for PostgreSQL, for each host.
        pool_max: u32,
    },
    /// A table of DynamoDB; where and as whom follows from the environment as AWS reads it.
    Dynamodb {
        /// 3 to 255 characters of `a-z A-Z 0-9 _ . -`.
        table: String,
    },
}

enum Choice {
    Sqlite(PathBuf),
    Server(Server, ServerInput),
    Dynamodb(String),
}

#[derive(Clone, Copy)]
enum Server {
    Postgres,
    Mongodb,
}

const PATHS: ServerPaths = ServerPaths { url: "storage.url", credentials: "storage.credentials" };
const POOL_MAX: &str = "storage.pool_max";

const RIGHT: &str = "write sqlite://data/doorward.db, postgres://host/database, \
                     mongodb://host/database or dynamodb://TABLE";

const SQLITE_RIGHT: &str = "write sqlite://data/doorward.db, or for an absolute path \
                            sqlite:///var/lib/doorward/doorward.db";

pub(crate) fn read(
    reader: &mut Reader,
    environment: Result<Environment, Refused>,
) -> Result<StorageSettings, Refused> {
    let choice = reader.text(PATHS.url, parse);
    let credentials = credentials::read(reader, PATHS.credentials, environment);
    let pool_max = reader.integer(POOL_MAX, 1..=200);
    let (server, input) = match choice? {
        Choice::Sqlite(path) => {
            pass_over(reader, credentials?.is_some());
            return Ok(StorageSettings::Sqlite { path });
        }
        Choice::Dynamodb(table) => {
            pass_over(reader, credentials?.is_some());
            return Ok(StorageSettings::Dynamodb { table });
        }
        Choice::Server(server, input) => (server, input),
    };
    let url = input.accept(reader, &PATHS, environment);
    let (url, credentials, pool_max) = (url?, credentials?, pool_max?);
    warn_of_two_users(reader, &PATHS, &url, credentials.as_ref());
    Ok(match server {
        Server::Postgres => StorageSettings::Postgres { url, credentials, pool_max },
        Server::Mongodb => StorageSettings::Mongodb { url, credentials, pool_max },
    })
}

/// Says what is not used, because the store has no server of its own.
fn pass_over(reader: &mut Reader, has_credentials: bool) {
    let given = [(PATHS.credentials, has_credentials), (POOL_MAX, !reader.is_default(POOL_MAX))];
    for (path, _) in given.into_iter().filter(|(_, is_given)| *is_given) {
        reader.warn(path, "not used: storage.url names no PostgreSQL and no MongoDB");
    }
}

/// The scheme chooses the store. Messages show nothing else of the URL: it may hold a password.
fn parse(url: &str) -> Result<Choice, Wrong> {
    let Some((scheme, rest)) = url.split_once("://") else { return Err(not_a_url(url)) };
    match scheme {
        "sqlite" => parse_sqlite(rest).map(Choice::Sqlite),
        "postgres" | "postgresql" => {
            postgres::parse(url).map(|input| Choice::Server(Server::Postgres, input))
        }
        "mongodb" => mongodb::parse(url).map(|input| Choice::Server(Server::Mongodb, input)),
        "dynamodb" => parse_table(rest).map(Choice::Dynamodb),
        "mongodb+srv" => Err(Wrong::new(
            "names its hosts through the DNS, which this version does not ask for them",
            "write mongodb:// with the hosts themselves and tls=true",
        )),
        "mysql" => Err(Wrong::new("this version has no MySQL backend", RIGHT)),
        _ => Err(Wrong::new("has an unknown scheme", RIGHT)),
    }
}

fn not_a_url(text: &str) -> Wrong {
    if text.starts_with("env:") || text.starts_with("file:") {
        let right = "write the URL itself, and name user and password with storage.credentials";
        return Wrong::new("is a reference, which this setting does not follow", right);
    }
    Wrong::new("is not a URL with a scheme and ://", RIGHT)
}

fn parse_sqlite(rest: &str) -> Result<PathBuf, Wrong> {
    let wrong = |problem: &str| Wrong::new(problem, SQLITE_RIGHT);
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
    Ok(PathBuf::from(rest))
}

/// A name as DynamoDB has it (Developer Guide, "Naming rules").
fn parse_table(rest: &str) -> Result<String, Wrong> {
    let is_letter = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'-');
    if (3..=255).contains(&rest.len()) && rest.bytes().all(is_letter) {
        return Ok(rest.to_owned());
    }
    let right = "write dynamodb:// and 3 to 255 characters of a-z A-Z 0-9 _ . -";
    Err(Wrong::new("names no table that can exist", right))
}
#[cfg(test)]
mod tests {
    use super::*;

    fn problem(url: &str) -> String {
        parse(url).err().expect(url).problem
    }

    #[test]
    fn two_slashes_lead_a_relative_path_and_three_an_absolute_one() {
        for (url, path) in [
            ("sqlite://data/doorward.db", "data/doorward.db"),
            ("sqlite://../a b.db", "../a b.db"),
            ("sqlite:///var/lib/doorward.db", "/var/lib/doorward.db"),
        ] {
            let Ok(Choice::Sqlite(parsed)) = parse(url) else { panic!("{url} names a file") };
            assert_eq!(parsed, PathBuf::from(path));
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
    fn a_store_that_this_version_lacks_is_refused_with_the_reason_and_without_its_password() {
        for (scheme, reason) in [
            ("mysql", "this version has no MySQL backend"),
            ("mongodb+srv", "names its hosts through the DNS"),
            ("postgresql+asyncpg", "has an unknown scheme"),
        ] {
            let url = format!("{scheme}://user:hunter2@host/db");
            let wrong = parse(&url).err().unwrap();
            assert!(wrong.problem.starts_with(reason), "{wrong:?}");
            assert!(!format!("{wrong:?}").contains("hunter2"));
        }
    }

    #[test]
    fn a_reference_is_not_followed_and_is_called_what_it_is() {
        for text in ["env:DATABASE_URL", "file:/run/secrets/database"] {
            assert!(problem(text).starts_with("is a reference"), "{text}");
        }
    }

    #[test]
    fn a_table_has_a_name_as_dynamodb_has_it() {
        let longest = "x".repeat(255);
        for table in ["abc", "Users_2.prod-eu", &longest] {
            let Ok(Choice::Dynamodb(parsed)) = parse(&format!("dynamodb://{table}")) else {
                panic!("{table} is a name")
            };
            assert_eq!(parsed, table);
        }
        let too_long = "x".repeat(256);
        for table in ["", "ab", &too_long, "a b c", "users/", "users?x=1", "üser", "a:b:c"] {
            let problem = problem(&format!("dynamodb://{table}"));
            assert_eq!(problem, "names no table that can exist", "{table}");
        }
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_the_parser_panic(
            text in ".*",
            url in "(sqlite|postgres|mongodb|dynamodb)://[a-z0-9.:/@?#=&%,\\[\\]-]{0,40}",
            query in "(postgres|mongodb)://a/[?](host|hostaddr|sslmode|tls)=[a-z0-9:,/%-]{0,20}",
        ) {
            let _ = (parse(&text), parse(&url), parse(&query));
        }
    }
}
