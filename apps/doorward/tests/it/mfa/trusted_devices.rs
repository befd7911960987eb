//! Browsers on which the second factor was proved, and is not asked for any more.

use serde_json::json;

use super::*;
use crate::store::on_every_store;

pub(super) const SETTING: &str = "DOORWARD_MFA__TRUSTED_DEVICES";

on_every_store! {
    a_browser_stays_trusted_across_a_restart_until_its_user_ends_that,
}

/// Signs Ada in with both factors on a browser that she trusts from then on. Returns its device
/// token.
pub(super) async fn trusted_browser(client: &Client, app: &mut Authenticator) -> String {
    let (session_token, code) = (first_step(client).await, app.next_code().await);
    let body = json!({ "sessionToken": session_token, "code": code, "rememberDevice": true });
    let answer = client.post("/auth/mfa/verify", body).await.is(200);
    answer.body["deviceToken"].as_str().unwrap().to_owned()
}

async fn trusted_devices(client: &Client, bearer: &str) -> Vec<Value> {
    let listed = client.get_as("/auth/sessions", bearer).await.is(200);
    // Without any there is no such member.
    listed.body["trustedDevices"].as_array().cloned().unwrap_or_default()
}

async fn a_browser_stays_trusted_across_a_restart_until_its_user_ends_that(store: Store) {
    let deployment = deployment_on(store).await.with(SETTING, "30d");
    let server = deployment.serve().await;
    let mut ada = enrolled_ada(&server.client, Program::Oathtool).await;
    let device_token = trusted_browser(&server.client, &mut ada.app).await;
    server.stop().await;

    let server = deployment.serve().await;
    let client = &server.client;
    let answer = log_in_on(client, &device_token).await.is(200);
    assert!(answer.body.get("deviceToken").is_none(), "it has one");
    let tokens = answer.tokens();
    assert_eq!(methods(&tokens.access), json!(["pwd", "trusted_device"]));
    session_token(client.try_log_in(EMAIL).await, "mfaRequired");
    session_token(log_in_on(client, "dwd_AAAA").await, "mfaRequired");
    let step_up = json!({ "password": PASSWORD });
    let refused = client.post_as("/auth/step-up", &tokens.access, step_up).await.is(401);
    assert_eq!(refused.code(), "invalid_mfa_code", "it does not stand in for the factor there");

    let listed = trusted_devices(client, &tokens.access).await;
    assert_eq!((listed.len(), &listed[0]["current"]), (1, &json!(true)), "{listed:?}");
    let without = deployment.clone().with(SETTING, "off").serve().await;
    session_token(log_in_on(&without.client, &device_token).await, "mfaRequired");
    let path = format!("/auth/sessions/{}", listed[0]["id"].as_str().unwrap());
    client.delete_as(&path, &tokens.access).await.is(204);
    assert_eq!(trusted_devices(client, &tokens.access).await.len(), 0);
    session_token(log_in_on(client, &device_token).await, "mfaRequired");
    client.refresh(&tokens.refresh).await.tokens();
}
