//! What an operator sees of mails that were not sent, and does about them.

use serde_json::{Value, json};

use crate::catcher::Catcher;
use crate::deployment::{Deployment, Server};
use crate::detour::{Detour, Way};

/// The catcher refuses it for good.
const REFUSED: &str = "bounce@example.com";

/// A server whose mails to that address are refused until the detour leads elsewhere.
async fn start() -> (Deployment, Server, Detour, Catcher) {
    let catcher = Catcher::start(&["--refuse-recipient"]).await;
    let detour = Detour::open().await;
    detour.leads(Way::To(catcher.port));
    let deployment = Deployment::new().with_relay(detour.address.port());
    let server = deployment.serve().await;
    (deployment, server, detour, catcher)
}

#[tokio::test]
async fn a_mail_that_is_refused_for_good_is_shown_as_dead_and_the_others_are_sent() {
    let (deployment, server, _detour, catcher) = start().await;
    let none = deployment.run(&["outbox", "list"]).await.is(0);
    assert_eq!(none.stdout, "No mail waits.\n");
    server.client.register(REFUSED).await;
    server.client.register("ada@example.com").await;
    catcher.mail("ada@example.com").await;

    let mail = deployment.mail_that_failed().await;
    for (member, value) in [
        ("state", json!("dead")),
        ("mail", json!("verify_address")),
        ("to", json!(REFUSED)),
        ("attempts", json!(1)),
        ("lastError", json!("the mail was refused: the mail server answered RCPT with 550 5.1.1")),
    ] {
        assert_eq!(mail[member], value, "{member}: {mail}");
    }
    for moment in ["createdAt", "expiresAt", "dueAt"] {
        assert!(mail[moment].as_str().unwrap().ends_with('Z'), "{mail}");
    }
    let id = mail["id"].as_str().unwrap();
    let listed = deployment.run(&["outbox", "list"]).await.is(0).stdout;
    assert!(listed.starts_with(&format!("{id} dead ")), "{listed}");
    for told in ["verify_address", REFUSED, "attempts=1", "550 5.1.1"] {
        assert!(listed.contains(told), "{told}: {listed}");
    }
    server.process.logs("mails were given up").await;
    assert!(!server.process.said().contains(REFUSED));
}

#[tokio::test]
async fn a_dead_mail_is_sent_once_the_trouble_is_mended_and_it_is_tried_again() {
    for retries_all in [false, true] {
        let (deployment, server, detour, _catcher) = start().await;
        server.client.register(REFUSED).await;
        let mail = deployment.mail_that_failed().await;
        let mended = Catcher::healthy().await;
        detour.leads(Way::To(mended.port));
        let retried = if retries_all {
            deployment.run(&["outbox", "retry", "--all"]).await.is(0)
        } else {
            deployment.retry(&mail).await.is(0)
        };
        assert_eq!(retried.stdout, "1 mail is queued again; the running server sends them.\n");
        mended.mail(REFUSED).await;
        deployment.outbox_empties().await;
        deployment.retry(&mail).await.is(1);
    }
}

#[tokio::test]
async fn retrying_what_is_not_there_is_refused_and_nonsense_is_wrong_usage() {
    let deployment = Deployment::new();
    let unknown = format!("mail_{}", "0".repeat(26));
    let refused = deployment.run(&["outbox", "retry", &unknown]).await.is(1);
    assert!(refused.stderr.contains("there is no such mail"), "{refused:?}");
    for (arguments, told) in [
        (["retry", "nonsense"].as_slice(), "nonsense is no id of a mail"),
        (&["retry", "evt_00000000000000000000000000"], "is no id of a mail"),
        (&["list", "--after", "nonsense"], "nonsense is no id of a mail"),
    ] {
        let wrong = deployment.run(&[&["outbox"], arguments].concat()).await.is(2);
        assert!(wrong.stderr.contains(told), "{wrong:?}");
        assert_eq!(wrong.stdout, "");
    }
    let none = deployment.run(&["outbox", "retry", "--all", "--json"]).await.is(0).json();
    assert_eq!(none, json!({ "retried": 0 }));
}

#[tokio::test]
async fn mails_are_listed_in_pages_that_lead_to_one_another() {
    let (deployment, server, _detour, _catcher) = start().await;
    let addresses = [0, 1, 2].map(|number| format!("bounce-{number}@example.com"));
    for address in &addresses {
        server.client.register(address).await;
    }
    deployment.all_mails_fail().await;
    let mut seen: Vec<Value> = Vec::new();
    loop {
        let after = seen.last().map(|mail| mail["id"].as_str().unwrap().to_owned());
        let after: Vec<&str> = after.iter().flat_map(|id| ["--after", id]).collect();
        let list = ["outbox", "list", "--limit", "2", "--json"];
        let page = deployment.run(&[list.as_slice(), &after].concat()).await.is(0).json();
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        if items.is_empty() {
            break;
        }
        seen.extend(items.iter().cloned());
    }
    let to: Vec<_> = seen.iter().map(|mail| mail["to"].as_str().unwrap()).collect();
    assert_eq!(to, addresses);
    let text = deployment.run(&["outbox", "list", "--limit", "2"]).await.is(0).stdout;
    let hint = format!("There may be more: --after {}\n", seen[1]["id"].as_str().unwrap());
    assert!(text.ends_with(&hint), "{text}");
}
