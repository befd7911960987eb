//! Signing in with a code of the app, with a backup code, and with neither.

use serde_json::json;
use tokio::task::JoinSet;

use super::*;
use crate::store::on_every_store;

on_every_store! {
    each_code_signs_in_once_and_the_user_hears_of_backup_codes,
    five_wrong_codes_end_a_sign_in_and_no_other,
    of_many_at_two_servers_who_present_one_code_one_signs_in,
}

async fn each_code_signs_in_once_and_the_user_hears_of_backup_codes(store: Store) {
    let Scene { deployment: _deployment, server, mailbox, mut ada } = Scene::on(store).await;
    let client = &server.client;
    mailbox.mail(EMAIL, "Your second factor for Doorward was set up").await;
    server.process.logs(r#""event.type":"user.mfa_enabled""#).await;

    let wanted = client.try_log_in(EMAIL).await.is(200).body;
    assert_eq!(wanted["mfaMethods"], json!(["totp", "backup_code"]));
    assert_eq!((&wanted["tokenType"], &wanted["expiresIn"]), (&json!("Bearer"), &json!(300)));
    let token = wanted["sessionToken"].as_str().unwrap();
    assert_eq!(client.status_of(token).await, 401, "it buys nothing else");
    let code = ada.app.next_code().await;
    let tokens = verify(client, token, &code).await.tokens();
    assert_eq!(methods(&tokens.access), json!(["pwd", "otp", "mfa"]));
    client.refresh(&tokens.refresh).await.tokens();
    assert_eq!(verify(client, token, &code).await.is(401).code(), "invalid_token", "it is over");

    let token = first_step(client).await;
    assert_eq!(verify(client, &token, &code).await.is(401).code(), "invalid_mfa_code");
    let backup_code = &ada.backup_codes[3];
    let tokens = verify_backup(client, &token, backup_code).await.tokens();
    assert_eq!(methods(&tokens.access), json!(["pwd", "backup_code", "mfa"]));
    let mail = mailbox.mail(EMAIL, "A backup code for Doorward was used").await;
    assert!(mail.text.contains("Backup\ncodes left: 9"), "{mail:?}");
    let shown = me(client, &tokens.access).await;
    assert_eq!((&shown["mfaEnabled"], &shown["backupCodesLeft"]), (&json!(true), &json!(9)));

    let token = first_step(client).await;
    let again = verify_backup(client, &token, backup_code).await.is(401);
    assert_eq!(again.code(), "invalid_mfa_code");
    verify(client, &token, &ada.app.next_code().await).await.tokens();
}

async fn five_wrong_codes_end_a_sign_in_and_no_other(store: Store) {
    let server = deployment_on(store).await.serve().await;
    let mut ada = enrolled_ada(&server.client, Program::Oathtool).await;
    let (dead, other) = (first_step(&server.client).await, first_step(&server.client).await);
    let wrong = ada.app.wrong_code().await;
    for _ in 0..5 {
        let refused = verify(&server.client, &dead, &wrong).await.is(401);
        assert_eq!(refused.code(), "invalid_mfa_code");
    }
    let code = ada.app.next_code().await;
    assert_eq!(verify(&server.client, &dead, &code).await.is(401).code(), "invalid_token");
    verify(&server.client, &other, &code).await.tokens();
}

async fn of_many_at_two_servers_who_present_one_code_one_signs_in(store: Store) {
    let deployment = deployment_on(store).await.without_limits();
    let (one, other) = (deployment.serve().await, deployment.serve().await);
    let mut ada = enrolled_ada(&one.client, Program::Oathtool).await;
    for (member, code) in
        [("code", ada.app.next_code().await), ("backupCode", ada.backup_codes[0].clone())]
    {
        let mut sign_ins = Vec::new();
        // Each goes on where it was not begun.
        for (here, there) in [(&one, &other), (&other, &one), (&one, &other), (&other, &one)] {
            let token = first_step(&here.client).await;
            sign_ins.push((there.client.clone(), json!({ "sessionToken": token, member: code })));
        }
        let mut answers = JoinSet::new();
        for (client, body) in sign_ins {
            answers.spawn(async move { client.post("/auth/mfa/verify", body).await });
        }
        let answers = answers.join_all().await.into_iter();
        let (winners, losers): (Vec<_>, Vec<_>) =
            answers.partition(|answer: &Answer| answer.status == 200);
        assert_eq!(winners.len(), 1, "{member}: {losers:?}");
        for loser in losers {
            assert_eq!(loser.is(401).code(), "invalid_mfa_code", "{member}");
        }
    }
    let (token, code) = (first_step(&one.client).await, ada.app.next_code().await);
    let tokens = verify(&other.client, &token, &code).await.tokens();
    assert_eq!(me(&one.client, &tokens.access).await["backupCodesLeft"], 9);
}
