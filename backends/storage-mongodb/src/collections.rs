//! What the database holds. The indexes are in [`schema`](crate::schema).

/// Users by id, and what is left of those who left.
pub(crate) const USERS: &str = "users";
/// Users who left, as long as something of them may have to be removed, by id.
pub(crate) const REMAINS: &str = "remains";
/// Roles by name, with what they allow.
pub(crate) const ROLES: &str = "roles";
/// Sessions by id.
pub(crate) const SESSIONS: &str = "sessions";
/// Devices that people sign in with, by digest and user.
pub(crate) const DEVICES: &str = "devices";
/// Browsers whose sign-ins skip the second factor, by their id and user.
pub(crate) const TRUSTED_DEVICES: &str = "trusted_devices";
/// Sign-ins that want another step, by digest and user.
pub(crate) const PENDING_SIGN_INS: &str = "pending_sign_ins";
/// One-time codes, by kind and user.
pub(crate) const CODES: &str = "one_time_codes";
/// Revocations, by the operation that wrote them: ids that grow with time.
pub(crate) const REVOCATIONS: &str = "revocations";
/// Events that wait to be published, by id.
pub(crate) const OUTBOX: &str = "outbox";
/// Mails that wait to be sent, by id.
pub(crate) const MAILS: &str = "mails";
/// The deployment's own records, by name.
pub(crate) const RECORDS: &str = "records";
/// When quotas that were drawn on are whole again, by key.
pub(crate) const LIMITS: &str = "limits";
/// Counters in parts.
pub(crate) const COUNTERS: &str = "counters";
/// The steps of the schema that were taken, by name.
pub(crate) const SCHEMA: &str = "schema";

/// How many parts a counter has. Transactions that count at one moment hinder each other only where
/// they meet in one part.
pub(crate) const COUNTER_SHARDS: u64 = 16;
