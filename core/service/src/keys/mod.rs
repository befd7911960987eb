//! The keys that sign and verify: one ring for all instances, which changes by the times in it.

mod administration;
mod error;
mod given;
mod keeper;
mod kept_keys;
mod live;
mod made_key;
mod place;
mod rotation;
mod table;

pub use administration::{KeyState, RevokedKey, RotatedKey};
pub use error::{ChangeKeysError, KeyRingError};
pub use given::{KeyParts, SigningSource};
pub use live::KeysReloaded;
pub use rotation::{RingRotation, SharedSecretRotation};
pub use table::KeyTable;

pub(crate) use keeper::Keeper;
pub(crate) use live::LiveKeys;
pub(crate) use place::SealedRing;
