//! Second factors and trusted browsers while the key that sealed them is replaced.

use serde_json::json;

use super::trusted_devices::{SETTING, trusted_browser};
use super::*;
use crate::store::on_every_store;

const OLD: &str = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const NEW: &str = "AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

on_every_store! {
    a_second_factor_that_was_sealed_anew_outlives_the_old_data_key_and_trust_does_not,
}

async fn a_second_factor_that_was_sealed_anew_outlives_the_old_data_key_and_trust_does_not(
    store: Store,
) {
    let deployment = deployment_on(store).await.with(SETTING, "30d").with("OLD", OLD);
    let deployment = deployment.with("NEW", NEW);
    let with = |data_keys: &str| deployment.clone().with("DOORWARD_DATA_KEY", data_keys);
    let server = with("env:OLD").serve().await;
    let mut ada = enrolled_ada(&server.client, Program::Oathtool).await;
    let device_token = trusted_browser(&server.client, &mut ada.app).await;
    // Most people have no second factor, and nothing that is sealed.
    server.client.register("grace@example.com").await;
    server.stop().await;

    let both = with("env:NEW,env:OLD");
    let users = [(1, "sealed anew"), (0, "sealed again")];
    for (resealed, why) in users {
        let told = both.run(&["key", "reseal", "--json"]).await.is(0).json();
        let expected = json!({ "done": 2, "resealed": resealed, "failed": 0 });
        assert_eq!(told["users"], expected, "{why}: {told}");
    }
    let said = both.run(&["key", "reseal"]).await.is(0).stdout;
    assert!(said.contains("\nusers     2 looked at, 0 sealed anew, 0 not\n"), "{said}");
    let server = both.serve().await;
    log_in_on(&server.client, &device_token).await.tokens();
    server.stop().await;

    let server = with("env:NEW").serve().await;
    let client = &server.client;
    let token = session_token(log_in_on(client, &device_token).await, "mfaRequired");
    verify(client, &token, &ada.app.next_code().await).await.tokens();
    let token = first_step(client).await;
    verify_backup(client, &token, &ada.backup_codes[0]).await.tokens();
}

#[tokio::test]
async fn an_app_whose_secret_no_data_key_opens_waits_for_its_key_and_backup_codes_do_not() {
    let deployment = deployment_on(Store::Sqlite).await.with("OLD", OLD).with("NEW", NEW);
    let with = |data_keys: &str| deployment.clone().with("DOORWARD_DATA_KEY", data_keys);
    let server = with("env:OLD").serve().await;
    let mut ada = enrolled_ada(&server.client, Program::Oathtool).await;
    server.stop().await;
    // At its start a server seals its own records anew, and nothing else.
    with("env:NEW,env:OLD").serve().await.stop().await;

    let server = with("env:NEW").serve().await;
    let (token, code) = (first_step(&server.client).await, ada.app.next_code().await);
    assert_eq!(verify(&server.client, &token, &code).await.is(500).code(), "internal");
    verify_backup(&server.client, &token, &ada.backup_codes[0]).await.tokens();
    server.stop().await;
    let server = with("env:NEW,env:OLD").serve().await;
    verify(&server.client, &first_step(&server.client).await, &code).await.tokens();
}
