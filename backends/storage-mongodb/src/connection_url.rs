//! The connection string: what of it is the operator's to say, and what is ours.

use std::path::PathBuf;
use std::time::Duration;

use mongodb::options::{
    Acknowledgment, ClientOptions, ReadPreference, SelectionCriteria, ServerMonitoringMode, Tls,
    WriteConcern,
};
use secrecy::{ExposeSecret as _, SecretString};

/// How many connections are made at the same time, to each host.
const CONNECTING_MAX: u32 = 8;

/// The database where the URL names none.
const DATABASE: &str = "doorward";

/// After a failover a server is looked at again only by the next heartbeat: this is how long it
/// costs.
const HEARTBEAT: Duration = Duration::from_secs(1);
const SERVER_SELECTION_MAX: Duration = Duration::from_secs(2);
/// Also how long a heartbeat waits for its answer, and so how long silence goes unnoticed. With
/// less, a server that is only busy is taken for dead, and everybody connects to it anew at once.
/// With more, a heartbeat that was sent into the silence keeps everybody waiting when it is over:
/// half a second passes before the next, and all of it has to fit into two seconds.
const CONNECT_MAX: Duration = Duration::from_millis(1_250);
const IDLE_MAX: Duration = Duration::from_mins(1);

/// Options that we set ourselves, or that strings for other drivers have and this one refuses.
const OURS: [&str; 21] = [
    "compressors",
    "connecttimeoutms",
    "heartbeatfrequencyms",
    "journal",
    "maxidletimems",
    "maxpoolsize",
    "maxstalenessseconds",
    "minpoolsize",
    "readconcernlevel",
    "readpreference",
    "readpreferencetags",
    "retryreads",
    "retrywrites",
    "servermonitoringmode",
    "serverselectiontimeoutms",
    "sockettimeoutms",
    "timeoutms",
    "w",
    "waitqueuetimeoutms",
    "wtimeoutms",
    "zlibcompressionlevel",
];

/// Options that would let anybody pose as the server.
const DANGEROUS: [&str; 3] =
    ["tlsallowinvalidcertificates", "tlsallowinvalidhostnames", "tlsinsecure"];

/// Why a connection string is refused. Shows nothing of it but names of options.
#[derive(Debug, thiserror::Error)]
pub(crate) enum UrlMistake {
    #[error("{0} would accept any server; name the authority's certificates with tlsCAFile")]
    Insecure(String),
    #[error("mongodb+srv is not supported; name the hosts in a mongodb:// URL")]
    Srv,
    #[error("user name, password or database of the URL are not percent-encoded")]
    NotEncoded,
    #[error("the URL cannot be used: {0}")]
    Unusable(String),
}

/// What a connection string comes to.
pub(crate) struct Target {
    pub(crate) options: ClientOptions,
    pub(crate) database: String,
    pub(crate) ca_file: Option<PathBuf>,
}

/// Reads a connection string, with our own options in place of its.
pub(crate) async fn parse(url: &SecretString, pool_max: u32) -> Result<Target, UrlMistake> {
    let url = without_ours(url.expose_secret())?;
    let Ok(mut options) = ClientOptions::parse(&url).await else {
        return Err(mistake(&url).await);
    };
    options.app_name.get_or_insert_with(|| "doorward".to_owned());
    options.retry_writes = Some(false);
    options.retry_reads = Some(false);
    options.selection_criteria = Some(SelectionCriteria::ReadPreference(ReadPreference::Primary));
    options.write_concern = Some(WriteConcern::builder().w(Acknowledgment::Majority).build());
    options.heartbeat_freq = Some(HEARTBEAT);
    options.server_monitoring_mode = Some(ServerMonitoringMode::Poll);
    options.server_selection_timeout = Some(SERVER_SELECTION_MAX);
    options.connect_timeout = Some(CONNECT_MAX);
    options.max_idle_time = Some(IDLE_MAX);
    options.max_pool_size = Some(pool_max);
    // A crowd that comes to a cold pool waits for hand-shakes, not for turns at them.
    options.max_connecting = Some(CONNECTING_MAX);
    options.min_pool_size = None;
    let database = options.default_database.clone().unwrap_or_else(|| DATABASE.to_owned());
    let ca_file = match &options.tls {
        Some(Tls::Enabled(tls)) => tls.ca_file_path.clone(),
        _ => None,
    };
    Ok(Target { options, database, ca_file })
}

/// The URL without the options that are ours.
fn without_ours(url: &str) -> Result<String, UrlMistake> {
    if url.starts_with("mongodb+srv:") {
        return Err(UrlMistake::Srv);
    }
    let Some((place, options)) = url.split_once('?') else { return Ok(url.to_owned()) };
    let mut kept = Vec::new();
    for option in options.split('&').filter(|option| !option.is_empty()) {
        let (name, value) = option.split_once('=').unwrap_or((option, ""));
        let lower = name.to_ascii_lowercase();
        if DANGEROUS.contains(&lower.as_str()) {
            if value != "false" {
                return Err(UrlMistake::Insecure(name.to_owned()));
            }
        } else if !OURS.contains(&lower.as_str()) {
            kept.push(option);
        }
    }
    // Options follow a path, even an empty one.
    let has_path = place.split_once("://").is_some_and(|(_, rest)| rest.contains('/'));
    let slash = if has_path { "" } else { "/" };
    Ok(if kept.is_empty() {
        place.to_owned()
    } else {
        format!("{place}{slash}?{}", kept.join("&"))
    })
}

/// What the driver says of a URL, without the part of it that holds the password.
async fn mistake(url: &str) -> UrlMistake {
    let Some((_, rest)) = url.split_once("://") else {
        return UrlMistake::Unusable("it does not begin with mongodb://".to_owned());
    };
    let place = rest.rsplit_once('@').map_or(rest, |(_, place)| place);
    match ClientOptions::parse(format!("mongodb://name:password@{place}")).await {
        Ok(_) => UrlMistake::NotEncoded,
        Err(error) => UrlMistake::Unusable(error.kind.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The string that the console of Amazon DocumentDB shows, the password apart.
    const GUIDE: &str = "mongodb://name:p%40ss@docdb.cluster.example:27017/?tls=true\
        &tlsCAFile=global-bundle.pem&replicaSet=rs0&readPreference=secondaryPreferred\
        &retryWrites=false";

    async fn parsed(url: &str) -> Result<Target, String> {
        parse(&url.into(), 16).await.map_err(|mistake| mistake.to_string())
    }

    #[tokio::test]
    async fn the_string_of_the_documentation_is_accepted_as_it_is() {
        let Target { options, database, ca_file } = parsed(GUIDE).await.unwrap();
        let credential = options.credential.unwrap();
        assert_eq!(credential.username.as_deref(), Some("name"));
        assert_eq!(credential.password.as_deref(), Some("p@ss"));
        assert_eq!(options.repl_set_name.as_deref(), Some("rs0"));
        assert_eq!(database, "doorward");
        assert_eq!(ca_file, Some("global-bundle.pem".into()));
    }

    #[tokio::test]
    async fn how_to_read_write_and_wait_is_ours_whatever_the_url_says() {
        let url = "mongodb://host/?readPreference=secondary&maxStalenessSeconds=120\
            &readPreferenceTags=dc:east&retryWrites=true&w=0&journal=false&wTimeoutMS=1\
            &maxPoolSize=900&minPoolSize=100&socketTimeoutMS=1000&SOCKETTIMEOUTMS=1\
            &serverSelectionTimeoutMS=60000&connectTimeoutMS=60000&heartbeatFrequencyMS=60000\
            &serverMonitoringMode=stream&compressors=zlib&zlibCompressionLevel=9&retryReads=true\
            &readConcernLevel=available&waitQueueTimeoutMS=7&maxIdleTimeMS=0";
        let options = parsed(url).await.unwrap().options;
        let primary = SelectionCriteria::ReadPreference(ReadPreference::Primary);
        assert_eq!(options.selection_criteria, Some(primary));
        assert_eq!(options.write_concern.unwrap().w, Some(Acknowledgment::Majority));
        assert_eq!((options.retry_writes, options.retry_reads), (Some(false), Some(false)));
        assert_eq!((options.max_pool_size, options.min_pool_size), (Some(16), None));
        assert_eq!(options.server_selection_timeout, Some(SERVER_SELECTION_MAX));
        assert_eq!(options.heartbeat_freq, Some(HEARTBEAT));
        assert_eq!(options.connect_timeout, Some(CONNECT_MAX));
        assert_eq!(options.max_idle_time, Some(IDLE_MAX));
        assert_eq!(options.app_name.as_deref(), Some("doorward"));
        assert_eq!(options.read_concern, None);
    }

    #[tokio::test]
    async fn the_path_names_the_database() {
        for (url, name) in [
            ("mongodb://host", "doorward"),
            ("mongodb://host/", "doorward"),
            ("mongodb://host?tls=true", "doorward"),
            ("mongodb://host/accounts", "accounts"),
            ("mongodb://host/accounts?replicaSet=rs0", "accounts"),
        ] {
            assert_eq!(parsed(url).await.unwrap().database, name, "{url}");
        }
    }

    #[tokio::test]
    async fn a_url_that_would_accept_any_server_is_refused() {
        for option in ["tlsInsecure", "tlsAllowInvalidCertificates", "tlsAllowInvalidHostnames"] {
            let refused = parsed(&format!("mongodb://host/?tls=true&{option}=true")).await;
            let words = refused.err().unwrap();
            assert!(words.starts_with(option) && words.contains("tlsCAFile"), "{words}");
        }
        assert!(parsed("mongodb://host/?tls=true&tlsInsecure=false").await.is_ok());
    }

    #[tokio::test]
    async fn what_is_said_of_an_unusable_url_shows_no_secret() {
        for url in [
            "mongodb://name:hunter2/@host/",
            "mongodb://name:hunter2@@host/",
            "mongodb://name:hunter2%@host/",
            "mongodb://name:hunter2@host:port/",
            "mongodb://name:hunter2@host/?tls=perhaps",
            "mongodb+srv://name:hunter2@host/",
            "postgres://name:hunter2@host/",
            "hunter2",
        ] {
            let words = parsed(url).await.err().unwrap();
            assert!(!words.contains("hunter"), "{words}");
        }
    }
}
