//! How an operator helps somebody who has lost app and backup codes.

use serde_json::json;

use super::*;
use crate::store::on_every_store;

on_every_store! {
    an_operator_removes_it_and_every_session_and_the_user_is_told,
}

async fn an_operator_removes_it_and_every_session_and_the_user_is_told(store: Store) {
    let Scene { deployment, server, mailbox, mut ada } = Scene::on(store).await;
    let client = &server.client;
    let begun = first_step(client).await;
    let show = ["user", "show", EMAIL, "--json"];
    assert_eq!(deployment.run(&show).await.is(0).json()["mfaEnabled"], true);

    deployment.run(&["user", "reset-mfa", EMAIL]).await.is(0);
    assert_eq!(deployment.run(&show).await.is(0).json()["mfaEnabled"], false);
    mailbox.mail(EMAIL, "Your second factor for Doorward was removed").await;
    server.process.logs(r#""event.type":"user.mfa_disabled""#).await;
    server.process.logs(r#""event.type":"session.revoked""#).await;
    let refused = client.refresh(&ada.tokens.refresh).await.is(401);
    assert_eq!(refused.code(), "session_revoked");
    assert_eq!(client.status_of(&ada.tokens.access).await, 401);
    let code = ada.app.next_code().await;
    assert_eq!(verify(client, &begun, &code).await.is(401).code(), "invalid_token");

    let tokens = client.log_in(EMAIL).await;
    assert_eq!(methods(&tokens.access), json!(["pwd"]));
    let again = deployment.run(&["user", "reset-mfa", EMAIL]).await.is(1);
    assert!(again.stderr.contains("the user has no second factor"), "{again:?}");
}
