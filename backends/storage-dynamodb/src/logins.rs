//! Whose an address or a user name is: an item for each, by which both are unique and a user is
//! found.

use contracts::StoreError;
use domain::{Account, Login, UserId, Username};

use crate::DynamoStorage;
use crate::failure::unavailable;
use crate::fields::{Fields, text};
use crate::operation::wait;
use crate::row::Row;
use crate::table::Key;
use crate::write::Action;

/// How often a login that was just given to somebody else is looked at.
const LOOKS_MAX: u32 = 4;

/// Takes an address for a user.
pub(crate) fn email_guard(key: &str, user: &UserId) -> Action {
    guard(&Key::email(key), user)
}

/// Takes a user name for a user.
pub(crate) fn username_guard(name: &Username, user: &UserId) -> Action {
    guard(&Key::username(name.as_str()), user)
}

fn guard(key: &Key, user: &UserId) -> Action {
    Action::insert(key, Fields::default().with("user", text(user.as_str())))
}

/// Gives an address or a user name of that user away.
pub(crate) fn release(key: Key, user: &UserId) -> Action {
    Action::delete(key)
        .when("attribute_not_exists(#PK) OR #user = :user")
        .value(":user", text(user.as_str()))
}

impl DynamoStorage {
    /// The user with that login. Both reads are of the present, but not of one moment: if the user
    /// has another login by the second, the first is read again.
    pub(crate) async fn find_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        let key = match login {
            Login::Email(email) => Key::email(email.key()),
            Login::Username(name) => Key::username(name.as_str()),
        };
        for look in 0..LOOKS_MAX {
            if look > 0 {
                wait(&key.pk, look).await;
            }
            let Some(guard) = self.find(&key).await? else { return Ok(None) };
            let id = Row(&guard).user("user")?;
            let found = self.find_account(&id).await?;
            if let Some(account) = found.filter(|account| has_login(account, login)) {
                return Ok(Some(account));
            }
        }
        Err(unavailable("a login leads to a user who does not have it"))
    }
}

fn has_login(account: &Account, login: &Login) -> bool {
    match login {
        Login::Email(email) => account.user.email == *email,
        Login::Username(name) => account.user.username.as_ref() == Some(name),
    }
}
