//! Writing one item.
//!
//! See `operation.rs` for how a repeated request finds out whether it was carried out.

use std::collections::HashMap;

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::delete_item::DeleteItemError;
use aws_sdk_dynamodb::operation::put_item::PutItemError;
use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{
    AttributeValue, ReturnValue, ReturnValuesOnConditionCheckFailure as OnFailure,
};
use contracts::StoreError;

use crate::DynamoStorage;
use crate::failure::{failed, is_passing};
use crate::fields::{Fields, text};
use crate::operation::{TURNS_MAX, wait};
use crate::row::Item;
use crate::table::Key;

/// A change of one item, or a look at it that a transaction depends on.
#[derive(Clone)]
pub(crate) struct Action {
    pub(crate) verb: Verb,
    pub(crate) conditions: Vec<String>,
    pub(crate) values: HashMap<String, AttributeValue>,
}

#[derive(Clone)]
pub(crate) enum Verb {
    Put(Item),
    Update { key: Key, sets: Vec<String>, adds: Vec<String>, removes: Vec<String> },
    Delete(Key),
    Check(Key),
}

/// What became of a change of one item.
pub(crate) enum Written {
    /// It was made. The item: after an update as it is, after a deletion as it was.
    Done(Item),
    /// The condition did not hold. The item as it stands; empty if there is none.
    Unmet(Item),
}

impl Action {
    fn new(verb: Verb) -> Self {
        Self { verb, conditions: Vec::new(), values: HashMap::new() }
    }

    /// Writes the item, whatever stood there.
    pub(crate) fn put(key: &Key, fields: Fields) -> Self {
        Self::new(Verb::Put(fields.item(key.item())))
    }

    /// Writes the item where none stands.
    pub(crate) fn insert(key: &Key, fields: Fields) -> Self {
        Self::put(key, fields).when("attribute_not_exists(#PK)")
    }

    /// Changes some attributes of the item.
    pub(crate) fn update(key: Key, fields: Fields) -> Self {
        let (sets, adds, removes) = (Vec::new(), Vec::new(), Vec::new());
        let mut action = Self::new(Verb::Update { key, sets, adds, removes });
        for (name, value) in fields.0 {
            action = action.assign(name, value);
        }
        action
    }

    /// Removes the item; nothing, if there is none.
    pub(crate) fn delete(key: Key) -> Self {
        Self::new(Verb::Delete(key))
    }

    /// Changes nothing.
    pub(crate) fn check(key: Key) -> Self {
        Self::new(Verb::Check(key))
    }

    fn assign(mut self, name: &str, value: Option<AttributeValue>) -> Self {
        let Verb::Update { sets, removes, .. } = &mut self.verb else { return self };
        match value {
            Some(value) => {
                sets.push(format!("#{name} = :new_{name}"));
                self.values.insert(format!(":new_{name}"), value);
            }
            None => removes.push(format!("#{name}")),
        }
        self
    }

    /// Adds to a number.
    pub(crate) fn add(mut self, name: &str, value: AttributeValue) -> Self {
        if let Verb::Update { adds, .. } = &mut self.verb {
            adds.push(format!("#{name} :more_{name}"));
            self.values.insert(format!(":more_{name}"), value);
        }
        self
    }

    /// Only if this holds too. Attributes are written `#name`, values `:name`.
    pub(crate) fn when(mut self, condition: impl Into<String>) -> Self {
        self.conditions.push(condition.into());
        self
    }

    /// A value that a condition names.
    pub(crate) fn value(mut self, name: &str, value: AttributeValue) -> Self {
        self.values.insert(name.to_owned(), value);
        self
    }

    pub(crate) fn condition(&self) -> Option<String> {
        let all: Vec<String> = self.conditions.iter().map(|one| format!("({one})")).collect();
        (!all.is_empty()).then(|| all.join(" AND "))
    }

    /// What a refusal tells of the item: all of it, where there is a condition to refuse.
    pub(crate) fn on_refusal(&self) -> Option<OnFailure> {
        (!self.conditions.is_empty()).then_some(OnFailure::AllOld)
    }

    pub(crate) fn expression(&self) -> Option<String> {
        let Verb::Update { sets, adds, removes, .. } = &self.verb else { return None };
        let clause = |word: &str, parts: &[String]| {
            (!parts.is_empty()).then(|| format!("{word} {}", parts.join(", ")))
        };
        let clauses = [clause("SET", sets), clause("ADD", adds), clause("REMOVE", removes)];
        Some(clauses.into_iter().flatten().collect::<Vec<_>>().join(" "))
    }

    /// Every `#name` that is used, so that no attribute's name can be a reserved word.
    pub(crate) fn names(&self) -> Option<HashMap<String, String>> {
        let used = [self.expression(), self.condition()];
        let names = names_in(used.iter().flatten().map(String::as_str));
        (!names.is_empty()).then_some(names)
    }

    pub(crate) fn set_values(&self) -> Option<HashMap<String, AttributeValue>> {
        (!self.values.is_empty()).then(|| self.values.clone())
    }

    /// The same change, by which an operation knows its own work again.
    fn signed(mut self, operation: &str) -> Self {
        let id = text(operation);
        match &mut self.verb {
            Verb::Put(item) => {
                item.insert("op".to_owned(), id);
            }
            Verb::Update { .. } => {
                self = self.assign("op", Some(id));
                return self.when("attribute_not_exists(#op) OR #op <> :new_op");
            }
            Verb::Delete(_) | Verb::Check(_) => {}
        }
        self
    }
}

/// Says of a request what must be true of its item, and what a refusal is to tell. A macro, because
/// the builders of seven kinds of requests have nothing in common but the names of their methods.
macro_rules! conditioned {
    ($request:expr, $action:expr) => {
        $request
            .set_condition_expression($action.condition())
            .set_expression_attribute_names($action.names())
            .set_expression_attribute_values($action.set_values())
            .set_return_values_on_condition_check_failure($action.on_refusal())
    };
}

pub(crate) use conditioned;

/// The names of attributes in expressions.
pub(crate) fn names_in<'a>(
    expressions: impl IntoIterator<Item = &'a str>,
) -> HashMap<String, String> {
    let mut names = HashMap::new();
    for expression in expressions {
        for part in expression.split('#').skip(1) {
            let is_of_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
            let name: String = part.chars().take_while(|c| is_of_name(*c)).collect();
            names.insert(format!("#{name}"), name);
        }
    }
    names
}

/// Why one attempt gave no answer.
enum Attempt {
    /// Others were in the way.
    Again(StoreError),
    Failed(StoreError),
}

impl Attempt {
    fn of<E, R>(error: &SdkError<E, R>) -> Self
    where
        E: ProvideErrorMetadata + std::error::Error + 'static,
        R: std::fmt::Debug + 'static,
    {
        if is_passing(error.code()) {
            Self::Again(failed(error))
        } else {
            Self::Failed(failed(error))
        }
    }
}

impl DynamoStorage {
    /// Makes one change of one item.
    pub(crate) async fn write(&self, action: Action) -> Result<Written, StoreError> {
        let operation = self.operations.begin();
        let action = action.signed(&operation);
        let mut turn = 0;
        loop {
            turn += 1;
            match self.attempt(&action).await {
                Ok(Written::Unmet(item)) if is_own(&item, &operation) => {
                    return Ok(Written::Done(item));
                }
                Ok(written) => return Ok(written),
                Err(Attempt::Again(_)) if turn < TURNS_MAX => wait(&operation, turn).await,
                Err(Attempt::Again(error) | Attempt::Failed(error)) => return Err(error),
            }
        }
    }

    async fn attempt(&self, action: &Action) -> Result<Written, Attempt> {
        match &action.verb {
            Verb::Put(item) => self.attempt_put(action, item).await,
            Verb::Update { key, .. } => self.attempt_update(action, key).await,
            Verb::Delete(key) | Verb::Check(key) => self.attempt_delete(action, key).await,
        }
    }

    async fn attempt_put(&self, action: &Action, item: &Item) -> Result<Written, Attempt> {
        let request = self.client.put_item().table_name(&*self.table).set_item(Some(item.clone()));
        let sent = conditioned!(request, action).send().await;
        match sent {
            Ok(_) => Ok(Written::Done(Item::new())),
            Err(error) => match error.as_service_error() {
                Some(PutItemError::ConditionalCheckFailedException(unmet)) => {
                    Ok(Written::Unmet(unmet.item.clone().unwrap_or_default()))
                }
                _ => Err(Attempt::of(&error)),
            },
        }
    }

    async fn attempt_update(&self, action: &Action, key: &Key) -> Result<Written, Attempt> {
        let request = self
            .client
            .update_item()
            .table_name(&*self.table)
            .set_key(Some(key.item()))
            .set_update_expression(action.expression())
            .return_values(ReturnValue::AllNew);
        let sent = conditioned!(request, action).send().await;
        match sent {
            Ok(output) => Ok(Written::Done(output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(UpdateItemError::ConditionalCheckFailedException(unmet)) => {
                    Ok(Written::Unmet(unmet.item.clone().unwrap_or_default()))
                }
                _ => Err(Attempt::of(&error)),
            },
        }
    }

    async fn attempt_delete(&self, action: &Action, key: &Key) -> Result<Written, Attempt> {
        let request = self
            .client
            .delete_item()
            .table_name(&*self.table)
            .set_key(Some(key.item()))
            .return_values(ReturnValue::AllOld);
        let sent = conditioned!(request, action).send().await;
        match sent {
            Ok(output) => Ok(Written::Done(output.attributes.unwrap_or_default())),
            Err(error) => match error.as_service_error() {
                Some(DeleteItemError::ConditionalCheckFailedException(unmet)) => {
                    Ok(Written::Unmet(unmet.item.clone().unwrap_or_default()))
                }
                _ => Err(Attempt::of(&error)),
            },
        }
    }
}

fn is_own(item: &Item, operation: &str) -> bool {
    matches!(item.get("op"), Some(AttributeValue::S(id)) if id == operation)
}
