//! Writing several items at once.
//!
//! See `operation.rs` for how a repeated request finds out whether it was carried out.

use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;
use aws_sdk_dynamodb::types::builders::TransactWriteItemBuilder;
use aws_sdk_dynamodb::types::{
    CancellationReason, ConditionCheck, Delete, Put, ReturnValuesOnConditionCheckFailure,
    TransactWriteItem, Update,
};
use contracts::StoreError;

use crate::DynamoStorage;
use crate::failure::{failed, is_passing, malformed, unavailable};
use crate::operation::{TURNS_MAX, wait};
use crate::row::Item;
use crate::write::{Action, Verb};

/// The most actions of one transaction.
pub(crate) const ACTIONS_MAX: usize = 100;

const ALL_OLD: ReturnValuesOnConditionCheckFailure = ReturnValuesOnConditionCheckFailure::AllOld;

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
    /// An item that cannot be there, or that no condition is about.
    Other,
}

/// Actions on different items, of which all are carried out or none.
#[derive(Default)]
pub(crate) struct Transaction(Vec<(Guard, Action)>);

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
        self.0.push((guard, action));
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
        ACTIONS_MAX.saturating_sub(self.0.len())
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
        if from.0.len() > ACTIONS_MAX {
            return Err(unavailable("an operation changes more items than a transaction takes"));
        }
        let guards: Vec<Guard> = from.0.iter().map(|(guard, _)| *guard).collect();
        let items: Vec<TransactWriteItem> =
            from.0.iter().map(|(_, action)| self.action(action)).collect::<Result<_, _>>()?;
        let operation = self.operations.begin();
        let mut turn = 0;
        loop {
            turn += 1;
            let request = self
                .client
                .transact_write_items()
                .client_request_token(&operation)
                .set_transact_items(Some(items.clone()));
            let Err(error) = request.send().await else { return Ok(Transacted::Done) };
            let is_last = turn == TURNS_MAX;
            let again = match error.as_service_error() {
                Some(TransactWriteItemsError::TransactionCanceledException(cancelled)) => {
                    let reasons = cancelled.cancellation_reasons();
                    // A refusal may be only half of the story while others are in the way.
                    let is_met = reasons.iter().any(|reason| is_passing(reason.code()));
                    let refusals = refusals(&guards, reasons);
                    if !refusals.0.is_empty() && (!is_met || is_last) {
                        return Ok(Transacted::Refused(refusals));
                    }
                    is_met
                }
                _ => is_passing(error.code()),
            };
            if !again || is_last {
                return Err(failed(&error));
            }
            wait(&operation, turn).await;
        }
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
        Put::builder()
            .table_name(&*self.table)
            .set_item(Some(item.clone()))
            .set_condition_expression(action.condition())
            .set_expression_attribute_names(action.names())
            .set_expression_attribute_values(action.set_values())
            .return_values_on_condition_check_failure(ALL_OLD)
            .build()
    }

    fn update_item(&self, action: &Action, key: Item) -> Result<Update, BuildError> {
        Update::builder()
            .table_name(&*self.table)
            .set_key(Some(key))
            .set_update_expression(action.expression())
            .set_condition_expression(action.condition())
            .set_expression_attribute_names(action.names())
            .set_expression_attribute_values(action.set_values())
            .return_values_on_condition_check_failure(ALL_OLD)
            .build()
    }

    fn delete_item(&self, action: &Action, key: Item) -> Result<Delete, BuildError> {
        Delete::builder()
            .table_name(&*self.table)
            .set_key(Some(key))
            .set_condition_expression(action.condition())
            .set_expression_attribute_names(action.names())
            .set_expression_attribute_values(action.set_values())
            .return_values_on_condition_check_failure(ALL_OLD)
            .build()
    }

    fn check_item(&self, action: &Action, key: Item) -> Result<ConditionCheck, BuildError> {
        ConditionCheck::builder()
            .table_name(&*self.table)
            .set_key(Some(key))
            .set_condition_expression(action.condition())
            .set_expression_attribute_names(action.names())
            .set_expression_attribute_values(action.set_values())
            .return_values_on_condition_check_failure(ALL_OLD)
            .build()
    }
}

/// Reasons stand in the order of the actions; where nothing is wrong, the code is the word "None".
fn refusals(guards: &[Guard], reasons: &[CancellationReason]) -> Refusals {
    let is_refusal = |reason: &CancellationReason| reason.code() == Some("ConditionalCheckFailed");
    let refused = guards.iter().zip(reasons).filter(|(_, reason)| is_refusal(reason));
    Refusals(
        refused.map(|(guard, reason)| (*guard, reason.item.clone().unwrap_or_default())).collect(),
    )
}
