//! Reading items by their keys, always as they are now.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::ProvideErrorMetadata as _;
use aws_sdk_dynamodb::operation::transact_get_items::TransactGetItemsError;
use aws_sdk_dynamodb::types::{Get, KeysAndAttributes, TransactGetItem};
use contracts::StoreError;

use crate::DynamoStorage;
use crate::failure::{failed, is_passing, malformed, unavailable};
use crate::operation::{TURNS_MAX, wait};
use crate::query::key_of;
use crate::row::Item;
use crate::table::Key;

/// The most keys of one batch.
const BATCH_MAX: usize = 100;

impl DynamoStorage {
    /// The item of that key.
    pub(crate) async fn find(&self, key: &Key) -> Result<Option<Item>, StoreError> {
        let found = self
            .client
            .get_item()
            .table_name(&*self.table)
            .set_key(Some(key.item()))
            .consistent_read(true)
            .send()
            .await
            .map_err(|error| failed(&error))?;
        Ok(found.item)
    }

    /// Two items as they were at one moment.
    pub(crate) async fn find_both(&self, keys: [&Key; 2]) -> Result<[Option<Item>; 2], StoreError> {
        let gets = keys.iter().map(|key| self.get(key)).collect::<Result<Vec<_>, _>>()?;
        let mut turn = 0;
        loop {
            turn += 1;
            let request = self.client.transact_get_items().set_transact_items(Some(gets.clone()));
            let error = match request.send().await {
                Ok(found) => {
                    let mut items = found.responses.unwrap_or_default().into_iter();
                    let mut next = || items.next().and_then(|response| response.item);
                    return Ok([next(), next()]);
                }
                Err(error) => error,
            };
            let is_met = match error.as_service_error() {
                Some(TransactGetItemsError::TransactionCanceledException(cancelled)) => {
                    cancelled.cancellation_reasons().iter().any(|reason| is_passing(reason.code()))
                }
                _ => is_passing(error.code()),
            };
            if !is_met || turn == TURNS_MAX {
                return Err(failed(&error));
            }
            wait(&keys[1].sk, turn).await;
        }
    }

    fn get(&self, key: &Key) -> Result<TransactGetItem, StoreError> {
        let get = Get::builder().table_name(&*self.table).set_key(Some(key.item())).build();
        let get = get.map_err(|_| malformed("key", "something is missing"))?;
        Ok(TransactGetItem::builder().get(get).build())
    }

    /// The items of those keys that are there, in the order of the keys.
    pub(crate) async fn find_all(&self, keys: &[Key]) -> Result<Vec<Item>, StoreError> {
        let mut found = HashMap::new();
        for batch in keys.chunks(BATCH_MAX) {
            let mut left: Vec<Item> = batch.iter().map(Key::item).collect();
            let mut turn = 0;
            while !left.is_empty() {
                turn += 1;
                if turn > TURNS_MAX {
                    return Err(unavailable("the table gives only a part of what was asked for"));
                }
                if turn > 1 {
                    wait(&batch[0].pk, turn).await;
                }
                let (items, rest) = self.find_batch(left).await?;
                for item in items {
                    found.insert(key_of(&item)?, item);
                }
                left = rest;
            }
        }
        Ok(keys.iter().filter_map(|key| found.remove(key)).collect())
    }

    async fn find_batch(&self, keys: Vec<Item>) -> Result<(Vec<Item>, Vec<Item>), StoreError> {
        let wanted = KeysAndAttributes::builder().set_keys(Some(keys)).consistent_read(true);
        let wanted = wanted.build().map_err(|_| malformed("key", "something is missing"))?;
        let request = self.client.batch_get_item().request_items(&*self.table, wanted);
        let mut output = request.send().await.map_err(|error| failed(&error))?;
        let items = output.responses.as_mut().and_then(|tables| tables.remove(&*self.table));
        let rest = output.unprocessed_keys.as_mut().and_then(|tables| tables.remove(&*self.table));
        Ok((items.unwrap_or_default(), rest.map(|rest| rest.keys).unwrap_or_default()))
    }
}
