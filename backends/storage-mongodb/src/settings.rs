use std::fmt;
use std::sync::Arc;

use contracts::CredentialSource;
use mongodb::event::EventHandler;
use mongodb::event::command::CommandEvent;
use secrecy::SecretString;

/// How to reach the server.
#[derive(Clone)]
pub struct MongoSettings {
    /// A connection string as `MongoDB` and Amazon DocumentDB give it out. Its path names the
    /// database, `doorward` where there is none. What says how to read, write, retry and wait is
    /// ours, whatever the string says.
    pub url: SecretString,
    /// Where user name and password are kept, in place of those in the URL. Read again after the
    /// server refused them.
    pub credentials: Option<Arc<dyn CredentialSource>>,
    /// How many connections there may be: one each for as many operations at one moment.
    pub pool_max: u32,
    /// Hears of every command that is sent. For tests: commands hold what must not be logged.
    pub command_events: Option<EventHandler<CommandEvent>>,
}

impl MongoSettings {
    /// How many connections there may be, unless somebody says otherwise. Two suffice where one
    /// request is served at a time, as in a Lambda function.
    pub const POOL_MAX: u32 = 16;

    /// Settings with the credentials of the URL, and defaults.
    pub const fn new(url: SecretString) -> Self {
        Self { url, credentials: None, pool_max: Self::POOL_MAX, command_events: None }
    }
}

/// Shows neither URL nor credentials.
impl fmt::Debug for MongoSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MongoSettings").field("pool_max", &self.pool_max).finish_non_exhaustive()
    }
}
