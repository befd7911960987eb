//! Reads, and deletions a page at a time. Each finds its documents by an index and says in which
//! order it wants them: DocumentDB has none of its own.

use std::sync::Arc;

use contracts::StoreError;
use futures_util::TryStreamExt as _;
use mongodb::bson::{Bson, Document, doc};

use crate::MongoStorage;
use crate::attempts::{Attempt, retrying};
use crate::operation::{Operation, Written};

/// Which documents of a collection, in which order.
#[derive(Clone)]
pub(crate) struct Page {
    pub(crate) of: &'static str,
    pub(crate) filter: Document,
    pub(crate) order: Document,
    pub(crate) limit: usize,
}

/// What became of a page of documents.
pub(crate) struct Swept {
    pub(crate) found: usize,
    /// By this caller.
    pub(crate) deleted: usize,
}

impl MongoStorage {
    /// Runs an operation.
    pub(crate) async fn write(&self, operation: Operation) -> Result<Written, StoreError> {
        let operation = &Arc::new(operation);
        retrying(&self.connection, |attempt| operation.attempt(attempt)).await
    }

    /// The one document that the filter finds.
    pub(crate) async fn find_one(
        &self,
        collection: &'static str,
        filter: Document,
    ) -> Result<Option<Document>, StoreError> {
        let filter = &filter;
        retrying(&self.connection, |Attempt { connected, .. }| async move {
            let collection = connected.database.collection::<Document>(collection);
            collection.find_one(filter.clone()).await
        })
        .await
    }

    /// A page of documents.
    pub(crate) async fn list(&self, page: Page) -> Result<Vec<Document>, StoreError> {
        self.select(page, None).await
    }

    /// The ids of a page of documents.
    pub(crate) async fn list_ids(&self, page: Page) -> Result<Vec<Bson>, StoreError> {
        let found = self.select(page, Some(doc! { "_id": 1 })).await?;
        Ok(found.into_iter().filter_map(|mut document| document.remove("_id")).collect())
    }

    async fn select(
        &self,
        page: Page,
        fields: Option<Document>,
    ) -> Result<Vec<Document>, StoreError> {
        // To the server, a limit of nothing is none.
        if page.limit == 0 {
            return Ok(Vec::new());
        }
        let (page, fields) = (&page, &fields);
        retrying(&self.connection, |Attempt { connected, .. }| async move {
            let limit = i64::try_from(page.limit).unwrap_or(i64::MAX);
            let collection = connected.database.collection::<Document>(page.of);
            let mut find =
                collection.find(page.filter.clone()).sort(page.order.clone()).limit(limit);
            if let Some(fields) = fields {
                find = find.projection(fields.clone());
            }
            find.await?.try_collect().await
        })
        .await
    }

    /// Removes a page of documents that still are as the page wants them. Of several callers at
    /// once, one counts each.
    pub(crate) async fn sweep_page(&self, page: Page) -> Result<Swept, StoreError> {
        let (collection, mut filter) = (page.of, page.filter.clone());
        let ids = self.list_ids(page).await?;
        let found = ids.len();
        if found == 0 {
            return Ok(Swept { found, deleted: 0 });
        }
        filter.insert("_id", doc! { "$in": ids });
        Ok(Swept { found, deleted: self.delete(collection, filter).await? })
    }

    /// Removes all documents that the filter finds; already gone is success. Returns how many went.
    pub(crate) async fn delete(
        &self,
        collection: &'static str,
        filter: Document,
    ) -> Result<usize, StoreError> {
        let filter = &filter;
        let deleted = retrying(&self.connection, |Attempt { connected, .. }| async move {
            let collection = connected.database.collection::<Document>(collection);
            collection.delete_many(filter.clone()).await
        })
        .await?;
        Ok(usize::try_from(deleted.deleted_count).unwrap_or(usize::MAX))
    }

    /// Changes all documents that the filter finds. Returns how many there were.
    pub(crate) async fn update_all(
        &self,
        collection: &'static str,
        filter: Document,
        change: Document,
    ) -> Result<u64, StoreError> {
        let (filter, change) = (&filter, &change);
        let updated = retrying(&self.connection, |Attempt { connected, .. }| async move {
            let collection = connected.database.collection::<Document>(collection);
            collection.update_many(filter.clone(), change.clone()).await
        })
        .await?;
        Ok(updated.matched_count)
    }
}
