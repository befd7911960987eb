//! The sealed keys of sessions, for whoever seals them anew.

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::{Replaced, Resealed, SealedKey, StoreError};
use domain::{SessionId, UserId};

use crate::DynamoStorage;
use crate::fields::{Fields, bytes, moment, text};
use crate::query::{Range, key_of};
use crate::row::{Item, Row};
use crate::rows::to_session_id;
use crate::table::{Key, Kind, SHARDS, shard_of};
use crate::write::{Action, Written};

impl DynamoStorage {
    /// The index of moments has every session: shard by shard, each by expiry.
    pub(crate) async fn list_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        let mut start = after.map(place_of);
        let first = after.map_or(0, |key| shard_of(&key.session.to_string()));
        let mut keys = Vec::new();
        for shard in first..SHARDS {
            let range = Range::all_by_moment(Kind::Session.partition(shard));
            let mut range = range.starting_after(start.take());
            // What the index still has may be gone from the table: then there is more to find.
            while keys.len() < limit {
                let wanted = limit - keys.len();
                let found = self.list(&range, wanted).await?;
                let is_last = found.len() < wanted;
                let last = found.last().cloned();
                keys.extend(self.find_keys(&found).await?);
                if is_last {
                    break;
                }
                range = range.starting_after(last);
            }
        }
        Ok(keys)
    }

    /// The keys as they are in the table, in the order in which the index found them.
    async fn find_keys(&self, found: &[Item]) -> Result<Vec<SealedKey>, StoreError> {
        let places = found.iter().map(key_of).collect::<Result<Vec<_>, _>>()?;
        let numbered = places.into_iter().enumerate().collect();
        let find = |storage: Self, (number, place): (usize, Key)| async move {
            Ok((number, storage.find(&place).await?))
        };
        let mut items = self.each(numbered, find).await?;
        items.sort_by_key(|(number, _)| *number);
        items.iter().filter_map(|(_, item)| item.as_ref()).map(to_sealed_key).collect()
    }

    pub(crate) async fn replace_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        let fields = Fields::default().with("sealed_refresh_key", bytes(&key.new));
        let action = Action::update(Key::session(user, session), fields)
            .when("#sealed_refresh_key = :old")
            .value(":old", bytes(&key.old));
        match self.write(action).await? {
            Written::Done(_) => Ok(Replaced::Yes),
            Written::Unmet(_) => Ok(Replaced::Stale),
        }
    }
}

/// Where the index of moments has the session: also where it had one that is gone.
fn place_of(key: &SealedKey) -> Item {
    let partition = Kind::Session.partition(shard_of(&key.session.to_string()));
    let mut place = Key::session(&key.user, key.session).item();
    let index: [(&str, AttributeValue); 2] =
        [("GSI1PK", text(partition)), ("GSI1SK", moment(key.expires_at))];
    place.extend(index.map(|(name, value)| (name.to_owned(), value)));
    place
}

fn to_sealed_key(item: &Item) -> Result<SealedKey, StoreError> {
    let row = Row(item);
    Ok(SealedKey {
        user: row.user("user")?,
        session: to_session_id(row.text("id")?)?,
        expires_at: row.moment("expires_at_ms")?,
        sealed_refresh_key: row.bytes("sealed_refresh_key")?,
    })
}
