//! Deployments whose administrators need a second factor.

use serde_json::json;

use super::*;
use crate::doctor::only_wrong;
use crate::store::on_every_store;

const CREATE: [&str; 7] = ["user", "create", "--email", EMAIL, "--role", "ADMIN", "--verified"];
const REQUIRED_ROLES: &str = "DOORWARD_MFA__REQUIRED_ROLES";

on_every_store! {
    an_administrator_gets_tokens_once_a_second_factor_is_set_up_and_others_at_once,
}

async fn an_administrator_gets_tokens_once_a_second_factor_is_set_up_and_others_at_once(
    store: Store,
) {
    let deployment = deployment_on(store).await.with(REQUIRED_ROLES, r#"["ADMIN"]"#);
    deployment.run_with(&CREATE, PASSWORD).await.is(0);
    let server = deployment.serve().await;
    let client = &server.client;
    let wanted = client.try_log_in(EMAIL).await.is(200);
    assert_eq!(wanted.body["expiresIn"], 900);
    let token = session_token(wanted, "mfaEnrolmentRequired");
    assert_eq!(client.status_of(&token).await, 401, "it buys nothing else");
    let body = json!({ "sessionToken": token });
    let begun = client.post("/auth/mfa/setup", body).await.is(200);
    let mut app =
        Authenticator::scan(Program::Oathtool, begun.body["otpauthUri"].as_str().unwrap());
    let confirm = async |code: String| {
        let body = json!({ "sessionToken": token, "code": code });
        client.post("/auth/mfa/verify-setup", body).await
    };
    let wrong = confirm(app.wrong_code().await).await.is(401);
    assert_eq!(wrong.code(), "invalid_mfa_code");
    let enabled = confirm(app.next_code().await).await.is(200);
    assert_eq!(texts(&enabled.body["backupCodes"]).len(), 10);
    let tokens = enabled.tokens();
    assert_eq!(methods(&tokens.access), json!(["pwd", "otp", "mfa"]));
    let shown = me(client, &tokens.access).await;
    assert_eq!((&shown["role"], &shown["mfaEnabled"]), (&json!("ADMIN"), &json!(true)));
    client.refresh(&tokens.refresh).await.tokens();

    verify(client, &first_step(client).await, &app.next_code().await).await.tokens();
    client.register("grace@example.com").await;
    client.log_in("grace@example.com").await;
}

#[tokio::test]
async fn who_comes_to_hold_such_a_role_has_to_sign_in_again_at_the_next_refresh() {
    let deployment = Deployment::new().with(REQUIRED_ROLES, "ADMIN");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    deployment.run(&["user", "set-roles", EMAIL, "ADMIN"]).await.is(0);
    assert_eq!(server.client.status_of(&tokens.access).await, 200, "until it expires");
    let refused = server.client.refresh(&tokens.refresh).await.is(401);
    assert_eq!(refused.code(), "session_revoked");
    session_token(server.client.try_log_in(EMAIL).await, "mfaEnrolmentRequired");
}

#[tokio::test]
async fn a_role_that_nobody_defined_stops_the_start_and_doctor_says_so() {
    let deployment = Deployment::new();
    deployment.serve().await.stop().await;
    let wrong = deployment.with(REQUIRED_ROLES, "ADMIN,emperor");
    let said = "the role emperor in mfa.required_roles is not defined; choose one of ADMIN, ";
    let refused = wrong.run(&["serve"]).await.is(1);
    assert!(refused.stderr.contains(said), "{refused:?}");
    let finding = only_wrong(&wrong, "roles").await;
    assert!(finding.seen.contains(said), "{finding:?}");
}
