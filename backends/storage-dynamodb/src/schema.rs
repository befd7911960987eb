//! Making the table, and checking that it is one.

use std::time::Duration;

use aws_config::SdkConfig;
use aws_sdk_dynamodb::Client;
use aws_sdk_dynamodb::error::{BuildError, ProvideErrorMetadata as _};
use aws_sdk_dynamodb::operation::create_table::builders::CreateTableFluentBuilder;
use aws_sdk_dynamodb::types::{
    AttributeDefinition, BillingMode, GlobalSecondaryIndex, IndexStatus, KeySchemaElement, KeyType,
    Projection, ProjectionType, ReturnValue, ScalarAttributeType, TableDescription, TableStatus,
    TimeToLiveSpecification, TimeToLiveStatus,
};
use contracts::StoreError;

use crate::client;
use crate::failure::{failed, malformed, unavailable};
use crate::fields::number;
use crate::operation::Operations;
use crate::roles;
use crate::row::Row;
use crate::table::{BY_LIST, BY_MOMENT, Key, TTL};

/// What has to be done, in this order.
const TABLE: &str = "table";
const TIME_TO_LIVE: &str = "time to live";
const ROLES: &str = "roles";

/// How long a new table may take.
const LOOKS_MAX: u32 = 120;
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The attributes that keys are made of, in the order of [`crate::table`].
const ATTRIBUTES: [(&str, ScalarAttributeType); 6] = [
    ("PK", ScalarAttributeType::S),
    ("SK", ScalarAttributeType::S),
    ("GSI1PK", ScalarAttributeType::S),
    ("GSI1SK", ScalarAttributeType::N),
    ("GSI2PK", ScalarAttributeType::S),
    ("GSI2SK", ScalarAttributeType::S),
];

/// Does what the table of that name has yet to see: makes it if it is missing, turns on its time to
/// live, and writes the roles. Returns the names of the steps. For development; elsewhere
/// infrastructure code makes the table, and this writes the roles.
pub async fn migrate(table: &str, config: &SdkConfig) -> Result<Vec<&'static str>, StoreError> {
    let client = client::of(config);
    let steps = missing(&client, table).await?;
    for step in &steps {
        match *step {
            TABLE => make_table(&client, table).await?,
            TIME_TO_LIVE => turn_on_time_to_live(&client, table).await?,
            _ => write_roles(&client, table).await?,
        }
    }
    Ok(steps)
}

/// Names of the steps that the table of that name has yet to see. Changes nothing.
pub async fn pending(table: &str, config: &SdkConfig) -> Result<Vec<&'static str>, StoreError> {
    missing(&client::of(config), table).await
}

/// Checks that the table is what it has to be, and is numbered among those who open it.
pub(crate) async fn enter(client: &Client, table: &str) -> Result<Operations, StoreError> {
    let Some(found) = describe(client, table).await? else {
        return Err(unavailable(&format!(
            "there is no table {table}: run `doorward migrate`, or make it by infrastructure code"
        )));
    };
    check_shape(&found)?;
    if !has_roles(client, table).await? {
        return Err(unavailable(&format!(
            "the table {table} holds no roles: run `doorward migrate`"
        )));
    }
    // A table that was removed and made again by the same name starts counting anew, but is
    // another one.
    let id = found.table_id.or(found.table_arn).unwrap_or_default();
    let made = found.creation_date_time.map(|at| at.as_nanos()).unwrap_or_default();
    let instance = number_instance(client, table).await?;
    Ok(Operations::new(&format!("{table}/{id}/{made}"), instance))
}

async fn number_instance(client: &Client, table: &str) -> Result<u64, StoreError> {
    let counted = client
        .update_item()
        .table_name(table)
        .set_key(Some(Key::instances().item()))
        .update_expression("ADD #opened :one")
        .expression_attribute_names("#opened", "opened")
        .expression_attribute_values(":one", number(1))
        .return_values(ReturnValue::UpdatedNew)
        .send()
        .await
        .map_err(|error| failed(&error))?;
    Row(&counted.attributes.unwrap_or_default()).counter("opened")
}

async fn missing(client: &Client, table: &str) -> Result<Vec<&'static str>, StoreError> {
    let Some(found) = describe(client, table).await? else {
        return Ok(vec![TABLE, TIME_TO_LIVE, ROLES]);
    };
    check_shape(&found)?;
    let mut steps = Vec::new();
    if !has_time_to_live(client, table).await? {
        steps.push(TIME_TO_LIVE);
    }
    if !has_roles(client, table).await? {
        steps.push(ROLES);
    }
    Ok(steps)
}

async fn describe(client: &Client, table: &str) -> Result<Option<TableDescription>, StoreError> {
    match client.describe_table().table_name(table).send().await {
        Ok(found) => Ok(found.table),
        Err(error) if error.code() == Some("ResourceNotFoundException") => Ok(None),
        Err(error) => Err(failed(&error)),
    }
}

fn check_shape(table: &TableDescription) -> Result<(), StoreError> {
    if !matches!(table.table_status, Some(TableStatus::Active | TableStatus::Updating)) {
        return Err(unavailable("the table is not active"));
    }
    if keys(table.key_schema()) != [("PK", "HASH"), ("SK", "RANGE")] {
        return Err(malformed("table", "its key is not PK, SK"));
    }
    for index in [BY_MOMENT, BY_LIST] {
        let found =
            table.global_secondary_indexes().iter().find(|found| found.index_name() == Some(index));
        let Some(found) = found else {
            return Err(malformed("table", "an index of GSI1 and GSI2 is missing"));
        };
        // Whatever its projection: the keys, of which more is not asked, are in every one.
        let (hash, range) = (format!("{index}PK"), format!("{index}SK"));
        if keys(found.key_schema()) != [(hash.as_str(), "HASH"), (range.as_str(), "RANGE")] {
            return Err(malformed("table", "the key of an index is not GSI…PK, GSI…SK"));
        }
        match &found.index_status {
            None | Some(IndexStatus::Active | IndexStatus::Updating) => {}
            Some(IndexStatus::Creating) => {
                return Err(unavailable(&format!("the index {index} is still being built")));
            }
            Some(_) => return Err(unavailable(&format!("the index {index} is not active"))),
        }
    }
    for (name, kind) in ATTRIBUTES {
        let is_right = |found: &AttributeDefinition| {
            found.attribute_name() == name && *found.attribute_type() == kind
        };
        if !table.attribute_definitions().iter().any(is_right) {
            return Err(malformed("table", "an attribute of a key has another type"));
        }
    }
    Ok(())
}

fn keys(schema: &[KeySchemaElement]) -> Vec<(&str, &str)> {
    schema.iter().map(|key| (key.attribute_name(), key.key_type().as_str())).collect()
}

async fn has_time_to_live(client: &Client, table: &str) -> Result<bool, StoreError> {
    let found = client
        .describe_time_to_live()
        .table_name(table)
        .send()
        .await
        .map_err(|error| failed(&error))?;
    let Some(found) = found.time_to_live_description else { return Ok(false) };
    let is_on = matches!(
        found.time_to_live_status,
        Some(TimeToLiveStatus::Enabled | TimeToLiveStatus::Enabling)
    );
    if is_on && found.attribute_name.as_deref() != Some(TTL) {
        return Err(malformed("table", "its time to live is another attribute than ttl"));
    }
    Ok(is_on)
}

async fn has_roles(client: &Client, table: &str) -> Result<bool, StoreError> {
    let found = client
        .get_item()
        .table_name(table)
        .set_key(Some(Key::roles().item()))
        .consistent_read(true)
        .send()
        .await
        .map_err(|error| failed(&error))?;
    Ok(found.item.is_some())
}

async fn make_table(client: &Client, table: &str) -> Result<(), StoreError> {
    let request = with_shape(client.create_table().table_name(table))
        .map_err(|_| malformed("table", "something is missing"))?;
    match request.send().await {
        Ok(_) => {}
        // Another replica was first, or an answer was lost.
        Err(error) if error.code() == Some("ResourceInUseException") => {}
        Err(error) => return Err(failed(&error)),
    }
    for _ in 0..LOOKS_MAX {
        if let Some(found) = describe(client, table).await?
            && found.table_status == Some(TableStatus::Active)
        {
            match check_shape(&found) {
                Err(StoreError::Unavailable(_)) => {}
                checked => return checked,
            }
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
    Err(unavailable("the table was made, but is not active yet"))
}

fn with_shape(request: CreateTableFluentBuilder) -> Result<CreateTableFluentBuilder, BuildError> {
    let mut request = request.billing_mode(BillingMode::PayPerRequest);
    for (name, kind) in ATTRIBUTES {
        let definition = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
        request = request.attribute_definitions(definition.build()?);
    }
    for key in key_schema("")? {
        request = request.key_schema(key);
    }
    for index in [BY_MOMENT, BY_LIST] {
        let only_keys = Projection::builder().projection_type(ProjectionType::KeysOnly).build();
        let index = GlobalSecondaryIndex::builder()
            .index_name(index)
            .set_key_schema(Some(key_schema(index)?))
            .projection(only_keys);
        request = request.global_secondary_indexes(index.build()?);
    }
    Ok(request)
}

fn key_schema(prefix: &str) -> Result<Vec<KeySchemaElement>, BuildError> {
    [("PK", KeyType::Hash), ("SK", KeyType::Range)]
        .into_iter()
        .map(|(name, kind)| {
            let name = format!("{prefix}{name}");
            KeySchemaElement::builder().attribute_name(name).key_type(kind).build()
        })
        .collect()
}

async fn turn_on_time_to_live(client: &Client, table: &str) -> Result<(), StoreError> {
    let setting = TimeToLiveSpecification::builder().attribute_name(TTL).enabled(true).build();
    let setting = setting.map_err(|_| malformed("time to live", "something is missing"))?;
    let request =
        client.update_time_to_live().table_name(table).time_to_live_specification(setting);
    match request.send().await {
        Ok(_) => Ok(()),
        // Another replica was first, or an answer was lost.
        Err(_) if has_time_to_live(client, table).await? => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

async fn write_roles(client: &Client, table: &str) -> Result<(), StoreError> {
    let written = client
        .put_item()
        .table_name(table)
        .set_item(Some(roles::seed().item(Key::roles().item())))
        .condition_expression("attribute_not_exists(#PK)")
        .expression_attribute_names("#PK", "PK")
        .send()
        .await;
    match written {
        Ok(_) => Ok(()),
        // Another replica was first, or an answer was lost.
        Err(error) if error.code() == Some("ConditionalCheckFailedException") => Ok(()),
        Err(error) => Err(failed(&error)),
    }
}

#[cfg(test)]
mod tests {
    use aws_sdk_dynamodb::types::GlobalSecondaryIndexDescription;

    use super::*;

    fn table(first: IndexStatus) -> TableDescription {
        let mut table = TableDescription::builder()
            .table_status(TableStatus::Updating)
            .set_key_schema(Some(key_schema("").unwrap()));
        for (name, status) in [(BY_MOMENT, first), (BY_LIST, IndexStatus::Active)] {
            let index = GlobalSecondaryIndexDescription::builder()
                .index_name(name)
                .set_key_schema(Some(key_schema(name).unwrap()))
                .index_status(status);
            table = table.global_secondary_indexes(index.build());
        }
        for (name, kind) in ATTRIBUTES {
            let named = AttributeDefinition::builder().attribute_name(name).attribute_type(kind);
            table = table.attribute_definitions(named.build().unwrap());
        }
        table.build()
    }

    #[test]
    fn an_index_that_is_still_being_built_is_waited_for() {
        check_shape(&table(IndexStatus::Active)).unwrap();
        for status in [IndexStatus::Creating, IndexStatus::Deleting] {
            let checked = check_shape(&table(status));
            assert!(matches!(checked, Err(StoreError::Unavailable(_))), "{checked:?}");
        }
    }
}
