//! Rotations that AWS Secrets Manager drives: the four steps, by command and as a function.

use std::time::Duration;

use serde_json::{Value, json};

use super::aws::Aws;
use super::kid;
use crate::deployment::Deployment;
use crate::process::Process;
use crate::python::python;
use crate::store::unique_name;
use crate::waiting::within;

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "a secret that is shared, of more than 32 bytes";
const STEPS: [&str; 4] = ["createSecret", "setSecret", "testSecret", "finishSecret"];
const RUNTIME_API: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/tests/it/keys/lambda_runtime_api.py");

/// What Lambda is called with for that step.
fn event(step: &str, secret: &str, token: &str) -> String {
    json!({ "Step": step, "SecretId": secret, "ClientRequestToken": token }).to_string()
}

/// A secret of which a rotation has begun, and the token of it.
async fn rotating(aws: &Aws, value: &str) -> (String, String) {
    let name = unique_name();
    aws.create_secret(&name, value).await;
    let token = aws.begin_rotation(&name).await;
    (name, token)
}

#[tokio::test]
async fn a_shared_secret_is_rotated_step_by_step_under_the_running_server() {
    let aws = Aws::new();
    let (name, token) = rotating(&aws, &json!({ "JWT_SECRET": SECRET }).to_string()).await;
    let deployment = aws
        .known_to(Deployment::with_stable_issuer())
        .with("DOORWARD_KEYS__ALGORITHM", "HS256")
        .with("DOORWARD_KEYS__SHARED_PUBLISH_AHEAD", "2s")
        .with("DOORWARD_KEYS__SHARED_SECRET", &format!("aws-sm:{name}"));
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let old = server.client.log_in(EMAIL).await;
    for step in STEPS {
        // Whatever is repeated succeeds and changes nothing.
        for _ in 0..2 {
            let event = event(step, &name, &token);
            let step = ["key", "rotation-step", "shared-secret"];
            deployment.run_with(&step, &event).await.is(0);
        }
    }
    let rotated: Value = serde_json::from_str(&aws.secret(&name).await).unwrap();
    assert_eq!(rotated["JWT_SECRET"].as_str().unwrap().len(), 43);
    // It keeps what it has read for minutes; one that starts reads it at once, and then both know.
    let other = deployment.serve().await;
    let mut tokens = old;
    let old = kid(&tokens.access);
    within(Duration::from_secs(20), "the new secret signs", async || {
        for instance in [&server, &other] {
            tokens = instance.client.refresh(&tokens.refresh).await.tokens();
            assert_eq!(server.client.status_of(&tokens.access).await, 200);
            assert_eq!(other.client.status_of(&tokens.access).await, 200);
        }
        (kid(&tokens.access) != old).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_ring_is_rotated_by_the_function_that_lambda_runs() {
    let aws = Aws::new();
    let name = unique_name();
    let deployment = aws
        .known_to(Deployment::new())
        .with("DOORWARD_KEYS__ALGORITHM", "ES256")
        .with("DOORWARD_KEYS__SOURCE", &format!("aws-sm:{name}"));
    let server = deployment.serve().await;
    let token = aws.begin_rotation(&name).await;
    let events: Vec<String> = STEPS.iter().map(|step| event(step, &name, &token)).collect();
    let unknown = event("createSecret", &unique_name(), &token);
    let input = [events.as_slice(), &[unknown]].concat().join("\n");

    let mut command = python();
    let mut lambda = Process::start(command.arg(RUNTIME_API), &input);
    let port = lambda.rest_of_line("listens on ").await;
    let function = deployment
        .clone()
        .with("AWS_LAMBDA_RUNTIME_API", &format!("127.0.0.1:{port}"))
        .with("AWS_LAMBDA_FUNCTION_NAME", "rotate")
        .with("AWS_LAMBDA_FUNCTION_MEMORY_SIZE", "256")
        .with("AWS_LAMBDA_FUNCTION_VERSION", "1")
        .with("AWS_LAMBDA_LOG_STREAM_NAME", "stream")
        .with("AWS_LAMBDA_LOG_GROUP_NAME", "group");
    let _function = function.start(&["key", "rotation-function", "ring"], "");
    within(Duration::from_secs(20), "five answers", async || {
        (lambda.lines().len() >= 6).then_some(())
    })
    .await;
    let answers = lambda.lines();
    assert!(answers[1..5].iter().all(|line| line.starts_with("response")), "{answers:?}");
    assert!(
        answers[5].starts_with("error") && answers[5].contains("no such secret"),
        "{answers:?}"
    );

    let kept: Value = serde_json::from_str(&aws.secret(&name).await).unwrap();
    assert_eq!(kept.as_array().unwrap().len(), 2);
    within(Duration::from_secs(40), "the server has read of it", async || {
        (server.client.published_keys().await.len() == 2).then_some(())
    })
    .await;
}

#[tokio::test]
async fn a_rotation_that_cannot_go_on_says_what_to_do() {
    let aws = Aws::new();
    let (name, token) = rotating(&aws, "short, and no secret").await;
    let deployment = aws.known_to(Deployment::new());
    let step = ["key", "rotation-step", "shared-secret"];
    let too_soon = deployment.run_with(&step, &event("testSecret", &name, &token)).await.is(1);
    assert!(too_soon.stderr.contains("run createSecret first"), "{too_soon:?}");
    let other = deployment.run_with(&step, &event("createSecret", &name, "other")).await.is(1);
    assert!(other.stderr.contains("no version of that token"), "{other:?}");
    let garbage = deployment.run_with(&step, "garbage").await.is(2);
    assert!(garbage.stderr.contains("standard input holds no event"), "{garbage:?}");
    let outside = deployment.run(&["key", "rotation-function", "ring"]).await.is(2);
    assert!(outside.stderr.contains("runs as an AWS Lambda function"), "{outside:?}");
}
