//! What of the wire protocol may be used: less than the test server has.
//!
//! Source: "Supported MongoDB APIs, operations, and data types in Amazon DocumentDB" and
//! "Functional differences", column 5.0, docs.aws.amazon.com/documentdb/latest/developerguide
//! (mongo-apis.html, functional-differences.html).

use mongodb::bson::{Bson, Document};

const COMMANDS: [&str; 12] = [
    "abortTransaction",
    "commitTransaction",
    "create",
    "createIndexes",
    "delete",
    "endSessions",
    "find",
    "findAndModify",
    "getMore",
    "hello",
    "insert",
    "update",
];

/// Query and update operators.
const OPERATORS: [&str; 11] =
    ["$eq", "$exists", "$gt", "$gte", "$in", "$inc", "$lt", "$lte", "$ne", "$set", "$unset"];

/// What the driver itself adds to a command.
const ENVELOPE: [&str; 3] = ["$clusterTime", "$db", "$readPreference"];

/// What a command may say beside its name and the driver's envelope.
const WORDS: [&str; 21] = [
    "autocommit",
    "batchSize",
    "deletes",
    "documents",
    "filter",
    "indexes",
    "limit",
    "lsid",
    "new",
    "ordered",
    "projection",
    "query",
    "readConcern",
    "singleBatch",
    "sort",
    "startTransaction",
    "txnNumber",
    "update",
    "updates",
    "upsert",
    "writeConcern",
];

/// The fields that an index of a collection begins with, beside `_id`.
const INDEXED: [(&str, &[&str]); 9] = [
    ("users", &["email_key", "username"]),
    ("sessions", &["user_id", "expires_at"]),
    ("devices", &["user_id", "expires_at"]),
    ("trusted_devices", &["user_id", "expires_at"]),
    ("pending_sign_ins", &["user_id", "expires_at"]),
    ("one_time_codes", &["challenge", "user_id", "expires_at"]),
    ("revocations", &["expires_at"]),
    ("mails", &["due_at", "user_id"]),
    ("limits", &["whole_at"]),
];

/// Collections that are read as a whole, because they hold a few documents.
const SMALL: [&str; 2] = ["roles", "schema"];

/// What an index may be.
const INDEX_WORDS: [&str; 5] = ["key", "name", "unique", "sparse", "v"];

/// What of a command DocumentDB 5.0 would not take.
pub(crate) fn objections(command: &Document) -> Vec<String> {
    let mut objections = Vec::new();
    let name = command.keys().next().map_or("", String::as_str);
    if !COMMANDS.contains(&name) {
        objections.push(format!("command {name}"));
    }
    for (word, value) in command.iter().skip(1) {
        let is_allowed = WORDS.contains(&word.as_str()) || ENVELOPE.contains(&word.as_str());
        if !is_allowed {
            objections.push(format!("{name} with {word}"));
        }
        if !ENVELOPE.contains(&word.as_str()) {
            operators(name, value, &mut objections);
        }
    }
    objections.extend(in_transaction(name, command));
    objections.extend(shapes(name, command));
    objections.extend(walks(command));
    objections
}

/// Filters that no index serves. A sparse one serves only filters that say the field exists.
fn walks(command: &Document) -> Vec<String> {
    let collection = command.values().next().and_then(Bson::as_str).unwrap_or_default();
    let mut filters = Vec::new();
    for field in ["filter", "query"] {
        filters
            .extend(command.get_document(field).ok().map(|filter| (filter, command.get("sort"))));
    }
    for list in ["updates", "deletes"] {
        let changes = command.get_array(list).into_iter().flatten().filter_map(Bson::as_document);
        filters.extend(changes.filter_map(|change| Some((change.get_document("q").ok()?, None))));
    }
    let indexed = INDEXED.iter().find(|(name, _)| *name == collection).map_or(&[][..], |of| of.1);
    let mut objections = Vec::new();
    for (filter, sort) in filters {
        let order = sort.and_then(Bson::as_document).and_then(|sort| sort.keys().next());
        let is_served = filter
            .keys()
            .chain(order)
            .any(|field| field == "_id" || indexed.contains(&field.as_str()));
        if !is_served && !SMALL.contains(&collection) {
            let fields: Vec<_> = filter.keys().collect();
            objections.push(format!("{collection}: no index for {fields:?}"));
        }
        for field in ["email_key", "username"] {
            let condition = filter.get(field).and_then(Bson::as_document);
            if filter.contains_key(field)
                && condition.is_none_or(|condition| !condition.contains_key("$exists"))
            {
                objections.push(format!("{collection}: {field} is sparse, and may be absent"));
            }
        }
    }
    objections
}

fn operators(name: &str, value: &Bson, objections: &mut Vec<String>) {
    match value {
        Bson::Document(document) => {
            for (key, value) in document {
                if key.starts_with('$') && !OPERATORS.contains(&key.as_str()) {
                    objections.push(format!("{name} with the operator {key}"));
                }
                operators(name, value, objections);
            }
        }
        Bson::Array(items) => items.iter().for_each(|item| operators(name, item, objections)),
        _ => {}
    }
}

/// No cursor and no new collection in a transaction, and no retryable write outside of one.
fn in_transaction(name: &str, command: &Document) -> Option<String> {
    if !command.contains_key("txnNumber") {
        return None;
    }
    let is_known = ["insert", "update", "delete", "commitTransaction", "abortTransaction"];
    if !command.contains_key("autocommit") {
        return Some(format!("{name} as a retryable write"));
    }
    // One document needs no cursor, which is what transactions must not have.
    let is_find_one = name == "find" && command.contains_key("singleBatch");
    (!is_known.contains(&name) && !is_find_one).then(|| format!("{name} in a transaction"))
}

/// No pipeline as an update, no collation or partial filter of an index, no result without an
/// order.
fn shapes(name: &str, command: &Document) -> Vec<String> {
    let mut objections = Vec::new();
    let list = |field: &str| command.get_array(field).cloned().unwrap_or_default();
    for update in list("updates").iter().filter_map(Bson::as_document) {
        if !matches!(update.get("u"), Some(Bson::Document(_))) {
            objections.push("update with a pipeline".to_owned());
        }
        for word in update.keys().filter(|word| !["q", "u", "multi", "upsert"].contains(&&***word))
        {
            objections.push(format!("update with {word}"));
        }
    }
    if matches!(command.get("update"), Some(Bson::Array(_))) {
        objections.push("findAndModify with a pipeline".to_owned());
    }
    for index in list("indexes").iter().filter_map(Bson::as_document) {
        for word in index.keys().filter(|word| !INDEX_WORDS.contains(&word.as_str())) {
            objections.push(format!("an index with {word}"));
        }
    }
    if name == "find" && !command.contains_key("singleBatch") && !command.contains_key("sort") {
        objections.push("find of many without an order".to_owned());
    }
    objections
}

#[cfg(test)]
mod tests {
    use mongodb::bson::doc;

    use super::*;

    #[test]
    fn what_documentdb_does_not_have_is_objected_to() {
        let id = doc! { "_id": 1 };
        for command in [
            doc! { "aggregate": "users", "pipeline": [] },
            doc! { "find": "users", "filter": &id },
            doc! { "find": "users", "filter": { "$where": "true" }, "singleBatch": true },
            doc! { "find": "users", "filter": &id, "sort": &id, "collation": {} },
            doc! { "find": "users", "filter": { "a": [{ "b": { "$expr": 1 } }] }, "sort": &id },
            doc! { "update": "users", "updates": [{ "q": &id, "u": [{ "$set": &id }] }] },
            doc! { "update": "users", "updates": [{ "q": &id, "u": &id, "hint": &id }] },
            doc! { "findAndModify": "users", "query": &id, "update": [{ "$set": &id }] },
            doc! { "insert": "users", "documents": [&id], "txnNumber": 1_i64 },
            doc! { "find": "users", "sort": &id, "txnNumber": 1_i64, "autocommit": false },
            doc! { "create": "users", "capped": true },
            doc! { "find": "users", "filter": { "email": "" }, "singleBatch": true },
            doc! { "find": "users", "filter": { "email_key": "" }, "singleBatch": true },
            doc! { "delete": "mails", "deletes": [{ "q": { "state": "dead" }, "limit": 0 }] },
            doc! { "createIndexes": "users", "indexes": [{ "key": &id, "collation": {} }] },
            doc! { "createIndexes": "users", "indexes": [{ "key": &id, "hidden": true }] },
        ] {
            assert!(!objections(&command).is_empty(), "{command}");
        }
        let find = doc! { "find": "users", "filter": &id, "sort": &id, "$db": "doorward" };
        assert_eq!(objections(&find), [""; 0]);
    }
}
