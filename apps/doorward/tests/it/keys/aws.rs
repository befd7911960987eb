use serde_json::{Value, json};

use crate::deployment::Deployment;
use crate::store::{AWS, unique_name, variable};

/// AWS as its emulator plays it, asked as its own tools do.
pub(crate) struct Aws {
    http: reqwest::Client,
    endpoint: String,
}

impl Aws {
    pub(crate) fn new() -> Self {
        let http = reqwest::Client::builder().no_proxy().build().unwrap();
        Self { http, endpoint: variable("TEST_DYNAMODB_ENDPOINT") }
    }

    /// Lets a deployment find it.
    pub(crate) fn known_to(&self, deployment: Deployment) -> Deployment {
        let deployment = deployment.with("AWS_ENDPOINT_URL", &self.endpoint);
        AWS.iter().fold(deployment, |deployment, (name, value)| deployment.with(name, value))
    }

    pub(crate) async fn create_secret(&self, name: &str, value: &str) {
        self.call("secretsmanager", "CreateSecret", json!({ "Name": name, "SecretString": value }))
            .await;
    }

    /// Gives a secret another text, at once.
    pub(crate) async fn put_secret(&self, name: &str, value: &str) {
        let body = json!({ "SecretId": name, "SecretString": value });
        self.call("secretsmanager", "PutSecretValue", body).await;
    }

    /// Begins a rotation as Secrets Manager does, which then calls the function: with a version
    /// that is pending and has no value. Returns the token of it.
    pub(crate) async fn begin_rotation(&self, name: &str) -> String {
        let token = unique_name();
        // The emulator turns rotation on, and calls nobody.
        self.call("secretsmanager", "RotateSecret", json!({ "SecretId": name })).await;
        let pending = json!({
            "SecretId": name, "ClientRequestToken": token, "VersionStages": ["AWSPENDING"],
        });
        self.call("secretsmanager", "PutSecretValue", pending).await;
        token
    }

    pub(crate) async fn put_parameter(&self, name: &str, value: &str) {
        let body = json!({ "Name": name, "Value": value, "Type": "SecureString" });
        self.call("AmazonSSM", "PutParameter", body).await;
    }

    /// The current text of a secret.
    pub(crate) async fn secret(&self, name: &str) -> String {
        let answer =
            self.call("secretsmanager", "GetSecretValue", json!({ "SecretId": name })).await;
        answer["SecretString"].as_str().unwrap().to_owned()
    }

    /// Makes a key of KMS that signs, and returns its id.
    pub(crate) async fn create_key(&self, spec: &str) -> String {
        let body = json!({ "KeySpec": spec, "KeyUsage": "SIGN_VERIFY" });
        let answer = self.call("TrentService", "CreateKey", body).await;
        answer["KeyMetadata"]["KeyId"].as_str().unwrap().to_owned()
    }

    async fn call(&self, service: &str, operation: &str, body: Value) -> Value {
        let scope = match service {
            "AmazonSSM" => "ssm",
            "TrentService" => "kms",
            other => other,
        };
        let credential = format!("Credential=test/20260101/eu-west-1/{scope}/aws4_request");
        let authorization =
            format!("AWS4-HMAC-SHA256 {credential}, SignedHeaders=host, Signature=00");
        let request = self
            .http
            .post(&self.endpoint)
            .header("content-type", "application/x-amz-json-1.1")
            .header("x-amz-target", format!("{service}.{operation}"))
            .header("authorization", authorization)
            .body(body.to_string());
        let answer = request.send().await.unwrap();
        let status = answer.status();
        let text = answer.text().await.unwrap();
        assert!(status.is_success(), "{service}.{operation}: {status} {text}");
        serde_json::from_str(&text).unwrap()
    }
}
