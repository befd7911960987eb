//! What is sealed belongs to its row, and can be sealed anew while the service serves.

use contracts::{Replaced, Resealed, SealedKey, UserReplaced};
use crypto::OpenError;
use domain::{Login, TotpCode, User};
use doorward_claims::Algorithm;
use service::{
    EnableFactorError, Enroller, Failure, RefreshError, ResealedCount, Service, SetUpFactorError,
    SigningSource, StartError,
};

use crate::Backend;
use crate::deployment::{
    DeadTransport, Deployment, EmptyMails, address, caller, data_keys, origin, refresh,
    set_up_factor, sign_in, sign_up,
};
use crate::fixtures::{ALL, MINUTE, SECOND, replacement};

/// The records of a deployment: key ring, log key, code key.
const RECORDS: u64 = 3;

const fn counted(done: u64, resealed: u64, failed: u64) -> ResealedCount {
    ResealedCount { done, resealed, failed }
}

async fn keys(backend: &Backend) -> Vec<SealedKey> {
    backend.sessions.list_sealed_keys(None, ALL).await.unwrap()
}

/// Sessions of two people who signed up, each with a mail that waits; one session has ended, and
/// the other's user sets up a second factor.
async fn people(service: &Service) -> service::Tokens {
    for name in ["ada", "grace"] {
        sign_up(service, name).await;
    }
    let tokens = sign_in(service, "ada").await;
    set_up_factor(service, &tokens).await;
    let grace = sign_in(service, "grace").await;
    service.sign_out_by_refresh_token(&grace.refresh_token, &origin()).await.unwrap();
    tokens
}

/// After one walk nothing needs the old key, and a second walk finds nothing to do.
pub async fn everything_is_sealed_anew_and_the_old_key_can_go(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let tokens = people(&deployment.start(&[1]).await).await;
    let service = deployment.start(&[2, 1]).await;
    let mut heard = Vec::new();
    let resealed = service.reseal(|progress| heard.push(*progress)).await.unwrap();
    assert_eq!(resealed.records.done, RECORDS);
    assert_eq!((resealed.sessions, resealed.mails), (counted(2, 2, 0), counted(2, 2, 0)));
    assert_eq!(resealed.users, counted(2, 1, 0), "of two people one has a factor");
    assert_eq!(resealed.total().failed, 0);
    assert_eq!(heard.len(), 4, "a page of each kind");
    assert_eq!(heard.last(), Some(&resealed));

    let again = service.reseal(|_| ()).await.unwrap();
    assert_eq!(again.total(), counted(RECORDS + 6, 0, 0));
    let service = deployment.start(&[2]).await;
    refresh(&service, &tokens.refresh_token).await;
    let transport = DeadTransport::default();
    service.relay_mails(&EmptyMails, &transport).await.unwrap();
    assert_eq!(transport.take().len(), 2);
}

/// What no key opens is counted, and neither changed nor deleted.
pub async fn what_no_key_opens_is_counted_and_left(backend: &Backend) {
    let deployment = Deployment::new(backend);
    people(&deployment.start(&[1]).await).await;
    let service = deployment.start(&[2, 1]).await;
    let lost = data_keys(&[3]).seal("lost", b"", [0; 12]);
    let before = keys(backend).await;
    let key = Resealed { old: before[0].sealed_refresh_key.clone(), new: lost.clone() };
    let sessions = &backend.sessions;
    let replaced = sessions.replace_sealed_key(&before[0].user, before[0].session, &key).await;
    assert_eq!(replaced.unwrap(), Replaced::Yes);
    for mail in backend.mails().await {
        let values = Resealed { old: mail.mail.sealed_values, new: lost.clone() };
        backend.mails.replace_mail_values(mail.mail.id, &values).await.unwrap();
    }
    backend.records.insert_record("lost", &lost, &[]).await.unwrap();
    let mut ada = account(backend, "ada").await;
    ada.totp.as_mut().unwrap().sealed_secret.clone_from(&lost);
    backend.replace(&replacement(&ada)).await;
    for _ in 0..2 {
        let resealed = service.reseal(|_| ()).await.unwrap();
        let kinds = [resealed.records, resealed.users, resealed.sessions, resealed.mails];
        assert_eq!(kinds.map(|kind| kind.failed), [1, 1, 1, 2]);
    }
    let after = keys(backend).await;
    assert_eq!(after.iter().filter(|key| key.sealed_refresh_key == lost).count(), 1);
    assert_eq!(after.len(), before.len());
    assert!(backend.mails().await.iter().all(|mail| mail.mail.sealed_values == lost));
    let record = backend.records.find_record("lost").await.unwrap().unwrap();
    assert_eq!((record.version, record.content), (1, lost));
    let found = account(backend, "ada").await;
    assert_eq!((found.version, found.totp), (ada.version + 1, ada.totp));
}

/// Servers refresh sessions while a command seals anew: not one refresh is refused.
pub async fn refreshes_go_on_while_everything_is_sealed_anew(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let old = deployment.start(&[1]).await;
    let mut tokens = Vec::new();
    sign_up(&old, "ada").await;
    for _ in 0..6 {
        tokens.push(sign_in(&old, "ada").await.refresh_token);
    }
    let service = deployment.start(&[2, 1]).await;
    let refreshes = tokens.into_iter().map(|mut token| {
        let service = &service;
        async move {
            for _ in 0..5 {
                token = refresh(service, &token).await;
            }
            token
        }
    });
    let refreshes = futures_util::future::join_all(refreshes);
    let resealing = service.reseal(|_| ());
    let (tokens, resealed) = futures_util::future::join(refreshes, resealing).await;
    let resealed = resealed.unwrap().sessions;
    assert_eq!((resealed.done, resealed.failed), (6, 0));
    assert_eq!(service.reseal(|_| ()).await.unwrap().total().resealed, 0);
    let service = deployment.start(&[2]).await;
    for token in tokens {
        refresh(&service, &token).await;
    }
}

/// A session that is refreshed, and a mail that is tried again, need nobody to walk.
pub async fn what_is_used_is_sealed_anew_as_it_goes(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let tokens = people(&deployment.start(&[1]).await).await;
    let service = deployment.start(&[2, 1]).await;
    let before = keys(backend).await;
    refresh(&service, &tokens.refresh_token).await;
    let transport = DeadTransport::default();
    service.relay_mails(&EmptyMails, &transport).await.unwrap();
    let changed: Vec<_> = keys(backend)
        .await
        .into_iter()
        .filter(|key| !before.contains(key))
        .map(|key| key.session)
        .collect();
    assert_eq!(changed, [tokens.refresh_token.session]);

    let resealed = service.reseal(|_| ()).await.unwrap();
    assert_eq!(resealed.sessions, counted(2, 1, 0), "the one that has ended");
    assert_eq!(resealed.mails, counted(2, 0, 0));
}

/// Whoever can write to the database and copies a key from one session to another gets nowhere.
pub async fn a_key_that_was_moved_to_another_session_does_not_open(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let service = deployment.start(&[1]).await;
    sign_up(&service, "ada").await;
    let [one, other] =
        [sign_in(&service, "ada").await, sign_in(&service, "ada").await].map(|t| t.refresh_token);
    let kept = keys(backend).await;
    let [mine, theirs] = [&one, &other]
        .map(|token| kept.iter().find(|key| key.session == token.session).cloned().unwrap());
    let moved = Resealed { old: theirs.sealed_refresh_key, new: mine.sealed_refresh_key };
    let replaced = backend.sessions.replace_sealed_key(&theirs.user, theirs.session, &moved).await;
    assert_eq!(replaced.unwrap(), Replaced::Yes);

    let answer = service.refresh(&other, &origin()).await;
    let is_forged =
        matches!(answer, Err(RefreshError::Failure(Failure::Sealed(OpenError::Forged))));
    assert!(is_forged, "{answer:?}");
    refresh(&service, &one).await;
    assert_eq!(service.reseal(|_| ()).await.unwrap().sessions, counted(2, 0, 1));
}

/// A record under another name is refused, and the service does not start with it.
pub async fn a_record_that_was_moved_to_another_name_does_not_open(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let service = deployment.start(&[1]).await;
    let records = &backend.records;
    let key = records.find_record("log_key").await.unwrap().unwrap();
    let version = records.find_record("code_key").await.unwrap().unwrap().version;
    let replaced = records.replace_record("code_key", version, &key.content, &[]).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);

    let source = SigningSource::KeyPairs(Algorithm::ES256);
    let started = deployment.try_start(&[1], source).await.err();
    let is_forged =
        matches!(started, Some(StartError::Records(Failure::Sealed(OpenError::Forged))));
    assert!(is_forged, "{started:?}");
    assert_eq!(service.reseal(|_| ()).await.unwrap().records, counted(RECORDS, 0, 1));
}

/// Whoever can write to the database and copies a factor from one user to another proves nothing
/// with it.
pub async fn a_factor_that_was_moved_to_another_user_does_not_open(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let service = deployment.start(&[1]).await;
    for name in ["ada", "eve"] {
        sign_up(&service, name).await;
        set_up_factor(&service, &sign_in(&service, name).await).await;
    }
    let [ada, eve] = [account(backend, "ada").await, account(backend, "eve").await];
    let moved = replacement(&User { totp: eve.totp, ..ada });
    assert_eq!(backend.users.replace_user(&moved).await.unwrap(), UserReplaced::Yes);

    let tokens = sign_in(&service, "ada").await;
    let by = Enroller::Caller(Box::new(caller(&service, &tokens).await));
    let answer = service.enable_factor(&by, &TotpCode::parse("123456").unwrap(), &origin()).await;
    let is_forged = matches!(
        answer,
        Err(EnableFactorError::SetUp(SetUpFactorError::Failure(Failure::Sealed(
            OpenError::Forged
        ))))
    );
    assert!(is_forged, "{answer:?}");
    assert_eq!(service.reseal(|_| ()).await.unwrap().users, counted(2, 0, 1));
}

async fn account(backend: &Backend, name: &str) -> User {
    let login = Login::Email(address(name));
    backend.users.find_user_by_login(&login).await.unwrap().unwrap().user
}

/// A mail never tells its reader what another mail was to tell somebody else.
pub async fn values_that_were_moved_to_another_mail_do_not_open(backend: &Backend) {
    let deployment = Deployment::new(backend);
    let service = deployment.start(&[1]).await;
    sign_up(&service, "ada").await;
    sign_up(&service, "eve").await;
    let mails = backend.mails().await;
    let moved = Resealed {
        old: mails[1].mail.sealed_values.clone(),
        new: mails[0].mail.sealed_values.clone(),
    };
    let replaced = backend.mails.replace_mail_values(mails[1].mail.id, &moved).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);

    deployment.clock.advance(SECOND);
    let transport = DeadTransport::default();
    let relayed = service.relay_mails(&EmptyMails, &transport).await.unwrap();
    assert_eq!(relayed.postponed, 2);
    let tried: Vec<_> = transport.take().into_iter().map(|mail| mail.id).collect();
    assert_eq!(tried, [mails[0].mail.id]);
    deployment.clock.advance(MINUTE);
    assert_eq!(service.reseal(|_| ()).await.unwrap().mails, counted(2, 0, 1));
}
