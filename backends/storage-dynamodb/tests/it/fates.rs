//! What becomes of requests, in the words of `DynamoDB`.

use servers::Fate;

/// It is carried out, and answered with a 500.
pub(crate) const SERVER_ERROR: Fate =
    Fate::Denied(500, "com.amazonaws.dynamodb.v20120810#InternalServerError");

/// It is not carried out: another transaction is in the way of its first item.
pub(crate) const CONFLICT: Fate = Fate::Answered(conflict);

/// It is not carried out, and all of the batch is given back.
pub(crate) const UNPROCESSED: Fate = Fate::Answered(unprocessed);

fn conflict(asked: &str) -> (u16, String) {
    let actions = asked.matches("\"TableName\"").count();
    let fine = r#",{"Code":"None"}"#.repeat(actions - 1);
    let kind = "com.amazonaws.dynamodb.v20120810#TransactionCanceledException";
    let reasons = format!(r#"[{{"Code":"TransactionConflict","Message":"busy"}}{fine}]"#);
    let text =
        format!(r#"{{"__type":"{kind}","Message":"cancelled","CancellationReasons":{reasons}}}"#);
    (400, text)
}

fn unprocessed(asked: &str) -> (u16, String) {
    let rest = if asked.contains("ConsistentRead") {
        asked.replacen("\"RequestItems\"", "\"Responses\":{},\"UnprocessedKeys\"", 1)
    } else {
        asked.replacen("\"RequestItems\"", "\"UnprocessedItems\"", 1)
    };
    (200, rest)
}
