//! What the store keeps of those who left.

use std::time::Duration;

use contracts::{
    Clock as _, OneTimeCodeStore as _, RecordStore as _, RevocationStore as _, SessionStore as _,
};
use domain::{CodeKind, UserId};
use harness::{EMAIL, TestServer, Tokens};
use serde_json::json;

use super::{PATH, erase};

const NAME: &str = "Augusta Ada King-Noel";
const USERNAME: &str = "countess.of.lovelace";

/// A user with a record of every kind: sessions, devices, codes, mails, events.
async fn start() -> (TestServer, Tokens) {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let full = json!({ "name": NAME, "username": USERNAME, "email": "king@example.com" });
    server.patch_as(&tokens.access, PATH, full).await.assert_status(200);
    server.post("/auth/password/forgot", json!({ "email": EMAIL })).await.assert_status(202);
    server.sign_in(EMAIL).await;
    (server, tokens)
}

/// Everything that runs behind requests until it has nothing left to do.
async fn let_settle(server: &TestServer) {
    server.relay_mails(&*server.mailbox).await;
    // Without sinks an event is published at once.
    while server.service.relay(&[]).await.unwrap().has_more {}
    server.service.purge().await.unwrap();
}

/// Whether the store knows anything of the user, in whatever kind of record.
async fn found(server: &TestServer, user: &UserId, tokens: &Tokens) -> Vec<&'static str> {
    let (store, now) = (server.store.inner(), server.clock.now());
    let mut found = Vec::new();
    if server.find_session(user, tokens.session()).await.is_some()
        || !store.list_sessions(user, now, None, 10).await.unwrap().is_empty()
    {
        found.push("session");
    }
    for kind in CodeKind::ALL {
        if store.find_code(user, kind, now).await.unwrap().is_some() {
            found.push(kind.name());
        }
    }
    if !server.service.list_mails(None, 10).await.unwrap().is_empty() {
        found.push("mail");
    }
    if !server.events().await.is_empty() {
        found.push("event");
    }
    found
}

#[tokio::test]
async fn a_purge_leaves_no_record_of_the_user() {
    let (server, tokens) = start().await;
    let user = tokens.user();
    let wanted = ["session", "reset_password", "change_address", "mail", "event"];
    assert_eq!(found(&server, &user, &tokens).await, wanted);
    erase(&server, &tokens).await.assert_status(204);
    let_settle(&server).await;
    assert_eq!(found(&server, &user, &tokens).await, [""; 0]);

    // The row for followers goes when the last access token has expired for a minute and a day.
    server.clock.advance(Duration::from_hours(25));
    server.service.sweep().await.unwrap();
    let revocations = server.store.inner().list_revocations(server.clock.now(), 10).await.unwrap();
    assert!(revocations.rows.is_empty());
    assert_eq!(server.service.purge().await.unwrap(), 0);
}

/// How often the database and its log hold these bytes, on whatever page.
fn count_on_disk(server: &TestServer, words: &str) -> usize {
    let log = server.database().with_extension("db-wal");
    let files = [server.database(), log].map(|path| std::fs::read(path).unwrap_or_default());
    // Bytes that are no text are replaced, which leaves the words that are looked for.
    files.iter().map(|bytes| String::from_utf8_lossy(bytes).matches(words).count()).sum()
}

#[tokio::test]
async fn free_pages_say_nothing_of_the_person_either() {
    let (server, tokens) = start().await;
    let words = [NAME, USERNAME, EMAIL, "king@example.com"];
    let hash = server.account(EMAIL).await.user.password_hash.unwrap();
    // Others on the same pages, so that these are not simply dropped.
    for number in 0..20 {
        server.put_user(&format!("user{number}@example.org"), |_| ()).await;
    }
    for words in words.into_iter().chain([hash.expose()]) {
        assert!(count_on_disk(&server, words) > 0, "{words}");
    }
    erase(&server, &tokens).await.assert_status(204);
    let_settle(&server).await;
    // The log is folded into the file every thousand pages, and then written over from its start.
    for name in ["filler-1", "filler-2"] {
        let filler = vec![0; 1100 * 4096];
        server.store.inner().insert_record(name, &filler, &[]).await.unwrap();
    }
    for words in words.into_iter().chain([hash.expose()]) {
        assert_eq!(count_on_disk(&server, words), 0, "{words}");
    }
}

#[tokio::test]
async fn a_purge_may_be_repeated_and_begin_anywhere() {
    let (server, tokens) = start().await;
    assert_eq!(server.service.purge().await.unwrap(), 0, "nobody has left yet");
    server.register("eve@example.com").await;
    let eve = server.sign_in("eve@example.com").await;
    erase(&server, &tokens).await.assert_status(204);

    server.store.fail("delete_remains");
    assert!(server.service.purge().await.is_err());
    let restarted = server.beside().start().await;
    assert!(restarted.service.purge().await.unwrap() > 0);
    for _ in 0..2 {
        assert_eq!(restarted.service.purge().await.unwrap(), 0);
    }
    server.clock.advance(Duration::from_mins(16));
    assert_eq!(restarted.service.purge().await.unwrap(), 0);
    restarted.refresh(&eve.refresh).await;
    restarted.try_refresh(&tokens.refresh).await.assert_problem(401, "invalid_token");
}

/// It had found the user before the erasure was written.
#[tokio::test]
async fn a_code_that_is_asked_for_while_the_user_leaves_is_purged_too() {
    let server = TestServer::start().await;
    let tokens = server.verified_ada().await;
    let mut paused = server.store.pause("put_code");
    let erasing = async {
        paused.reached().await;
        erase(&server, &tokens).await.assert_status(204);
        server.service.purge().await.unwrap();
        paused.resume();
    };
    let asking = server.post("/auth/password/forgot", json!({ "email": EMAIL }));
    let (answer, ()) = tokio::join!(asking, erasing);
    answer.assert_status(202);
    let_settle(&server).await;
    assert_eq!(found(&server, &tokens.user(), &tokens).await, [""; 0]);
}
