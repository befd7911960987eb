//! What can be tried from this machine alone.

use contracts::{Clock as _, MailState, Probe, SendMailError};
use service::Service;
use settings::{Loaded, MailSettings, MailTransportSettings, Settings, StorageSettings};

use super::Finding;
use crate::failure::Failure;
use crate::system::SystemClock;
use crate::{compose, data_key, mails};

/// 2026-01-01: a clock that reads earlier was never set.
const RELEASED_AT_MS: i64 = 1_767_225_600_000;
/// Mails that are counted; more are "at least" as many.
const MAILS_COUNTED: usize = 1000;

/// The settings are right, or nothing would have been tried; what may not be meant is said.
pub(super) fn settings(loaded: &Loaded) -> Finding {
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    if warnings.is_empty() {
        return Finding::fine("settings", format!("right, for {}", loaded.settings.environment));
    }
    Finding::fine("settings", format!("right, but perhaps not as meant: {}", warnings.join("; ")))
}

/// Whether the clock was ever set; how it compares with others shows only from outside.
pub(super) fn clock_alone() -> Finding {
    if SystemClock.now().unix_ms() >= RELEASED_AT_MS {
        return Finding::fine("clock", "set");
    }
    let mend = "Set the clock, and have it kept by NTP: tokens and codes live by it.";
    Finding::wrong("clock", "reads a time before this release", mend)
}

/// The store, and what it keeps: the keys, and mails that were not sent.
pub(super) async fn storage_and_keys(settings: &Settings) -> Vec<Finding> {
    let StorageSettings::Sqlite { path } = &settings.storage;
    if !path.exists() {
        let seen =
            format!("there is no database {} yet: `doorward serve` makes it", path.display());
        return vec![Finding::untried("storage", seen)];
    }
    match storage_sql::pending_sqlite(path) {
        Err(error) => {
            let mend = "Check the path and who may read and write it; a newer release cannot be \
                        followed by an older one.";
            let failed = Failure::of("the database cannot be read")(error);
            return vec![Finding::wrong("storage", failed.on_one_line(), mend)];
        }
        Ok(steps) if !steps.is_empty() => {
            let seen = format!("the schema has pending steps: {}", steps.join(", "));
            let mend = "Run `doorward migrate`, or start the server, which does it, too.";
            return vec![Finding::wrong("storage", seen, mend)];
        }
        Ok(_) => {}
    }
    match compose::open_service_as_kept(settings).await {
        Err(failure) => {
            let mend = match data_key::missing(&settings.data_key) {
                None => {
                    "Mend what is named; keys are in data_key and keys.shared_secret.".to_owned()
                }
                Some(path) => format!(
                    "There is no {}: run this in the working directory of the server, put the \
                     file back, or set data_key.",
                    path.display()
                ),
            };
            vec![Finding::wrong("keys", failure.on_one_line(), mend)]
        }
        Ok(service) => {
            let mut findings = Vec::new();
            for probe in service.probes() {
                findings.push(storage(&**probe).await);
            }
            findings.push(keys(&service).await);
            findings.push(outbox(&service).await);
            findings
        }
    }
}

async fn storage(probe: &dyn Probe) -> Finding {
    match probe.check().await {
        Ok(()) => Finding::fine("storage", "reads and writes"),
        Err(error) => {
            let failed = Failure::of("the store does not do its work")(error);
            let mend = "Check that the disk has room and that nothing else holds the database.";
            Finding::wrong("storage", failed.on_one_line(), mend)
        }
    }
}

/// Signs something, which proves that there is a key and that the data key opens it.
async fn keys(service: &Service) -> Finding {
    let algorithm = service.keys().algorithm();
    match service.signed_revocations().await {
        Ok(_) => Finding::fine("keys", format!("tokens are signed with {}", algorithm.name())),
        Err(service::Failure::NoSigningKey) => {
            let name = algorithm.name();
            Finding::untried("keys", format!("the server makes a key for {name} when it starts"))
        }
        Err(failure) => {
            let failed = Failure::of("tokens cannot be signed")(failure);
            let mend = "Check data_key: it must hold the key that the store was sealed with.";
            Finding::wrong("keys", failed.on_one_line(), mend)
        }
    }
}

async fn outbox(service: &Service) -> Finding {
    match service.list_mails(None, MAILS_COUNTED).await {
        Err(failure) => {
            let failed = Failure::of("the outbox cannot be read")(failure);
            Finding::wrong("outbox", failed.on_one_line(), "See what is said of the storage.")
        }
        Ok(mails) => {
            let dead = mails.iter().filter(|mail| mail.state == MailState::Dead).count();
            if dead == 0 {
                return Finding::fine("outbox", format!("{} mails wait", mails.len()));
            }
            let mend =
                "`doorward outbox list` says why; mend it, then `doorward outbox retry --all`.";
            Finding::wrong("outbox", format!("{dead} mails were given up"), mend)
        }
    }
}

/// The words of mails, and whether they could be sent.
pub(super) async fn mail(settings: &MailSettings) -> Vec<Finding> {
    let opened = match mails::open(settings) {
        Ok(opened) => opened,
        Err(failure) => {
            let mend = "Mend the file or the setting that is named.";
            return vec![Finding::wrong("mail", failure.on_one_line(), mend)];
        }
    };
    let MailTransportSettings::Smtp(smtp) = &settings.transport else {
        let seen = "mails stay in the development mailbox, and nobody gets them";
        return vec![Finding::fine("mail", seen)];
    };
    vec![match opened.transport.check().await {
        Ok(()) => Finding::fine("mail", format!("{} takes mails", smtp.url)),
        Err(error) => {
            let (SendMailError::Failed(cause) | SendMailError::Refused(cause)) = error;
            let failed = Failure::of(format!("{} cannot be used", smtp.url))(cause);
            let mend = "Check mail.smtp_url, mail.credentials and mail.smtp_ca_file, and that the \
                        network lets us out.";
            Finding::wrong("mail", failed.on_one_line(), mend)
        }
    }]
}
