//! Second factors in the hands of authenticator apps and readers of QR codes that others wrote.

use std::fs;
use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use serde_json::{Value, json};

use crate::authenticator::{Authenticator, Program, pyotp};
use crate::client::PASSWORD;
use crate::deployment::Deployment;
use crate::discretion;
use crate::mfa::{enrolled_ada, first_step, verify};
use crate::process::Process;

const SET_UP: &str = "/auth/mfa/setup";
const CONFIRM: &str = "/auth/mfa/verify-setup";

#[tokio::test]
async fn codes_of_oathtool_are_accepted_once() {
    codes_are_accepted_once(Program::Oathtool).await;
}

#[tokio::test]
async fn codes_of_pyotp_are_accepted_once() {
    codes_are_accepted_once(Program::Pyotp).await;
}

/// The code of the last step, that of this one, and that of the next.
async fn codes_are_accepted_once(program: Program) {
    let server = Deployment::new().serve().await;
    let mut ada = enrolled_ada(&server.client, program).await;
    for _ in 0..2 {
        let (token, code) = (first_step(&server.client).await, ada.app.next_code().await);
        verify(&server.client, &token, &code).await.tokens();
        let token = first_step(&server.client).await;
        let again = verify(&server.client, &token, &code).await.is(401);
        assert_eq!(again.code(), "invalid_mfa_code");
    }
}

#[tokio::test]
async fn the_qr_code_says_what_an_app_needs_however_it_is_drawn() {
    is_read_by_others("Doorward", "ada@example.com").await;
}

#[tokio::test]
async fn whatever_issuer_and_account_are_called_others_read_it() {
    is_read_by_others("Müller & Söhne? 100 % #1 / 東京", "ada+phone&co=1@example.com").await;
}

async fn is_read_by_others(issuer: &str, email: &str) {
    let deployment = Deployment::new().with("DOORWARD_MFA__ISSUER", issuer);
    let server = deployment.serve().await;
    let client = &server.client;
    let person = json!({ "email": email, "password": PASSWORD });
    client.post("/auth/register", person).await.is(201);
    let bearer = client.log_in(email).await.access;

    let begun = client.post_as(SET_UP, &bearer, json!({})).await.is(200).body;
    let said = begun["otpauthUri"].as_str().unwrap();
    let image = begun["qrCode"].as_str().unwrap().strip_prefix("data:image/png;base64,").unwrap();
    let png = deployment.path("code.png");
    fs::write(&png, BASE64_STANDARD.decode(image).unwrap()).unwrap();
    assert_eq!(scanned(&png).await, said);
    let mut first = Authenticator::scan(Program::Pyotp, said);
    assert_eq!(begun["secret"], first.secret());
    let mut read = pyotp(said, 0).await;
    read["code"] = Value::Null;
    let expected = json!({
        "issuer": issuer, "account": email, "digits": 6, "interval": 30, "algorithm": "sha1",
        "code": null,
    });
    assert_eq!(read, expected);

    // Each set-up has a secret of its own, and the last one counts.
    let drawing = deployment.path("code.svg");
    fs::write(&drawing, client.post_for_svg(SET_UP, &bearer).await).unwrap();
    let scanned = scanned(&drawn(&drawing).await).await;
    let mut app = Authenticator::scan(Program::Pyotp, &scanned);
    assert_ne!(app.secret(), first.secret());
    assert_eq!(scanned, said.replace(first.secret(), app.secret()));
    let old = json!({ "code": first.next_code().await });
    assert_eq!(client.post_as(CONFIRM, &bearer, old).await.is(401).code(), "invalid_mfa_code");
    let new = json!({ "code": app.next_code().await });
    client.post_as(CONFIRM, &bearer, new).await.is(200);
}

/// What the QR code in an image says.
async fn scanned(image: &Path) -> String {
    let mut zbarimg = Command::new("zbarimg");
    zbarimg.args(["--quiet", "--raw", "--nodbus"]).arg(image);
    let read = Process::start(&mut zbarimg, "").that_tells_secrets().end().await.is(0).stdout;
    let text = read.strip_suffix('\n').unwrap();
    discretion::remember(text);
    text.to_owned()
}

/// An SVG as a screen shows it.
async fn drawn(svg: &Path) -> std::path::PathBuf {
    let png = svg.with_extension("drawn.png");
    let mut rsvg = Command::new("rsvg-convert");
    Process::start(rsvg.arg("--output").arg(&png).arg(svg), "").end().await.is(0);
    png
}
