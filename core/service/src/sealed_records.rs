use contracts::{Inserted, Record, RecordStore};
use crypto::DataKeys;
use zeroize::Zeroizing;

use crate::failure::Failure;

/// Opens a record of the deployment, which is sealed under its name.
pub(crate) fn open(
    data_keys: &DataKeys,
    name: &str,
    record: &Record,
) -> Result<Zeroizing<Vec<u8>>, Failure> {
    Ok(data_keys.open(&identity(name), &record.content)?)
}

/// Seals what shall be kept as a record under that name.
pub(crate) fn seal(data_keys: &DataKeys, name: &str, plain: &[u8], nonce: [u8; 12]) -> Box<[u8]> {
    data_keys.seal(&identity(name), plain, nonce)
}

/// What ties a sealed record to its name: moved to another it does not open.
pub(crate) fn identity(name: &str) -> String {
    format!("record/{name}")
}

/// The record of that name, made from `fresh` if there is none: all replicas end up with one.
pub(crate) async fn find_or_insert(
    records: &dyn RecordStore,
    name: &str,
    fresh: impl FnOnce() -> Result<Box<[u8]>, Failure>,
) -> Result<Record, Failure> {
    if let Some(record) = records.find_record(name).await? {
        return Ok(record);
    }
    let content = fresh()?;
    match records.insert_record(name, &content, &[]).await? {
        Inserted::Yes => Ok(Record { version: 1, content }),
        Inserted::Exists => records.find_record(name).await?.ok_or(Failure::Contended),
    }
}
