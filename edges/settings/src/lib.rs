//! Settings: `config/default.toml`, then a file, then the environment, read into types that cannot
//! be invalid. All mistakes are reported at once, each with its source and what would be right.
//!
//! Nothing is opened but the settings file: a secret stays the reference that names it.

mod borrowed;
mod catalogue;
mod codes;
mod credentials;
mod duration;
mod environment;
mod ephemeral;
mod events;
mod file;
mod keys;
mod layers;
mod limits;
mod load;
mod log;
mod loopback;
mod mail;
mod mail_from;
mod mistake;
mod mongodb;
mod nearest;
mod non_empty;
mod password;
mod path;
mod postgres;
mod public_url;
mod reader;
mod redis;
mod reference;
mod registration;
mod secret_input;
mod server;
mod server_url;
mod service_links;
mod smtp;
mod source;
mod storage;
mod tokens;
mod url_parts;
mod value;

pub use codes::CodeSettings;
pub use environment::Environment;
pub use ephemeral::EphemeralSettings;
pub use events::{EventSettings, EventSink};
pub use keys::{DataKeySettings, KeyPairAlgorithm, KeySettings, RingSource, SigningSettings};
pub use limits::LimitSettings;
pub use load::{Loaded, Settings, ShownSetting};
pub use log::{LogFormat, LogLevel, LogSettings};
pub use mail::{MailSettings, MailTransportSettings};
pub use mail_from::MailFrom;
pub use mistake::{Mistake, Mistakes, Warning};
pub use non_empty::NonEmpty;
pub use password::{Argon2Implementation, PasswordAlgorithm, PasswordSettings};
pub use public_url::{BasePath, Origin, PublicUrl};
pub use reference::reference_markdown;
pub use registration::{RegistrationSettings, VerifyEmail};
pub use secret_input::SecretInput;
pub use server::ServerSettings;
pub use server_url::ServerUrl;
pub use smtp::{SmtpSecurity, SmtpSettings, SmtpUrl};
pub use source::{Source, Sources};
pub use storage::StorageSettings;
pub use tokens::TokenSettings;
