//! What mails say, and how an operator changes it.

use std::fs;

use serde_json::json;

use crate::client::PASSWORD;
use crate::deployment::Deployment;
use crate::mails::Mailbox;

const EMAIL: &str = "ada@example.com";
const NAMES: [&str; 13] = [
    "verify_address",
    "confirm_address",
    "reset_password",
    "password_changed",
    "address_changed",
    "already_registered",
    "new_device",
    "factor_enabled",
    "factor_disabled",
    "backup_code_used",
    "backup_codes_low",
    "wrong_codes",
    "account_deleted",
];

/// A deployment with words of its own in the folder `words`.
fn with_words(files: &[(&str, &str)]) -> Deployment {
    let deployment = Deployment::new().with("DOORWARD_MAIL__TEMPLATES", "words");
    fs::create_dir(deployment.path("words")).unwrap();
    for (name, text) in files {
        fs::write(deployment.path("words").join(name), text).unwrap();
    }
    deployment
}

#[tokio::test]
async fn every_mail_can_be_seen_and_nothing_is_made() {
    let deployment = Deployment::new().with("DOORWARD_MAIL__PRODUCT_NAME", "Analytical & Sons");
    let listed = deployment.run(&["mail", "preview"]).await.is(0).stdout;
    assert_eq!(listed.lines().collect::<Vec<_>>(), NAMES);
    let listed = deployment.run(&["mail", "preview", "--json"]).await.is(0).json();
    assert_eq!(listed, json!({ "mails": NAMES }));
    for name in NAMES {
        let text = deployment.run(&["mail", "preview", name]).await.is(0).stdout;
        let html = deployment.run(&["mail", "preview", name, "--html"]).await.is(0).stdout;
        let both = deployment.run(&["mail", "preview", name, "--json"]).await.is(0).json();
        let subject = both["subject"].as_str().unwrap();
        assert!(subject.contains("Analytical & Sons"), "{name}: {subject}");
        let words = both["text"].as_str().unwrap();
        assert_eq!(text, format!("Subject: {subject}\n\n{words}"));
        assert_eq!(html, both["html"].as_str().unwrap());
        assert!(html.contains("Analytical &amp; Sons") && html.contains("</html>"), "{html}");
        assert!(!text.contains("{{") && !html.contains("{{"), "{name}");
    }
    assert_eq!(fs::read_dir(deployment.path("")).unwrap().count(), 0);
}

#[tokio::test]
async fn a_mail_that_is_not_there_is_wrong_usage() {
    let wrong = Deployment::new().run(&["mail", "preview", "birthday"]).await.is(2);
    assert_eq!(wrong.stdout, "");
    assert!(wrong.stderr.contains("there is no mail birthday"), "{wrong:?}");
    assert!(NAMES.iter().all(|name| wrong.stderr.contains(name)), "{wrong:?}");
}

#[tokio::test]
async fn the_operators_words_are_shown_and_sent_and_ours_beside_them() {
    let words = "Subject: Salve, {{ product }}!\n\nAperi:\n\n{{ link }}\n";
    let deployment = with_words(&[("verify_address.txt", words)]);
    let shown = deployment.run(&["mail", "preview", "verify_address"]).await.is(0).stdout;
    assert!(shown.starts_with("Subject: Salve, Doorward!\n\nAperi:\n\nhttp"), "{shown}");
    let ours = deployment.run(&["mail", "preview", "reset_password"]).await.is(0).stdout;
    assert!(ours.starts_with("Subject: Reset your password for Doorward\n"), "{ours}");

    let mut server = deployment.serve().await;
    let person = json!({ "email": EMAIL, "password": PASSWORD });
    server.client.post("/auth/register", person).await.is(201);
    let operations = server.operations().await;
    let mail = crate::waiting::within(crate::waiting::PATIENCE, "the mail", async || {
        operations.get("/dev/mailbox").await.is(200).body.get(0).cloned()
    })
    .await;
    assert_eq!(mail["subject"], "Salve, Doorward!");
    assert!(mail["text"].as_str().unwrap().starts_with("Aperi:\n\nhttp"), "{mail}");
    assert!(mail["html"].as_str().unwrap().contains("Confirm your e-mail address"), "{mail}");
}

#[tokio::test]
async fn words_that_cannot_be_used_are_refused_at_the_start_with_their_place() {
    for (name, text, told) in [
        ("reset_password.txt", "Subject: A\n\n{{ linc }}\n", "words/reset_password.txt:3"),
        ("reset_password.txt", "Dear reader\n", "words/reset_password.txt:1"),
        ("new_device.html", "{% if device %}", "words/new_device.html"),
        ("reset_pasword.txt", "Subject: A\n\nB\n", "words/reset_pasword.txt is no mail template"),
    ] {
        let deployment = with_words(&[(name, text)]);
        for command in [&["serve"] as &[&str], &["mail", "preview"], &["doctor"]] {
            let refused = deployment.run(command).await.is(1);
            let said = refused.stdout + &refused.stderr;
            assert!(said.contains("mail.templates cannot be used"), "{command:?}: {said}");
            assert!(said.contains(told), "{command:?}: {said}");
        }
        assert!(!deployment.path("data").exists());
    }
    let missing = Deployment::new().with("DOORWARD_MAIL__TEMPLATES", "nowhere");
    let refused = missing.run(&["serve"]).await.is(1);
    assert!(refused.stderr.contains("nowhere cannot be read"), "{refused:?}");
}

#[tokio::test]
async fn a_user_whom_an_operator_makes_is_asked_to_verify_unless_the_operator_vouches() {
    let deployment = Deployment::new();
    let mut server = deployment.serve().await;
    let mailbox = Mailbox::of(&mut server).await;
    let vouched = ["user", "create", "--json", "--verified", "--email", "grace@example.com"];
    let made = deployment.run_with(&vouched, PASSWORD).await.is(0).json();
    assert_eq!(made["emailVerified"], true);
    let create = ["user", "create", "--json", "--email", EMAIL];
    let made = deployment.run_with(&create, PASSWORD).await.is(0).json();
    assert_eq!(made["emailVerified"], false);

    // Queued later, so the other one would be there, too.
    let mail = mailbox.mail(EMAIL, "Confirm your e-mail address").await;
    assert_eq!(mailbox.mails("grace@example.com").await.len(), 0);
    let proof = json!({ "token": mail.token(), "password": PASSWORD });
    let verified = server.client.post("/auth/verify-email", proof).await.is(200).body;
    assert_eq!(verified["user"]["id"], made["id"]);
    for email in [EMAIL, "grace@example.com"] {
        let shown = deployment.run(&["user", "show", email, "--json"]).await.is(0).json();
        assert_eq!(shown["emailVerified"], true);
    }
}
