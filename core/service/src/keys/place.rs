use std::sync::Arc;

use contracts::{
    Entropy, Inserted, KeptRing, KeyRingStore, OutboxEvent, Record, RecordStore, Replaced,
    RingReplaced, RingVersion,
};
use crypto::DataKeys;
use secrecy::{ExposeSecret, SecretSlice};

use crate::failure::Failure;
use crate::sealed_records;

const RECORD: &str = "key_ring";

/// Where the ring is kept.
#[derive(Clone)]
pub(super) enum RingPlace {
    /// Among the deployment's records, sealed by us.
    Records(SealedRing),
    /// Where others protect it.
    Elsewhere(Arc<dyn KeyRingStore>),
}

#[derive(Clone)]
/// The ring as a sealed record of the store.
pub(crate) struct SealedRing {
    pub(crate) records: Arc<dyn RecordStore>,
    pub(crate) data_keys: Arc<DataKeys>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

impl RingPlace {
    /// The ring as it is now, if there is one.
    pub(super) async fn find(&self) -> Result<Option<KeptRing>, Failure> {
        match self {
            Self::Records(sealed) => sealed.find().await,
            Self::Elsewhere(store) => Ok(store.find_ring().await?),
        }
    }

    /// Replaces the state of the ring that was seen, in one compare-and-set.
    pub(super) async fn replace(
        &self,
        seen: Option<&RingVersion>,
        content: &SecretSlice<u8>,
        events: &[OutboxEvent],
    ) -> Result<RingReplaced, Failure> {
        match self {
            Self::Records(sealed) => sealed.replace(seen, content, events).await,
            Self::Elsewhere(store) => Ok(store.replace_ring(seen, content, events).await?),
        }
    }
}

impl SealedRing {
    async fn find(&self) -> Result<Option<KeptRing>, Failure> {
        let Some(record) = self.records.find_record(RECORD).await? else { return Ok(None) };
        let text = sealed_records::open(&self.data_keys, RECORD, &record)?;
        // A copy of the exact size: to shrink the text could leave one in freed memory.
        let content = SecretSlice::from(text.to_vec());
        Ok(Some(KeptRing { version: version_of(&record), content }))
    }

    async fn replace(
        &self,
        seen: Option<&RingVersion>,
        content: &SecretSlice<u8>,
        events: &[OutboxEvent],
    ) -> Result<RingReplaced, Failure> {
        let plain = content.expose_secret();
        let sealed = sealed_records::seal(&self.data_keys, RECORD, plain, self.entropy.bytes());
        let Some(seen) = seen else {
            let inserted = self.records.insert_record(RECORD, &sealed, events).await?;
            return Ok(match inserted {
                Inserted::Yes => RingReplaced::Yes,
                Inserted::Exists => RingReplaced::Stale,
            });
        };
        // What is no number was never read here.
        let Ok(version) = seen.0.parse() else { return Ok(RingReplaced::Stale) };
        let replaced = self.records.replace_record(RECORD, version, &sealed, events).await?;
        Ok(match replaced {
            Replaced::Yes => RingReplaced::Yes,
            Replaced::Stale => RingReplaced::Stale,
        })
    }
}

fn version_of(record: &Record) -> RingVersion {
    RingVersion(record.version.to_string().into())
}
