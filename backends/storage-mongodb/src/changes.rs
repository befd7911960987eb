//! Changes of one document, whose outcome is the document as it is then.

use contracts::StoreError;
use mongodb::Collection;
use mongodb::bson::oid::ObjectId;
use mongodb::bson::{Document, doc};
use mongodb::error::Error;
use mongodb::options::ReturnDocument;

use crate::MongoStorage;
use crate::attempts::{Attempt, retrying};

/// What is changed, if it is there. Its trace is the field `operation`.
pub(crate) struct Change {
    of: &'static str,
    /// Names the document.
    key: Document,
    /// What else must be true of it.
    pub(crate) guards: Document,
    /// Added to a field.
    pub(crate) adds: Option<(&'static str, i64)>,
    /// Fields from now on.
    pub(crate) sets: Document,
}

impl Change {
    /// A change of nothing but the trace.
    pub(crate) fn new(of: &'static str, key: Document) -> Self {
        Self { of, key, guards: Document::new(), adds: None, sets: Document::new() }
    }

    /// The command that makes the change.
    fn first(&self, operation: ObjectId) -> Command {
        let mut filter = self.key.clone();
        filter.extend(self.guards.clone());
        let mut fields = self.sets.clone();
        fields.insert("operation", operation);
        let mut update = doc! { "$set": fields };
        if let Some((field, number)) = self.adds {
            update.insert("$inc", doc! { field: number });
        }
        Command { filter, update }
    }

    /// The command that finds what a lost attempt has done. It writes the trace as it is, so that
    /// the answer comes when no failover takes it back.
    fn again(&self, operation: ObjectId) -> Command {
        let mut filter = self.key.clone();
        filter.insert("operation", operation);
        Command { filter, update: doc! { "$set": { "operation": operation } } }
    }
}

struct Command {
    filter: Document,
    update: Document,
}

impl Command {
    async fn run(&self, collection: &Collection<Document>) -> Result<Option<Document>, Error> {
        collection
            .find_one_and_update(self.filter.clone(), self.update.clone())
            .return_document(ReturnDocument::After)
            .await
    }
}

impl MongoStorage {
    /// Makes the change. Returns the document, if it was there as it had to be.
    pub(crate) async fn change(&self, change: &Change) -> Result<Option<Document>, StoreError> {
        let operation = ObjectId::new();
        let (first, again) = (&change.first(operation), &change.again(operation));
        retrying(&self.connection, |Attempt { connected, may_be_done, .. }| async move {
            let collection = connected.database.collection(change.of);
            if may_be_done && let Some(done) = again.run(&collection).await? {
                return Ok(Some(done));
            }
            match first.run(&collection).await? {
                // The lost attempt may have arrived only now.
                None if may_be_done => again.run(&collection).await,
                found => Ok(found),
            }
        })
        .await
    }
}
