//! What can be tried from this machine alone.

use std::path::Path;
use std::sync::Arc;

use contracts::{MailState, Probe, RecordStore, SendMailError};
use domain::Timestamp;
use service::{Service, Stores, can_retry};
use settings::{Loaded, MailSettings, MailTransportSettings, Settings, StorageSettings};

use super::Finding;
use crate::compose::OpenKeptServiceError;
use crate::elsewhere::Elsewhere;
use crate::failure::Failure;
use crate::{compose, mails, stores};

/// 2026-01-01: a clock that reads earlier was never set.
const RELEASED_AT_MS: i64 = 1_767_225_600_000;
/// What the main store is called among the probes.
const STORAGE: &str = "storage";
/// Mails that are read at once.
const MAILS_PAGE: usize = 200;
/// Records that a server seals: any of them is enough to miss the key.
const SEALED: [&str; 2] = ["log_key", "key_ring"];

/// The settings are right, or nothing would have been tried; what may not be meant is said.
pub(super) fn settings(loaded: &Loaded) -> Finding {
    let warnings: Vec<String> = loaded.warnings.iter().map(ToString::to_string).collect();
    if warnings.is_empty() {
        return Finding::fine("settings", format!("right, for {}", loaded.settings.environment));
    }
    Finding::fine("settings", format!("right, but perhaps not as meant: {}", warnings.join("; ")))
}

/// Whether the clock was ever set; how it compares with others shows only from outside.
pub(super) fn clock_alone(now: Timestamp) -> Finding {
    if now.unix_ms() >= RELEASED_AT_MS {
        return Finding::fine("clock", "set");
    }
    let mend = "Set the clock, and have it kept by NTP: tokens and codes live by it.";
    Finding::wrong("clock", "reads a time before this release", mend)
}

/// The store, and what it keeps: the keys, and mails that were not sent.
pub(super) async fn storage_and_keys(settings: &Settings, elsewhere: &Elsewhere) -> Vec<Finding> {
    let place = stores::place(&settings.storage);
    if let StorageSettings::Sqlite { path } = &settings.storage
        && !path.exists()
    {
        let seen = format!("there is no {} yet: `doorward serve` makes it", &place["the ".len()..]);
        return vec![Finding::untried("storage", seen)];
    }
    match stores::pending(&settings.storage, elsewhere).await {
        Err(error) => {
            let failed = Failure::of(format!("{place} cannot be read"))(error);
            let mend = unreadable_mend(&settings.storage);
            return vec![Finding::wrong("storage", failed.on_one_line(), mend)];
        }
        Ok(steps) if !steps.is_empty() => {
            let seen = format!("the schema has pending steps: {}", steps.join(", "));
            let mend = "Run `doorward migrate`, or start the server, which does it, too.";
            return vec![Finding::wrong("storage", seen, mend)];
        }
        Ok(_) => {}
    }
    match stores::open(settings, elsewhere).await {
        Err(failure) => {
            vec![Finding::wrong("storage", failure.on_one_line(), storage_mend(&settings.storage))]
        }
        Ok(opened) => {
            let mut findings = what_is_kept(settings, elsewhere, opened.stores).await;
            if let Some(probe) = opened.shared_limits {
                findings.push(shared_limits(&*probe).await);
            }
            findings
        }
    }
}

/// What to do where a store cannot even be looked at.
const fn unreadable_mend(storage: &StorageSettings) -> &'static str {
    match storage {
        StorageSettings::Sqlite { .. } => {
            "Check the path and who may read and write it; a newer release cannot be followed by \
             an older one."
        }
        _ => storage_mend(storage),
    }
}

/// What to do where a store does not do its work.
const fn storage_mend(storage: &StorageSettings) -> &'static str {
    match storage {
        StorageSettings::Sqlite { .. } => {
            "Check that the disk has room and that nothing else holds the database."
        }
        StorageSettings::Postgres { .. } | StorageSettings::Mongodb { .. } => {
            "Check that the server runs and can be reached from here, its TLS, and storage.url and \
             storage.credentials."
        }
        StorageSettings::Dynamodb { .. } => {
            "Check the table's name, AWS_REGION, and what the role of this machine may do; \
             `doorward migrate` makes the table in development."
        }
    }
}

/// What instances share their limits in.
async fn shared_limits(probe: &dyn Probe) -> Finding {
    match probe.check().await {
        Ok(()) => Finding::fine("ephemeral", "answers"),
        Err(error) => {
            let failed = Failure::of("Redis does not answer")(error);
            let mend = "Check that Redis runs and can be reached from here, and ephemeral.url and \
                        ephemeral.credentials. Until then each instance limits alone.";
            Finding::wrong("ephemeral", failed.on_one_line(), mend)
        }
    }
}

async fn what_is_kept(settings: &Settings, elsewhere: &Elsewhere, stores: Stores) -> Vec<Finding> {
    let mut findings = Vec::new();
    // What else readiness depends on has a finding of its own.
    for probe in stores.probes.iter().filter(|probe| probe.name() == STORAGE) {
        findings.push(storage(&**probe, &settings.storage).await);
    }
    let records = Arc::clone(&stores.records);
    match compose::open_service_as_kept(settings, elsewhere, stores).await {
        Ok(service) => {
            findings.push(keys(&service).await);
            findings.push(outbox(&service).await);
        }
        Err(error) => findings.push(no_service(error, &settings.storage, &*records).await),
    }
    findings
}

async fn no_service(
    error: OpenKeptServiceError,
    settings: &StorageSettings,
    records: &dyn RecordStore,
) -> Finding {
    let (what, failure, mend) = match error {
        OpenKeptServiceError::NoDataKey(path) => return no_data_key(path, settings, records).await,
        OpenKeptServiceError::Keys(failure) => {
            let mend = "Mend what is named; keys are in data_key and keys.shared_secret.";
            ("keys", failure, mend)
        }
        OpenKeptServiceError::Storage(failure) => ("storage", failure, storage_mend(settings)),
        OpenKeptServiceError::Hashing(failure) => {
            ("password hashing", failure, "Check the settings that begin with password.")
        }
        OpenKeptServiceError::Roles(failure) => {
            ("roles", failure, "In the setting that is named, write roles that are defined.")
        }
    };
    Finding::wrong(what, failure.on_one_line(), mend)
}

/// Without a data key, all depends on whether anything was sealed yet.
async fn no_data_key(
    path: &Path,
    settings: &StorageSettings,
    records: &dyn RecordStore,
) -> Finding {
    let path = path.display();
    for name in SEALED {
        match records.find_record(name).await {
            Ok(None) => {}
            Ok(Some(_)) => {
                let seen = format!("there is no {path}, and the store was sealed with it");
                let mend = "Run this in the working directory of the server, put the file back, \
                            or set data_key.";
                return Finding::wrong("keys", seen, mend);
            }
            Err(error) => {
                let failed = Failure::of("the store cannot be read")(error);
                return Finding::wrong("storage", failed.on_one_line(), storage_mend(settings));
            }
        }
    }
    Finding::untried("keys", format!("there is no {path} yet: the server makes it when it starts"))
}

async fn storage(probe: &dyn Probe, settings: &StorageSettings) -> Finding {
    match probe.check().await {
        Ok(()) => Finding::fine("storage", "reads and writes"),
        Err(error) => {
            let failed = Failure::of("the store does not do its work")(error);
            Finding::wrong("storage", failed.on_one_line(), storage_mend(settings))
        }
    }
}

/// Signs something, which proves that there is a key and that the data key opens it.
async fn keys(service: &Service) -> Finding {
    let signing = service.keys().signing_algorithm(service.clock().now());
    match (service.signed_revocations().await, signing) {
        (Ok(_), Some(signing)) => {
            Finding::fine("keys", format!("tokens are signed with {}", signing.name()))
        }
        (Ok(_) | Err(service::Failure::NoSigningKey), _) => {
            Finding::untried("keys", "no key signs yet: the server sees to one when it starts")
        }
        (Err(failure), _) => {
            let failed = Failure::of("tokens cannot be signed")(failure);
            let mend = "Check data_key: it must hold the key that the store was sealed with; and \
                        keys.kms_key, and that the role of this machine may sign with them.";
            Finding::wrong("keys", failed.on_one_line(), mend)
        }
    }
}

async fn outbox(service: &Service) -> Finding {
    match count_mails(service).await {
        Err(failure) => {
            let failed = Failure::of("the outbox cannot be read")(failure);
            Finding::wrong("outbox", failed.on_one_line(), "See what is said of the storage.")
        }
        Ok(MailCounts { waiting, given_up, expired }) => {
            let remark = match expired {
                0 => String::new(),
                1 => "; 1 mail was given up and has expired: the person has to ask again".into(),
                _ => format!(
                    "; {expired} mails were given up and have expired: the people have to ask again"
                ),
            };
            let waiting = match waiting {
                0 => "no mail waits".to_owned(),
                1 => "1 mail waits".to_owned(),
                _ => format!("{waiting} mails wait"),
            };
            let given_up = match given_up {
                0 => return Finding::fine("outbox", waiting + &remark),
                1 => "1 mail was given up".to_owned(),
                _ => format!("{given_up} mails were given up"),
            };
            let mend =
                "`doorward outbox list` says why; mend it, then `doorward outbox retry --all`.";
            Finding::wrong("outbox", given_up + &remark, mend)
        }
    }
}

/// Mails of the outbox, by what can be done about them.
#[derive(Clone, Copy, Debug, Default)]
struct MailCounts {
    waiting: usize,
    /// Given up, and an operator can have them sent.
    given_up: usize,
    /// Given up, and nobody can.
    expired: usize,
}

async fn count_mails(service: &Service) -> Result<MailCounts, service::Failure> {
    let now = service.clock().now();
    let (mut after, mut counts) = (None, MailCounts::default());
    loop {
        let mails = service.list_mails(after, MAILS_PAGE).await?;
        let Some(last) = mails.last() else { return Ok(counts) };
        after = Some(last.mail.id);
        for mail in &mails {
            let count = match mail.state {
                MailState::Waiting => &mut counts.waiting,
                MailState::Dead if can_retry(mail, now) => &mut counts.given_up,
                MailState::Dead => &mut counts.expired,
            };
            *count += 1;
        }
    }
}

/// The words of mails, and whether they could be sent.
pub(super) async fn mail(settings: &MailSettings, elsewhere: &Elsewhere) -> Vec<Finding> {
    let opened = match mails::open(settings, elsewhere) {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Verdict;

    #[test]
    fn a_clock_that_was_never_set_is_wrong() {
        let verdict = |ms| clock_alone(Timestamp::from_unix_ms(ms)).verdict;
        assert_eq!(verdict(0), Verdict::Wrong);
        assert_eq!(verdict(RELEASED_AT_MS - 1), Verdict::Wrong);
        assert_eq!(verdict(RELEASED_AT_MS), Verdict::Fine);
    }
}
