//! Writing several items at once.
//!
//! See `operation.rs` for how a repeated request finds out whether it was carried out.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, TransactWriteItem, Update,
};
use contracts::StoreError;
use domain::Revocation;

use crate::DynamoStorage;
use crate::failure::{failed, is_passing, malformed, unavailable};
use crate::operation::{TURNS_MAX, wait};
use crate::row::Item;
use crate::write::{Action, Verb, conditioned};

/// The most actions of one transaction.
pub(crate) const ACTIONS_MAX: usize = 100;
/// The actions of a revocation.
const REVOKING: usize = 2;

/// What the condition of an action is about, so that its refusal can be named.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Guard {
    /// The record that the operation is about.
    Record,
    /// A one-time code.
    Code,
    /// Whose an address is.
    Email,
    /// Whose a user name is.
    Username,
    /// The session that lives on.
    Session,
    /// The part of the revocation sequence, which others may have raised: never a reason to refuse.
    Sequence,
    /// An item that cannot be there, or that no condition is about.
    Other,
}

/// Actions on different items, of which all are carried out or none.
#[derive(Default)]
pub(crate) struct Transaction {
    actions: Vec<(Guard, Action)>,
    revokes: Option<Revocation>,
}

/// A transaction as it is sent: the same again, until its outcome is certain.
struct Request {
    token: String,
    guards: Vec<Guard>,
    items: Vec<TransactWriteItem>,
}

/// What an answer without success says.
enum Verdict {
    Refused(Refusals),
    /// Nothing was written, because others were in the way.
    Cancelled,
    /// The same request may succeed.
    Open,
    Failed,
}

/// What became of a transaction.
pub(crate) enum Transacted {
    Done,
    /// These conditions did not hold; with the items as they stand.
    Refused(Refusals),
}

/// The conditions that did not hold.
pub(crate) struct Refusals(Vec<(Guard, Item)>);

impl Refusals {
    /// The item whose condition did not hold; empty if there is none.
    pub(crate) fn of(&self, guard: Guard) -> Option<&Item> {
        self.0.iter().find(|(refused, _)| *refused == guard).map(|(_, item)| item)
    }

    pub(crate) fn has(&self, guard: Guard) -> bool {
        self.of(guard).is_some()
    }

    /// The failure that these are, where none of them can be.
    pub(crate) fn unexpected(&self) -> StoreError {
        let guards: Vec<Guard> = self.0.iter().map(|(guard, _)| *guard).collect();
        StoreError::Malformed { what: "outcome", source: format!("refused by {guards:?}").into() }
    }
}

impl Transaction {
    pub(crate) fn guarded(mut self, guard: Guard, action: Action) -> Self {
        self.actions.push((guard, action));
        self
    }

    /// Tells of a revocation, too, and raises the sequence.
    pub(crate) fn revoking(mut self, revocation: &Revocation) -> Self {
        self.revokes = Some(revocation.clone());
        self
    }

    pub(crate) fn and(self, action: Action) -> Self {
        self.guarded(Guard::Other, action)
    }

    pub(crate) fn all(self, actions: impl IntoIterator<Item = Action>) -> Self {
        actions.into_iter().fold(self, Self::and)
    }

    /// How many more actions there is room for.
    pub(crate) fn room(&self) -> usize {
        ACTIONS_MAX.saturating_sub(self.count())
    }

    fn count(&self) -> usize {
        self.actions.len() + if self.revokes.is_some() { REVOKING } else { 0 }
    }
}

impl DynamoStorage {
    /// Carries out a transaction that no condition may refuse.
    pub(crate) async fn transact_all(&self, transaction: Transaction) -> Result<(), StoreError> {
        match self.transact(transaction).await? {
            Transacted::Done => Ok(()),
            Transacted::Refused(refusals) => Err(refusals.unexpected()),
        }
    }

    /// Carries out a transaction.
    pub(crate) async fn transact(&self, from: Transaction) -> Result<Transacted, StoreError> {
        if from.count() > ACTIONS_MAX {
            return Err(unavailable("an operation changes more items than a transaction takes"));
        }
        let mut request = self.request(&from).await?;
        for turn in 1.. {
            let sent = self
                .client
                .transact_write_items()
                .client_request_token(&request.token)
                .set_transact_items(Some(request.items.clone()))
                .send()
                .await;
            let Err(error) = sent else { return Ok(Transacted::Done) };
            let is_last = turn == TURNS_MAX;
            let verdict = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    verdict(&request.guards, cancelled.cancellation_reasons(), is_last)
                }
                _ if is_passing(error.code()) => Verdict::Open,
                _ => Verdict::Failed,
            };
            match verdict {
                Verdict::Refused(refusals) => return Ok(Transacted::Refused(refusals)),
                Verdict::Cancelled if !is_last => {
                    wait(&request.token, turn).await;
                    request = self.request(&from).await?;
                }
                Verdict::Open if !is_last => wait(&request.token, turn).await,
                _ => return Err(failed(&error)),
            }
        }
        Err(unavailable("others were in the way again and again"))
    }

    async fn request(&self, from: &Transaction) -> Result<Request, StoreError> {
        let token = self.operations.begin();
        let mut guards: Vec<Guard> = from.actions.iter().map(|(guard, _)| *guard).collect();
        let mut items: Vec<TransactWriteItem> =
            from.actions.iter().map(|(_, action)| self.action(action)).collect::<Result<_, _>>()?;
        if let Some(revocation) = &from.revokes {
            let [raise, put] = self.revoke(revocation, &token).await?;
            guards.extend([Guard::Sequence, Guard::Other]);
            items.extend([self.action(&raise)?, self.action(&put)?]);
        }
        Ok(Request { token, guards, items })
    }

    fn action(&self, action: &Action) -> Result<TransactWriteItem, StoreError> {
        let item = TransactWriteItem::builder();
        let built = match &action.verb {
            Verb::Put(put) => self.put_item(action, put).map(|put| item.put(put)),
            Verb::Update { key, .. } => {
                self.update_item(action, key.item()).map(|update| item.update(update))
            }
            Verb::Delete(key) => {
                self.delete_item(action, key.item()).map(|delete| item.delete(delete))
            }
            Verb::Check(key) => {
                self.check_item(action, key.item()).map(|check| item.condition_check(check))
            }
        };
        built
            .map(TransactWriteItemBuilder::build)
            .map_err(|_| malformed("action", "something is missing"))
    }

    fn put_item(&self, action: &Action, item: &Item) -> Result<Put, BuildError> {
        let request = Put::builder().table_name(&*self.table).set_item(Some(item.clone()));
        conditioned!(request, action).build()
    }

    fn update_item(&self, action: &Action, key: Item) -> Result<Update, BuildError> {
        let request = Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key))
            .set_update_expression(action.expression());
        conditioned!(request, action).build()
    }

    fn delete_item(&self, action: &Action, key: Item) -> Result<Delete, BuildError> {
        let request = Delete::builder().table_name(&*self.table).set_key(Some(key));
        conditioned!(request, action).build()
    }

    fn check_item(&self, action: &Action, key: Item) -> Result<ConditionCheck, BuildError> {
        let request = ConditionCheck::builder().table_name(&*self.table).set_key(Some(key));
        conditioned!(request, action).build()
    }
}

/// Reasons stand in the order of the actions; where nothing is wrong, the code is the word "None".
/// A refusal may be only half of the story while others are in the way.
fn verdict(guards: &[Guard], reasons: &[CancellationReason], is_last: bool) -> Verdict {
    let is_met = reasons.iter().any(|reason| is_passing(reason.code()));
    let mut refusals = refusals(guards, reasons);
    let is_overtaken = refusals.has(Guard::Sequence);
    refusals.0.retain(|(guard, _)| *guard != Guard::Sequence);
    if !refusals.0.is_empty() && (!is_met || is_last) {
        Verdict::Refused(refusals)
    } else if is_met || is_overtaken {
        Verdict::Cancelled
    } else {
        Verdict::Failed
    }
}

fn refusals(guards: &[Guard], reasons: &[CancellationReason]) -> Refusals {
    let is_refusal = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    let refused = guards.iter().zip(reasons).filter(|(_, reason)| is_refusal(reason));
    Refusals(
        refused.map(|(guard, reason)| (*guard, reason.item.clone().unwrap_or_default())).collect(),
    )
}
