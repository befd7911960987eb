//! What is left of those who left.

use contracts::{EraseUser, Replaced, StoreError};
use domain::Timestamp;
use mongodb::bson::{Bson, doc};

use crate::MongoStorage;
use crate::codes::delete_codes;
use crate::collections::{
    CODES, DEVICES, MAILS, PENDING_SIGN_INS, REMAINS, SESSIONS, TRUSTED_DEVICES, USERS,
};
use crate::documents::counter;
use crate::notices::insert_notices;
use crate::operation::{Guard, Operation, Step};
use crate::outcomes::replaced;
use crate::reads::Page;
use crate::revocations::insert_revocation;
use crate::user_documents::tombstone;

/// What belongs to users beside their record.
const KINDS: [&str; 6] = [SESSIONS, DEVICES, TRUSTED_DEVICES, PENDING_SIGN_INS, CODES, MAILS];

/// How many users are looked after by one command.
const USERS_AT_ONCE: usize = 200;

impl MongoStorage {
    pub(crate) async fn erase(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        let user = erasure.user.as_str();
        let mut operation = Operation::traced(USERS, user);
        operation.push(Step::Replace {
            of: USERS,
            filter: doc! { "_id": user, "version": counter(erasure.version) },
            document: tombstone(erasure, operation.id),
            guard: Guard::Record,
        });
        let remains = doc! { "_id": user, "since": erasure.at.unix_ms() };
        operation.push(Step::Insert { into: REMAINS, documents: vec![remains] });
        operation.push(delete_codes(&erasure.user));
        let filter = doc! { "user_id": user };
        operation.push(Step::Delete { from: MAILS, filter, guard: None });
        operation.extend(insert_notices(&erasure.notices));
        operation.extend(insert_revocation(&erasure.revocation));
        replaced(self.write(operation).await?)
    }

    /// Looks after everybody who may have left something, a page at a time: the oldest are not
    /// settled for a while, and must not hide the others.
    pub(crate) async fn purge(
        &self,
        settled: Timestamp,
        limit: usize,
    ) -> Result<usize, StoreError> {
        let mut left = KINDS.map(|kind| (kind, limit));
        let mut after = Bson::String(String::new());
        while left.iter().all(|(_, left)| *left > 0) {
            let filter = doc! { "_id": { "$gt": after } };
            let page = Page { of: REMAINS, filter, order: doc! { "_id": 1 }, limit: USERS_AT_ONCE };
            let users = self.list_ids(page).await?;
            let Some(last) = users.last().cloned() else { break };
            after = last;
            if self.purge_of(&users, &mut left).await? {
                let filter =
                    doc! { "_id": { "$in": users }, "since": { "$lte": settled.unix_ms() } };
                self.delete(REMAINS, filter).await?;
            }
        }
        Ok(left.iter().map(|(_, left)| limit - left).sum())
    }

    /// Returns whether nothing is left.
    async fn purge_of(
        &self,
        users: &[Bson],
        left: &mut [(&'static str, usize)],
    ) -> Result<bool, StoreError> {
        let mut is_clean = true;
        for (kind, left) in left {
            let filter = doc! { "user_id": { "$in": users } };
            let page = Page { of: kind, filter, order: doc! { "user_id": 1 }, limit: *left };
            let swept = self.sweep_page(page).await?;
            // A page that is not full was the last, whoever removed what was on it.
            is_clean &= swept.found < *left;
            *left -= swept.deleted.min(*left);
        }
        Ok(is_clean)
    }
}
