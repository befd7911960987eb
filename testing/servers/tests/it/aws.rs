use servers::Dynamo;

use crate::waiting::{exchange, listens, until};

/// Calls an operation of DynamoDB, with a signature that nobody checks.
fn call(dynamo: &Dynamo, operation: &str, body: &str) -> String {
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {}\r\nConnection: close\r\nContent-Length: {}\r\n\
         Content-Type: application/x-amz-json-1.0\r\n\
         X-Amz-Target: DynamoDB_20120810.{operation}\r\n\
         Authorization: AWS4-HMAC-SHA256 Credential=test/20260101/us-east-1/dynamodb/aws4_request, \
         SignedHeaders=host, Signature=0\r\n\r\n",
        dynamo.address(),
        body.len()
    );
    exchange(dynamo.address(), &(head + body))
}

const CREATE: &str = r#"{"TableName":"kept","BillingMode":"PAY_PER_REQUEST",
    "AttributeDefinitions":[{"AttributeName":"id","AttributeType":"S"}],
    "KeySchema":[{"AttributeName":"id","KeyType":"HASH"}]}"#;

const PUT: &str = r#"{"TableName":"kept","Item":{"id":{"S":"a"},"number":{"N":"7"}}}"#;

const FIND: &str = r#"{"TableName":"kept","Key":{"id":{"S":"a"}}}"#;

#[test]
fn it_answers_keeps_its_data_when_it_is_stopped_and_is_gone_when_dropped() {
    let dynamo = Dynamo::start().unwrap();
    assert_eq!(dynamo.endpoint(), format!("http://{}", dynamo.address()));
    for (operation, body) in [("CreateTable", CREATE), ("PutItem", PUT)] {
        let answer = call(&dynamo, operation, body);
        assert!(answer.starts_with("HTTP/1.1 200"), "{answer}");
    }
    dynamo.stop();
    assert!(!listens(dynamo.address()));
    dynamo.start_again().unwrap();
    let answer = call(&dynamo, "GetItem", FIND);
    assert!(answer.contains(r#""7""#), "{answer}\n{}", dynamo.log());

    dynamo.kill();
    assert!(!listens(dynamo.address()));
    dynamo.start_again().unwrap();

    let (address, folder) = (dynamo.address(), dynamo.folder().to_path_buf());
    drop(dynamo);
    until("the port is free", || !listens(address));
    assert!(!folder.exists());
}
