//! Records of the deployment.

use contracts::{Inserted, OutboxEvent, Record, Replaced};

use crate::Backend;
use crate::fixtures::{count_of, event, race};

/// A record is not there until it is inserted, and is then version 1.
pub async fn an_inserted_record_is_found(backend: &Backend) {
    assert_eq!(backend.records.find_record("key-ring").await.unwrap(), None);
    let inserted = backend.records.insert_record("key-ring", b"first", &[]).await.unwrap();
    assert_eq!(inserted, Inserted::Yes);
    let expected = Record { version: 1, content: (*b"first").into() };
    assert_eq!(backend.records.find_record("key-ring").await.unwrap(), Some(expected));
    assert_eq!(backend.records.find_record("Key-Ring").await.unwrap(), None);
}

/// What another replica wrote is not overwritten.
pub async fn a_record_is_not_inserted_twice(backend: &Backend) {
    backend.records.insert_record("key-ring", b"first", &[]).await.unwrap();
    let inserted = backend.records.insert_record("key-ring", b"second", &[]).await.unwrap();
    assert_eq!(inserted, Inserted::Exists);
    let found = backend.records.find_record("key-ring").await.unwrap().unwrap();
    assert_eq!(&*found.content, b"first");
    // Another name is another record.
    let inserted = backend.records.insert_record("other", b"second", &[]).await.unwrap();
    assert_eq!(inserted, Inserted::Yes);
}

/// Sixteen replicas start on an empty store: one makes the key ring, the others read it.
pub async fn one_of_many_callers_inserts_a_record(backend: &Backend) {
    let answers = race(16, |number| {
        let records = backend.records.clone();
        let content = number.to_be_bytes();
        async move { (content, records.insert_record("key-ring", &content, &[]).await.unwrap()) }
    })
    .await;
    let winners: Vec<_> =
        answers.iter().filter(|(_, inserted)| *inserted == Inserted::Yes).collect();
    assert_eq!(winners.len(), 1);
    let found = backend.records.find_record("key-ring").await.unwrap().unwrap();
    assert_eq!(*found.content, winners[0].0);
}

/// A replacement over the version that was read stands, and raises it.
pub async fn a_replacement_raises_the_version(backend: &Backend) {
    backend.records.insert_record("key-ring", b"first", &[]).await.unwrap();
    backend.records.insert_record("other", b"other", &[]).await.unwrap();
    for (version, content) in [(1, "second"), (2, "third")] {
        let content = content.as_bytes();
        let replaced =
            backend.records.replace_record("key-ring", version, content, &[]).await.unwrap();
        assert_eq!(replaced, Replaced::Yes);
        let expected = Record { version: version + 1, content: content.into() };
        assert_eq!(backend.records.find_record("key-ring").await.unwrap(), Some(expected));
    }
    let other = Record { version: 1, content: (*b"other").into() };
    assert_eq!(backend.records.find_record("other").await.unwrap(), Some(other));
}

/// A replacement decided on another version, or on a record that is not there, writes nothing.
pub async fn a_replacement_over_another_version_is_stale(backend: &Backend) {
    backend.records.insert_record("key-ring", b"first", &[]).await.unwrap();
    for version in [0, 2] {
        let replaced =
            backend.records.replace_record("key-ring", version, b"x", &[]).await.unwrap();
        assert_eq!(replaced, Replaced::Stale);
    }
    let expected = Record { version: 1, content: (*b"first").into() };
    assert_eq!(backend.records.find_record("key-ring").await.unwrap(), Some(expected));

    let replaced = backend.records.replace_record("other", 1, b"x", &[]).await.unwrap();
    assert_eq!(replaced, Replaced::Stale);
    assert_eq!(backend.records.find_record("other").await.unwrap(), None);
}

/// Sixteen replicas add a key at once: one does, the others must look again.
pub async fn one_of_many_callers_replaces_a_record(backend: &Backend) {
    backend.records.insert_record("key-ring", b"first", &[]).await.unwrap();
    let answers =
        race(16, |number| {
            let records = backend.records.clone();
            async move {
                records.replace_record("key-ring", 1, &number.to_be_bytes(), &[]).await.unwrap()
            }
        })
        .await;
    assert_eq!(count_of(&answers, &Replaced::Yes), 1);
    assert_eq!(backend.records.find_record("key-ring").await.unwrap().unwrap().version, 2);
}

/// Content is bytes, not text: none, zeros, and as much as a ring of many keys takes.
pub async fn a_record_holds_any_bytes(backend: &Backend) {
    let every_byte: Vec<u8> = (0..=u8::MAX).collect();
    let contents = [Vec::new(), vec![0], every_byte.clone(), every_byte.repeat(256)];
    for (number, content) in contents.into_iter().enumerate() {
        let name = format!("record-{number}");
        backend.records.insert_record(&name, &content, &[]).await.unwrap();
        let found = backend.records.find_record(&name).await.unwrap().unwrap();
        assert_eq!(&*found.content, content);
    }
}

/// What others wrote is not told again, and neither is what was decided on another version.
pub async fn events_are_there_exactly_if_the_record_changes(backend: &Backend) {
    let records = &backend.records;
    let told = |number| [OutboxEvent { subject: None, ..event(number) }, event(number + 1)];
    let inserted = records.insert_record("key-ring", b"first", &told(1)).await.unwrap();
    assert_eq!(inserted, Inserted::Yes);
    let inserted = records.insert_record("key-ring", b"second", &told(3)).await.unwrap();
    assert_eq!(inserted, Inserted::Exists);
    let replaced = records.replace_record("key-ring", 1, b"third", &told(5)).await.unwrap();
    assert_eq!(replaced, Replaced::Yes);
    for (name, version) in [("key-ring", 1), ("key-ring", 3), ("other", 1)] {
        let replaced = records.replace_record(name, version, b"fourth", &told(7)).await.unwrap();
        assert_eq!(replaced, Replaced::Stale);
    }
    let expected = Record { version: 2, content: (*b"third").into() };
    assert_eq!(records.find_record("key-ring").await.unwrap(), Some(expected));
    assert_eq!(backend.events().await, [told(1), told(5)].concat());
}

/// Pages follow each other by name, with what is kept now.
pub async fn records_are_listed_by_name_page_after_page(backend: &Backend) {
    let records = &backend.records;
    assert_eq!(records.list_records(None, 10).await.unwrap(), []);
    for name in ["c", "a", "d", "b"] {
        records.insert_record(name, name.as_bytes(), &[]).await.unwrap();
    }
    records.replace_record("b", 1, b"other", &[]).await.unwrap();
    let kept = |name: &str, version, content: &[u8]| {
        (name.to_owned(), Record { version, content: content.into() })
    };
    let all = [kept("a", 1, b"a"), kept("b", 2, b"other"), kept("c", 1, b"c"), kept("d", 1, b"d")];
    assert_eq!(records.list_records(None, 10).await.unwrap(), all);
    assert_eq!(records.list_records(None, 2).await.unwrap(), all[..2]);
    assert_eq!(records.list_records(Some("b"), 2).await.unwrap(), all[2..]);
    assert_eq!(records.list_records(Some("bb"), 1).await.unwrap(), all[2..3]);
    assert_eq!(records.list_records(Some("d"), 2).await.unwrap(), []);
}
