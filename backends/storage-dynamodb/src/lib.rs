//! DynamoDB, as a single table.
