//! Reading ranges of items.

use std::collections::HashMap;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::StoreError;
use domain::Timestamp;
use tokio::task::JoinSet;
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::failure::{failed, unavailable};
use crate::fields::{moment, text};
use crate::operation::OPERATION_MAX;
use crate::row::{Item, Row};
use crate::table::{BY_LIST, BY_MOMENT, Key, Kind, SHARDS};
use crate::write::names_in;

/// A page has at least so many items, so that a filter does not make many requests of one.
const PAGE_MIN: usize = 25;
/// A page has at most so many.
const PAGE_MAX: usize = 1000;
/// Requests at once, where there are many to make.
const AT_ONCE: usize = 16;

/// Items of one partition, in their order.
#[derive(Clone)]
pub(crate) struct Range {
    index: Option<&'static str>,
    condition: String,
    filter: Option<String>,
    values: HashMap<String, AttributeValue>,
    is_backward: bool,
    start: Option<Item>,
}

impl Range {
    /// A whole partition of the table, read as it is now.
    pub(crate) fn of(partition: impl Into<String>) -> Self {
        Self::new(None, "#PK = :pk", partition)
    }

    /// What [`BY_MOMENT`] finds in a partition up to a moment, the earliest first.
    pub(crate) fn due(partition: impl Into<String>, until: Timestamp) -> Self {
        Self::new(Some(BY_MOMENT), "#GSI1PK = :pk AND #GSI1SK <= :until", partition)
            .value(":until", moment(until))
    }

    /// What [`BY_MOMENT`] finds in a partition from a moment on, the earliest first.
    pub(crate) fn since(partition: impl Into<String>, from: Timestamp) -> Self {
        Self::new(Some(BY_MOMENT), "#GSI1PK = :pk AND #GSI1SK >= :from", partition)
            .value(":from", moment(from))
    }

    /// All that [`BY_MOMENT`] finds in a partition, the earliest first.
    pub(crate) fn all_by_moment(partition: impl Into<String>) -> Self {
        Self::new(Some(BY_MOMENT), "#GSI1PK = :pk", partition)
    }

    /// What [`BY_LIST`] finds in a partition, after a name.
    pub(crate) fn listed(partition: impl Into<String>, after: Option<&str>) -> Self {
        let range = Self::new(Some(BY_LIST), "#GSI2PK = :pk", partition);
        after.map_or(range.clone(), |after| range.and("#GSI2SK > :after", after))
    }

    fn new(index: Option<&'static str>, condition: &str, partition: impl Into<String>) -> Self {
        Self {
            index,
            condition: condition.to_owned(),
            filter: None,
            values: HashMap::from([(":pk".to_owned(), text(partition))]),
            is_backward: false,
            start: None,
        }
    }

    fn and(mut self, condition: &str, after: &str) -> Self {
        self.condition = format!("{} AND {condition}", self.condition);
        self.value(":after", text(after))
    }

    /// After that sort key.
    pub(crate) fn after(self, after: Option<&str>) -> Self {
        after.map_or(self.clone(), |after| self.and("#SK > :after", after))
    }

    /// After that item of an index, given by all its keys.
    pub(crate) fn starting_after(mut self, item: Option<Item>) -> Self {
        self.start = item;
        self
    }

    /// Only sort keys that begin so.
    pub(crate) fn starting(mut self, prefix: &str) -> Self {
        self.condition = format!("{} AND begins_with(#SK, :prefix)", self.condition);
        self.value(":prefix", text(prefix))
    }

    /// Only those for which this holds.
    pub(crate) fn filter(mut self, filter: &str) -> Self {
        self.filter = Some(filter.to_owned());
        self
    }

    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    /// The last first.
    pub(crate) fn backward(mut self) -> Self {
        self.is_backward = true;
        self
    }
}

impl DynamoStorage {
    /// The first `limit` items of the range.
    pub(crate) async fn list(&self, range: &Range, limit: usize) -> Result<Vec<Item>, StoreError> {
        let mut items: Vec<Item> = Vec::new();
        let mut start = range.start.clone();
        while items.len() < limit {
            let page = (limit - items.len()).clamp(PAGE_MIN, PAGE_MAX);
            let output = self
                .client
                .query()
                .table_name(&*self.table)
                .set_index_name(range.index.map(str::to_owned))
                .consistent_read(range.index.is_none())
                .key_condition_expression(&range.condition)
                .set_filter_expression(range.filter.clone())
                .set_expression_attribute_names(Some(names_in(
                    [range.condition.as_str()].into_iter().chain(range.filter.as_deref()),
                )))
                .set_expression_attribute_values(Some(range.values.clone()))
                .scan_index_forward(!range.is_backward)
                .limit(i32::try_from(page).unwrap_or(i32::MAX))
                .set_exclusive_start_key(start)
                .send()
                .await
                .map_err(|error| failed(&error))?;
            items.extend(output.items.unwrap_or_default());
            start = output.last_evaluated_key.filter(|key| !key.is_empty());
            if start.is_none() {
                break;
            }
        }
        items.truncate(limit);
        Ok(items)
    }

    /// The first `limit` items of the same range of every shard, in no order.
    pub(crate) async fn list_shards(
        &self,
        range: impl Fn(u64) -> Range,
        limit: usize,
    ) -> Result<Vec<Item>, StoreError> {
        let ranges: Vec<Range> = (0..SHARDS).map(range).collect();
        let pages = self
            .each(ranges, move |storage, range| async move { storage.list(&range, limit).await })
            .await?;
        Ok(pages.into_iter().flatten().collect())
    }

    /// When they are due, and the keys of the first `limit` items of that kind that are due by
    /// then, the earliest first, as far as the index knows.
    pub(crate) async fn list_due(
        &self,
        kind: Kind,
        until: Timestamp,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, StoreError> {
        self.list_by_moment(|shard| Range::due(kind.partition(shard), until), limit).await
    }

    /// When they are due, and the keys of the first `limit` items of the same range of moments in
    /// every shard, the earliest first.
    pub(crate) async fn list_by_moment(
        &self,
        range: impl Fn(u64) -> Range,
        limit: usize,
    ) -> Result<Vec<(Timestamp, Key)>, StoreError> {
        let mut due = Vec::new();
        for item in self.list_shards(range, limit).await? {
            due.push((Row(&item).moment("GSI1SK")?, key_of(&item)?));
        }
        due.sort_by_key(|(at, _)| *at);
        due.truncate(limit);
        Ok(due)
    }

    /// Does the same to each of many, some at once. The answers come in no order.
    pub(crate) async fn each<T, R, F>(
        &self,
        all: Vec<T>,
        run: impl Fn(Self, T) -> F,
    ) -> Result<Vec<R>, StoreError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, StoreError>> + Send + 'static,
    {
        let far_away = Instant::now() + OPERATION_MAX;
        self.each_until(far_away, all, run).await
    }

    /// Does the same to each of many, some at once, and begins with no more of them after `until`.
    pub(crate) async fn each_until<T, R, F>(
        &self,
        until: Instant,
        all: Vec<T>,
        run: impl Fn(Self, T) -> F,
    ) -> Result<Vec<R>, StoreError>
    where
        R: Send + 'static,
        F: Future<Output = Result<R, StoreError>> + Send + 'static,
    {
        let mut answers = Vec::with_capacity(all.len());
        let mut running = JoinSet::new();
        for one in all {
            if running.len() >= AT_ONCE
                && let Some(ended) = running.join_next().await
            {
                answers.push(ended.map_err(|_| unavailable("a task was ended"))??);
            }
            if Instant::now() >= until {
                break;
            }
            running.spawn(run(self.clone(), one));
        }
        while let Some(ended) = running.join_next().await {
            answers.push(ended.map_err(|_| unavailable("a task was ended"))??);
        }
        Ok(answers)
    }
}

/// The key of an item.
pub(crate) fn key_of(item: &Item) -> Result<Key, StoreError> {
    Ok(Key::new(Row(item).text("PK")?, Row(item).text("SK")?))
}
