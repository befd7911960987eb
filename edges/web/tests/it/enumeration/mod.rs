//! Nobody learns which addresses have an account: every kind of address gets the same bytes, after
//! the same work.

mod asking;
mod registering;
mod signing_in;

use std::time::Duration;

use harness::{Answer, EMAIL, TestServer};
use serde_json::{Value, json};
use service::VerifyEmail;

const FORGOT: &str = "/auth/password/forgot";
const REGISTER: &str = "/auth/register";
const RESEND: &str = "/auth/verify-email/resend";

const UNKNOWN: &str = "unknown@example.com";
const VERIFIED: &str = "verified@example.com";
const UNVERIFIED: &str = "unverified@example.com";
const WITHOUT_PASSWORD: &str = "passwordless@example.com";
const DISABLED: &str = "disabled@example.com";
const DISABLED_UNVERIFIED: &str = "both@example.com";
const ERASED: &str = "erased@example.com";

/// One of each kind; those that have an account are found under other letters, too.
const ADDRESSES: [&str; 9] = [
    UNKNOWN,
    VERIFIED,
    UNVERIFIED,
    WITHOUT_PASSWORD,
    DISABLED,
    DISABLED_UNVERIFIED,
    ERASED,
    // These two stand for somebody of their own.
    "Other.CASE@Example.COM",
    "OTHER.unverified@example.com",
];

/// What an outsider sees of an answer, but for the time it took.
#[derive(Debug, PartialEq)]
struct Seen {
    status: u16,
    headers: Vec<(String, String)>,
    body: String,
}

/// A server that does not say which addresses are taken, and people of every kind.
async fn start() -> TestServer {
    let builder = TestServer::builder().policy(|policy| {
        policy.registration.reveals_existing = false;
        policy.registration.verify_email = VerifyEmail::Required;
    });
    with_people(builder.start().await).await
}

/// A server whose registration says which addresses are taken, and people of every kind.
async fn start_revealing() -> TestServer {
    with_people(TestServer::start().await).await
}

async fn with_people(server: TestServer) -> TestServer {
    let verified = |user: &mut domain::User| user.is_email_verified = true;
    let disabled = |user: &mut domain::User| user.status = domain::UserStatus::Disabled;
    for email in [VERIFIED, "other.case@example.com", ERASED] {
        server.put_user(email, verified).await;
    }
    for email in [UNVERIFIED, "other.unverified@example.com"] {
        server.put_user(email, |_| ()).await;
    }
    server.put_user(WITHOUT_PASSWORD, |user| user.password_hash = None).await;
    server.put_user(DISABLED_UNVERIFIED, disabled).await;
    server
        .put_user(DISABLED, |user| {
            verified(user);
            disabled(user);
        })
        .await;
    let leaving = server.sign_in(ERASED).await;
    server.delete_as(&leaving.access, "/auth/me").await.assert_status(204);
    // The farewell is no matter of these tests, and neither is what it took to get here.
    assert_eq!(server.mails_to(ERASED).await.len(), 1);
    server.store.take_calls();
    server
}

fn body(path: &str, email: &str) -> Value {
    if path == REGISTER {
        json!({ "email": email, "password": "whatever they choose" })
    } else {
        json!({ "email": email })
    }
}

fn seen(answer: &Answer) -> Seen {
    let headers = answer.headers.iter().filter(|(name, _)| *name != "date");
    let mut headers: Vec<(String, String)> = headers
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap().to_owned()))
        .collect();
    headers.sort();
    Seen { status: answer.status, headers, body: harness::mask_ids(&answer.body) }
}

/// An outsider who compares challenges learns nothing: no two are alike.
fn assert_all_differ(challenges: &[String], email: &str) {
    let different: std::collections::BTreeSet<&String> = challenges.iter().collect();
    assert_eq!(different.len(), challenges.len(), "{email}: {challenges:?}");
}

fn challenge(answer: &Answer) -> String {
    answer.assert_status(202);
    answer.json()["challengeId"].as_str().unwrap().to_owned()
}
