use std::time::Duration;

use serde_json::{Value, json};

use super::aws::Aws;
use super::{header, kid};
use crate::deployment::Deployment;
use crate::store::unique_name;
use crate::waiting::within;

const EMAIL: &str = "ada@example.com";
const SECRET: &str = "a secret that is shared, of more than 32 bytes";

#[tokio::test]
async fn the_ring_lives_in_one_secret_and_instances_share_it() {
    let aws = Aws::new();
    let name = unique_name();
    let deployment = aws
        .known_to(Deployment::new())
        .with("DOORWARD_KEYS__ALGORITHM", "ES256")
        .with("DOORWARD_KEYS__PUBLISH_AHEAD", "4s")
        .with("DOORWARD_KEYS__SOURCE", &format!("aws-sm:{name}"));
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let mut tokens = server.client.log_in(EMAIL).await;
    let kept: Value = serde_json::from_str(&aws.secret(&name).await).unwrap();
    assert_eq!(kept[0]["kid"], kid(&tokens.access).as_str());

    deployment.run(&["key", "rotate"]).await.is(0);
    let kept: Value = serde_json::from_str(&aws.secret(&name).await).unwrap();
    let next = kept[1]["kid"].as_str().unwrap().to_owned();
    within(Duration::from_secs(20), "the other key signs", async || {
        tokens = server.client.refresh(&tokens.refresh).await.tokens();
        assert_eq!(server.client.status_of(&tokens.access).await, 200);
        (kid(&tokens.access) == next).then_some(())
    })
    .await;
    let other = deployment.serve().await;
    assert_eq!(other.client.published_keys().await, server.client.published_keys().await);
}

#[tokio::test]
async fn secrets_are_read_from_secrets_manager_and_the_parameter_store() {
    let aws = Aws::new();
    let (secret, parameter) = (unique_name(), format!("/{}", unique_name()));
    aws.create_secret(&secret, &json!({ "JWT_SECRET": SECRET }).to_string()).await;
    let data_key = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    aws.put_parameter(&parameter, &json!({ "key": data_key }).to_string()).await;
    let deployment = aws
        .known_to(Deployment::new())
        .with("DOORWARD_DATA_KEY", &format!("aws-ssm:{parameter}#key"))
        .with("DOORWARD_KEYS__ALGORITHM", "HS256")
        .with("DOORWARD_KEYS__SHARED_SECRET", &format!("aws-sm:{secret}"));
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let tokens = server.client.log_in(EMAIL).await;
    let by_hand = Deployment::new().with("JWT_SECRET", SECRET).serve().await;
    by_hand.client.register(EMAIL).await;
    assert_eq!(kid(&tokens.access), kid(&by_hand.client.log_in(EMAIL).await.access));
    deployment.run(&["doctor"]).await;
}

#[tokio::test]
async fn a_secret_that_aws_does_not_have_is_named() {
    let aws = Aws::new();
    let reference = format!("aws-sm:{}#key", unique_name());
    let deployment = aws.known_to(Deployment::new()).with("DOORWARD_DATA_KEY", &reference);
    let refused = deployment.run(&["serve"]).await.is(2);
    assert!(refused.stderr.contains(&format!("there is no secret at {reference}")), "{refused:?}");
}

#[tokio::test]
async fn keys_of_kms_sign_what_their_published_keys_verify() {
    let aws = Aws::new();
    for (spec, algorithm) in [("RSA_2048", "RS256"), ("ECC_NIST_P256", "ES256")] {
        let key = aws.create_key(spec).await;
        let deployment = aws
            .known_to(Deployment::new())
            .with("DOORWARD_KEYS__ALGORITHM", algorithm)
            .with("DOORWARD_KEYS__KMS_KEY", &key);
        let server = deployment.serve().await;
        server.client.register(EMAIL).await;
        let tokens = server.client.log_in(EMAIL).await;
        assert_eq!(header(&tokens.access)["alg"], algorithm);
        let published = vec![(kid(&tokens.access), algorithm.to_owned())];
        assert_eq!(server.client.published_keys().await, published);
        assert_eq!(server.client.status_of(&tokens.access).await, 200);
        let listed = deployment.run(&["key", "list"]).await.is(0).stdout;
        // By its ARN, since an alias may be moved to another key.
        assert!(listed.contains("in AWS KMS as arn:") && listed.contains(&key), "{listed}");
        let refused = deployment.run(&["key", "rotate"]).await.is(1);
        assert!(refused.stderr.contains("keys.kms_key"), "{refused:?}");
    }
}

#[tokio::test]
async fn a_deployment_moves_to_a_key_of_kms_as_to_any_other() {
    let aws = Aws::new();
    let deployment = aws
        .known_to(Deployment::with_stable_issuer())
        .with("DOORWARD_KEYS__ALGORITHM", "ES256")
        .with("DOORWARD_KEYS__PUBLISH_AHEAD", "3s");
    let server = deployment.serve().await;
    server.client.register(EMAIL).await;
    let old = server.client.log_in(EMAIL).await;
    let key = aws.create_key("ECC_NIST_P256").await;
    let moved = deployment.with("DOORWARD_KEYS__KMS_KEY", &key).serve().await;
    let mut tokens = old;
    let old = kid(&tokens.access);
    within(Duration::from_secs(20), "the key of KMS signs", async || {
        for instance in [&server, &moved] {
            tokens = instance.client.refresh(&tokens.refresh).await.tokens();
            assert_eq!(server.client.status_of(&tokens.access).await, 200);
            assert_eq!(moved.client.status_of(&tokens.access).await, 200);
        }
        (kid(&tokens.access) != old).then_some(())
    })
    .await;
}
