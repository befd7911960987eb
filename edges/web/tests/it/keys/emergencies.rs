use std::time::Duration;

use contracts::Clock as _;
use doorward_claims::Algorithm;
use harness::{TestSecrets, TestServer};
use service::{ChangeKeysError, KeyRingError};

use super::{key_set, kid, published_kids, reload, verified, with_a_new_secret};

const OLD: &[u8] = b"an old secret of more than 32 bytes, shared";
const NEW: &[u8] = b"a new secret of more than 32 bytes, shared";
const MINUTE: Duration = Duration::from_mins(1);

#[tokio::test]
async fn an_urgent_key_signs_in_a_minute_when_every_instance_has_read_of_it() {
    let first = TestServer::start().await;
    let second = first.beside().start().await;
    let tokens = first.ada().await;
    first.service.rotate_keys(true).await.unwrap();
    reload(&second).await;
    assert_eq!(kid(&second.refresh(&tokens.refresh).await), kid(&tokens));
    first.clock.advance(MINUTE);
    reload(&first).await;
    let urgent = first.refresh(&tokens.refresh).await;
    assert_ne!(kid(&urgent), kid(&tokens));
    second.get_as(&urgent.access, "/auth/me").await.assert_status(200);
    first.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn an_urgent_key_takes_the_place_of_one_that_waits() {
    let server = TestServer::start().await;
    let waiting = server.service.rotate_keys(false).await.unwrap().next.key.kid;
    let refused = server.service.rotate_keys(false).await.unwrap_err();
    assert!(matches!(refused, ChangeKeysError::Waiting(kid) if kid == waiting));
    let urgent = server.service.rotate_keys(true).await.unwrap().next.key.kid;
    reload(&server).await;
    let kids = published_kids(&server).await;
    assert!(kids.contains(&urgent) && !kids.contains(&waiting), "{kids:?}");
    let keys = server.service.list_keys().await.unwrap();
    assert!(keys.iter().any(|state| state.key.kid == waiting && state.key.is_revoked));
}

#[tokio::test]
async fn a_revoked_key_is_trusted_by_no_instance_that_has_read_of_it() {
    let first = TestServer::start().await;
    let second = first.beside().start().await;
    let stolen = first.ada().await;
    let revoked = first.service.revoke_key(&kid(&stolen)).await.unwrap();
    let successor = revoked.successor.unwrap().key.kid;
    for instance in [&first, &second] {
        reload(instance).await;
        assert_eq!(published_kids(instance).await, std::slice::from_ref(&successor));
        let refused = instance.get_as(&stolen.access, "/auth/me").await;
        refused.assert_problem(401, "invalid_token");
    }
    verified(&first, &key_set(&first).await, &stolen.access).unwrap_err();
    // Sessions live on: what was stolen is the key, not they.
    let tokens = second.refresh(&stolen.refresh).await;
    assert_eq!(kid(&tokens), successor);
    first.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}

#[tokio::test]
async fn when_the_signing_key_is_revoked_the_one_that_waits_signs_at_once() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let waiting = server.service.rotate_keys(false).await.unwrap().next.key.kid;
    server.service.revoke_key(&kid(&tokens)).await.unwrap();
    reload(&server).await;
    assert_eq!(kid(&server.refresh(&tokens.refresh).await), waiting);
}

#[tokio::test]
async fn an_unknown_key_cannot_be_revoked() {
    let server = TestServer::start().await;
    let refused = server.service.revoke_key("other").await.unwrap_err();
    assert!(matches!(refused, ChangeKeysError::Unknown(_)), "{refused}");
}

#[tokio::test]
async fn the_only_secret_cannot_be_revoked_and_of_two_the_other_signs_again() {
    let secrets = TestSecrets::of(&[OLD]);
    let server = TestServer::builder().shared_secrets(&secrets).start().await;
    let old = server.ada().await;
    let refused = server.service.revoke_key(&kid(&old)).await.unwrap_err();
    assert!(matches!(refused, ChangeKeysError::OnlyOne), "{refused}");

    secrets.replace(&[NEW, OLD]);
    reload(&server).await;
    server.clock.advance(MINUTE * 15);
    let new = server.refresh(&old.refresh).await;
    assert_ne!(kid(&new), kid(&old));
    server.service.revoke_key(&kid(&new)).await.unwrap();
    server.service.reload_keys().await.unwrap();
    assert_eq!(kid(&server.refresh(&new.refresh).await), kid(&old));
    server.get_as(&new.access, "/auth/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_secret_that_was_left_for_public_keys_does_not_come_back_when_one_of_them_is_revoked() {
    let shared = TestServer::builder().shared_secrets(&TestSecrets::of(&[OLD])).start().await;
    let old = shared.ada().await;
    let public = shared.beside().start().await;
    public.clock.advance(MINUTE * 181);
    let new = public.refresh(&old.refresh).await;
    assert_eq!(new.header()["alg"], "ES256");
    let revoked = public.service.revoke_key(&kid(&new)).await.unwrap();
    assert_eq!(revoked.successor.unwrap().key.algorithm, "ES256");
    reload(&public).await;
    assert_eq!(public.refresh(&new.refresh).await.header()["alg"], "ES256");
}

/// A command runs in a shell that may lack the server's settings.
#[tokio::test]
async fn a_command_with_other_settings_takes_neither_the_algorithm_nor_the_grace_from_them() {
    let server =
        TestServer::builder().policy(|policy| policy.keys.grace = MINUTE * 600).start().await;
    let shell =
        server.beside().algorithm(Algorithm::RS256).policy(|policy| policy.keys.grace = MINUTE);
    let rotated = shell.command().await.rotate_keys(true).await.unwrap();
    assert_eq!(rotated.next.key.algorithm, "ES256");
    let displaced = rotated.displaced.unwrap().key;
    let verifies = displaced.remove_at.unwrap().since(displaced.retire_at.unwrap());
    assert_eq!(verifies, MINUTE * 600);
    reload(&server).await;
    let keys = server.service.list_keys().await.unwrap();
    assert!(keys.iter().all(|state| state.key.grace == MINUTE * 600));
}

#[tokio::test]
async fn a_revoked_secret_stays_so_however_long_it_stands_in_the_settings() {
    let (server, _, old) = with_a_new_secret(OLD, NEW).await;
    server.clock.advance(MINUTE * 15);
    server.service.revoke_key(&kid(&old)).await.unwrap();
    for _ in 0..20 {
        server.clock.advance(MINUTE * 60 * 24);
        reload(&server).await;
        let keys = server.service.list_keys().await.unwrap();
        let revoked = keys.iter().find(|state| state.key.kid == kid(&old)).unwrap();
        assert!(revoked.key.is_revoked);
    }
    assert!(!server.service.keys().algorithms(server.clock.now()).is_empty());
    let keys = server.service.keys();
    let verifying = keys.public_keys(server.clock.now());
    assert!(verifying.keys.is_empty());
    server.get_as(&old.access, "/auth/me").await.assert_problem(401, "invalid_token");
}

#[tokio::test]
async fn a_secret_that_only_verifies_can_be_revoked() {
    let (server, secrets, old) = with_a_new_secret(OLD, NEW).await;
    server.clock.advance(MINUTE * 60);
    reload(&server).await;
    let listed = server.service.list_keys().await.unwrap();
    assert!(listed.iter().all(|state| state.key.kid != kid(&old)), "it signs no more");
    secrets.set_out_of_reach(true);
    let failed = server.service.revoke_key(&kid(&old)).await.unwrap_err();
    let is_failure = matches!(failed, ChangeKeysError::Ring(KeyRingError::ReadSecrets(_)));
    assert!(is_failure, "that it was not found is not that it is not there: {failed}");
    secrets.set_out_of_reach(false);
    server.service.revoke_key(&kid(&old)).await.unwrap();
    let listed = server.service.list_keys().await.unwrap();
    assert!(listed.iter().any(|state| state.key.kid == kid(&old) && state.key.is_revoked));
}

#[tokio::test]
async fn an_instance_whose_clock_is_behind_heeds_a_revocation_too() {
    let ahead = TestServer::start().await;
    let behind = ahead.beside().clock_offset_ms(-30_000).start().await;
    let stolen = behind.ada().await;
    ahead.service.revoke_key(&kid(&stolen)).await.unwrap();
    reload(&behind).await;
    behind.get_as(&stolen.access, "/auth/me").await.assert_problem(401, "invalid_token");
    let tokens = behind.refresh(&stolen.refresh).await;
    assert_ne!(kid(&tokens), kid(&stolen));
    ahead.get_as(&tokens.access, "/auth/me").await.assert_status(200);
}
