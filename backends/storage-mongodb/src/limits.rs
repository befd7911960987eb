//! Quotas as one moment each: when the quota is whole again. Rows of quotas that are whole are
//! swept, and mean the same as none.

use async_trait::async_trait;
use contracts::{Draw, Drawn, Limiter, StoreError};
use domain::Timestamp;
use mongodb::bson::{Bson, Document, doc};

use crate::MongoStorage;
use crate::attempts::{Attempt, DUPLICATE_KEY, code, in_time, retrying, unavailable};
use crate::collections::LIMITS;
use crate::documents::{Fields, binary};

/// How often a draw looks again where others drew or gave back between its two commands.
const LOOKS_MAX: u32 = 16;

#[async_trait]
impl Limiter for MongoStorage {
    async fn draw(&self, draw: &Draw) -> Result<Drawn, StoreError> {
        let latest = draw.at.plus(draw.quota.reach());
        in_time(async {
            for _ in 0..LOOKS_MAX {
                if self.draw_further(draw, latest).await? || self.draw_first(draw).await? {
                    return Ok(Drawn::Yes);
                }
                let found = self.find_one(LIMITS, doc! { "_id": key(draw) }).await?;
                if let Some(found) = found {
                    let whole_at = Fields(&found).moment("whole_at")?;
                    if let Err(wait) = draw.quota.draw(Some(whole_at), draw.at) {
                        return Ok(Drawn::No { wait });
                    }
                }
            }
            Err(unavailable("too many draw on one quota"))
        })
        .await
    }

    async fn give_back(&self, draw: &Draw) -> Result<(), StoreError> {
        let filter = &doc! { "_id": key(draw), "whole_at": { "$gt": draw.at.unix_ms() } };
        let change = &doc! { "$inc": { "whole_at": -step_ms(draw) } };
        retrying(&self.connection, |Attempt { connected, may_be_done, .. }| async move {
            // A gift that is lost costs one draw, one that is made twice opens the quota.
            if may_be_done {
                return Ok(());
            }
            let limits = connected.database.collection::<Document>(LIMITS);
            limits.update_one(filter.clone(), change.clone()).await.map(|_| ())
        })
        .await
    }
}

impl MongoStorage {
    /// Draws on a quota that is not whole, if it has something left.
    async fn draw_further(&self, draw: &Draw, latest: Timestamp) -> Result<bool, StoreError> {
        let before = latest.minus(draw.quota.step());
        let range = doc! { "$gt": draw.at.unix_ms(), "$lte": before.unix_ms() };
        let filter = doc! { "_id": key(draw), "whole_at": range };
        let change = doc! { "$inc": { "whole_at": step_ms(draw) } };
        Ok(self.update_all(LIMITS, filter, change).await? > 0)
    }

    /// Draws on a quota that is whole, whether or not it was ever drawn on.
    async fn draw_first(&self, draw: &Draw) -> Result<bool, StoreError> {
        let filter = &doc! { "_id": key(draw), "whole_at": { "$lte": draw.at.unix_ms() } };
        let whole_at = draw.at.plus(draw.quota.step());
        let change = &doc! { "$set": { "whole_at": whole_at.unix_ms() } };
        retrying(&self.connection, |Attempt { connected, .. }| async move {
            let limits = connected.database.collection::<Document>(LIMITS);
            match limits.update_one(filter.clone(), change.clone()).upsert(true).await {
                Ok(_) => Ok(true),
                // It is there, and not whole.
                Err(error) if code(&error) == Some(DUPLICATE_KEY) => Ok(false),
                Err(error) => Err(error),
            }
        })
        .await
    }
}

fn key(draw: &Draw) -> Bson {
    binary(&draw.key.0)
}

fn step_ms(draw: &Draw) -> i64 {
    i64::try_from(draw.quota.step().as_millis()).unwrap_or(i64::MAX)
}
