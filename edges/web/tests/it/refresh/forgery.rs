use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use harness::{TestServer, Tokens};
use serde_json::json;

const PREFIX: &str = "dwr_";

fn bytes(token: &str) -> Vec<u8> {
    BASE64_URL_SAFE_NO_PAD.decode(token.strip_prefix(PREFIX).unwrap()).unwrap()
}

fn text(bytes: &[u8]) -> String {
    format!("{PREFIX}{}", BASE64_URL_SAFE_NO_PAD.encode(bytes))
}

/// Presents each of the forgeries and fails unless all are refused and nothing has changed.
async fn assert_refused(server: &TestServer, tokens: &Tokens, forgeries: &[String]) {
    let before = (server.session(tokens).await, server.events().await);
    server.store.take_calls();
    for forgery in forgeries {
        assert_ne!(*forgery, tokens.refresh);
        server.try_refresh(forgery).await.assert_problem(401, "invalid_token");
    }
    let calls = server.store.take_calls();
    assert!(calls.iter().all(|call| *call == "find_session"), "{calls:?}");
    assert_eq!((server.session(tokens).await, server.events().await), before);
    server.refresh(&tokens.refresh).await;
}

#[tokio::test]
async fn a_token_with_any_bit_flipped_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let genuine = bytes(&tokens.refresh);
    let forgeries: Vec<String> = (0..genuine.len() * 8)
        .map(|bit| {
            let mut forged = genuine.clone();
            forged[bit / 8] ^= 1 << (bit % 8);
            text(&forged)
        })
        .collect();
    assert_refused(&server, &tokens, &forgeries).await;
}

#[tokio::test]
async fn a_token_with_any_character_replaced_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let forgeries: Vec<String> = (0..tokens.refresh.len())
        .flat_map(|index| {
            let genuine = tokens.refresh.as_bytes()[index];
            // One before and one after in the alphabet: the last character carries spare bits.
            ['A', '-', ' ', '=', char::from(genuine + 1), char::from(genuine - 1)]
                .into_iter()
                .filter(move |with| *with != char::from(genuine))
                .map(move |with| (index, with))
        })
        .map(|(index, with)| {
            let mut forged: Vec<char> = tokens.refresh.chars().collect();
            forged[index] = with;
            forged.into_iter().collect()
        })
        .collect();
    assert_refused(&server, &tokens, &forgeries).await;
}

#[tokio::test]
async fn a_token_of_another_length_is_refused_and_changes_nothing() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let genuine = &tokens.refresh;
    let mut forgeries: Vec<String> =
        (0..genuine.len()).map(|length| genuine[..length].to_owned()).collect();
    forgeries.extend([
        format!("{genuine}A"),
        format!("{genuine}="),
        format!(" {genuine}"),
        format!("{genuine}{genuine}"),
        genuine.replacen(PREFIX, "", 1),
        genuine.to_uppercase(),
        tokens.access.clone(),
        "x".repeat(60_000),
    ]);
    assert_refused(&server, &tokens, &forgeries).await;
}

/// The MAC of one session's token, under the name of another session or generation.
#[tokio::test]
async fn the_parts_of_two_genuine_tokens_make_no_third() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let other = bytes(&server.sign_in(harness::EMAIL).await.refresh);
    let genuine = bytes(&tokens.refresh);
    let forgeries: Vec<String> = (1..genuine.len())
        .flat_map(|cut| {
            let (mut left, mut right) = (genuine.clone(), other.clone());
            left[cut..].copy_from_slice(&other[cut..]);
            right[cut..].copy_from_slice(&genuine[cut..]);
            [left, right]
        })
        .filter(|forged| *forged != genuine && *forged != other)
        .map(|forged| text(&forged))
        .collect();
    assert!(forgeries.len() > 60);
    assert_refused(&server, &tokens, &forgeries).await;
}

#[tokio::test]
async fn a_token_of_another_deployment_is_refused() {
    let (server, elsewhere) = (TestServer::start().await, TestServer::start().await);
    let tokens = server.ada().await;
    let foreign = elsewhere.ada().await;
    assert_refused(&server, &tokens, &[foreign.refresh]).await;
}

#[tokio::test]
async fn a_forged_token_signs_nobody_out() {
    let server = TestServer::start().await;
    let tokens = server.ada().await;
    let mut forged = bytes(&tokens.refresh);
    *forged.last_mut().unwrap() ^= 1;
    let answer = server.post("/auth/logout", json!({ "refreshToken": text(&forged) })).await;
    answer.assert_problem(401, "invalid_token");
    server.refresh(&tokens.refresh).await;
}
