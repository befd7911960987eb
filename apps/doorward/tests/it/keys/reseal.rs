use std::process::Command;

use serde_json::{Value, json};

use crate::catcher::Catcher;
use crate::client::{PASSWORD, Tokens};
use crate::deployment::{Deployment, STABLE_ISSUER, Server};
use crate::detour::{Detour, Way};
use crate::process::{Ended, Process};
use crate::store::{Store, on_every_store};

const PEOPLE: [&str; 3] = ["ada@example.com", "grace@example.com", "mary@example.com"];
const KINDS: [&str; 4] = ["records", "users", "sessions", "mails"];
const RESEAL: [&str; 2] = ["key", "reseal"];
/// Data keys, by the names that the deployment knows them by.
const DATA_KEYS: [(&str, &str); 3] = [
    ("OLD", "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="),
    ("NEW", "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI="),
    ("OTHER", "AwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwMDAwM="),
];

/// A deployment with something of every kind that was sealed with the data key `OLD`: people whose
/// mails could not be delivered, and who are signed in.
struct Sealed {
    deployment: Deployment,
    relay: Detour,
    sessions: Vec<Tokens>,
}

impl Sealed {
    async fn on(store: Store) -> Self {
        let relay = Detour::open().await;
        let deployment = store
            .deployment()
            .await
            .without_limits()
            .with_relay(relay.address.port())
            .with("DOORWARD_SERVER__PUBLIC_URL", STABLE_ISSUER)
            .with("DOORWARD_KEYS__ALGORITHM", "ES256");
        let deployment =
            DATA_KEYS.iter().fold(deployment, |deployment, (name, key)| deployment.with(name, key));
        let mut sealed = Self { deployment, relay, sessions: Vec::new() };
        let server = sealed.with("env:OLD").serve().await;
        for email in PEOPLE {
            server.client.register(email).await;
            sealed.sessions.push(server.client.log_in(email).await);
        }
        sealed.deployment.all_mails_fail().await;
        server.stop().await;
        sealed
    }

    /// The deployment with those data keys from now on.
    fn with(&mut self, data_keys: &str) -> &Deployment {
        self.deployment = self.deployment.clone().with("DOORWARD_DATA_KEY", data_keys);
        &self.deployment
    }

    /// Everybody is still signed in, and gets the mail that was promised.
    async fn is_whole(&self, server: &Server) {
        for tokens in &self.sessions {
            assert_eq!(server.client.status_of(&tokens.access).await, 200);
            let next = server.client.refresh(&tokens.refresh).await.tokens();
            server.client.refresh(&next.refresh).await.tokens();
        }
        let catcher = Catcher::healthy().await;
        self.relay.leads(Way::To(catcher.port));
        self.deployment.run(&["outbox", "retry", "--all"]).await.is(0);
        for email in PEOPLE {
            let mail = catcher.mail(email).await;
            let proof = json!({ "token": mail.token(), "password": PASSWORD });
            server.client.post("/auth/verify-email", proof).await.is(200);
        }
    }
}

async fn reseal_in_json(deployment: &Deployment) -> Ended {
    deployment.run(&[RESEAL.as_slice(), &["--json"]].concat()).await
}

/// A member of what is said of all kinds together.
fn total(told: &Value, member: &str) -> u64 {
    KINDS.iter().map(|kind| told[kind][member].as_u64().unwrap()).sum()
}

/// How many values of a kind are sealed: of people only their second factors, which nobody has
/// here.
fn all_sealed(told: &Value, kind: &str) -> u64 {
    if kind == "users" { 0 } else { told[kind]["done"].as_u64().unwrap() }
}

on_every_store! {
    a_data_key_can_be_removed_after_all_that_it_sealed_was_sealed_anew,
    what_no_data_key_opens_is_told_of_and_kept_until_its_key_is_back,
}

async fn a_data_key_can_be_removed_after_all_that_it_sealed_was_sealed_anew(store: Store) {
    let mut sealed = Sealed::on(store).await;
    let both = sealed.with("env:NEW,env:OLD");
    let told = reseal_in_json(both).await.is(0).json();
    for kind in KINDS {
        let (done, resealed) = (&told[kind]["done"], all_sealed(&told, kind));
        assert_eq!(told[kind], json!({ "done": done, "resealed": resealed, "failed": 0 }));
    }
    assert_eq!(told["users"]["done"], 3);
    assert_eq!((&told["sessions"]["done"], &told["mails"]["done"]), (&json!(3), &json!(3)));
    assert!(told["records"]["done"].as_u64() > Some(0), "{told}");

    // A server serves meanwhile.
    let server = both.serve().await;
    let again = both.run(&RESEAL).await.is(0);
    let nothing = KINDS
        .map(|kind| format!("{kind:9} {} looked at, 0 sealed anew, 0 not\n", told[kind]["done"]));
    assert_eq!((again.stdout, again.stderr), (nothing.concat(), String::new()));
    server.stop().await;

    let server = sealed.with("env:NEW").serve().await;
    sealed.is_whole(&server).await;
}

async fn what_no_data_key_opens_is_told_of_and_kept_until_its_key_is_back(store: Store) {
    let mut sealed = Sealed::on(store).await;
    // Not even the records open.
    let refused = sealed.with("env:OTHER,env:NEW").run(&RESEAL).await.is(1);
    assert!(refused.stderr.contains("Add that key to data_key"), "{refused:?}");
    assert_eq!(refused.stdout, "");

    // A server seals the records anew when it starts, and what nobody touches is left as it was.
    sealed.with("env:NEW,env:OLD").serve().await.stop().await;
    let without = sealed.with("env:OTHER,env:NEW");
    for resealed in [true, false] {
        let ended = reseal_in_json(without).await.is(1);
        let told = ended.json();
        let records = &told["records"];
        assert_eq!(records["resealed"], if resealed { records["done"].clone() } else { json!(0) });
        assert_eq!(told["sessions"], json!({ "done": 3, "resealed": 0, "failed": 3 }));
        let advice = format!(
            "no key of data_key opens {} of them: add the key that sealed them to data_key, behind \
             the others, and run this again",
            total(&told, "failed")
        );
        assert!(ended.stderr.contains(&advice), "{advice}: {ended:?}");
    }
    let text = without.run(&RESEAL).await.is(1).stdout;
    assert!(text.contains("\nsessions  3 looked at, 0 sealed anew, 3 not\n"), "{text}");

    let told = reseal_in_json(sealed.with("env:OTHER,env:NEW,env:OLD")).await.is(0).json();
    assert_eq!(told["sessions"], json!({ "done": 3, "resealed": 3, "failed": 0 }));
    let server = sealed.with("env:OTHER").serve().await;
    sealed.is_whole(&server).await;
}

#[tokio::test]
async fn whoever_seals_anew_on_a_terminal_sees_how_far_it_is() {
    let mut sealed = Sealed::on(Store::Sqlite).await;
    let mut terminal = Command::new("script");
    let command = format!("{} key reseal", env!("CARGO_BIN_EXE_doorward"));
    terminal.args(["--quiet", "--return", "--command", &command, "/dev/null"]);
    terminal.current_dir(sealed.deployment.path("")).env_clear().envs(DATA_KEYS);
    terminal.env("DOORWARD_DATA_KEY", "env:NEW,env:OLD");
    let shown = Process::start(&mut terminal, "").end().await.is(0).stdout;

    let told = reseal_in_json(sealed.with("env:NEW")).await.is(0).json();
    let mut done = 0;
    for kind in KINDS {
        // Over what stood there before.
        done += told[kind]["done"].as_u64().unwrap();
        assert!(shown.contains(&format!("\r{done} values looked at")), "{done}: {shown:?}");
        let (all, resealed) = (&told[kind]["done"], all_sealed(&told, kind));
        let line = format!("{kind:9} {all} looked at, {resealed} sealed anew, 0 not\r\n");
        assert!(shown.contains(&line), "{line}: {shown:?}");
    }
    assert_eq!(done, total(&told, "done"));
}
