//! The roles, which are one item.
//!
//! Read beside the user, not in one transaction with them: what a role allows changes so rarely
//! that a moment earlier or later is as good.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::StoreError;
use domain::{Account, INITIAL_ROLES, Permission, RoleName, User};
use tokio::time::Instant;

use crate::DynamoStorage;
use crate::failure::{malformed, unavailable};
use crate::fields::{Fields, texts};
use crate::row::parsed;
use crate::table::Key;

/// How long the roles are taken to be what they were: they are one item, which would not bear to be
/// read with every account.
const RECENT: Duration = Duration::from_secs(2);

/// The roles as they were read last.
#[derive(Default)]
pub(crate) struct RecentRoles(Mutex<Option<(Instant, Arc<Roles>)>>);

impl RecentRoles {
    fn get(&self) -> Option<Arc<Roles>> {
        let recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        recent.as_ref().filter(|(at, _)| at.elapsed() < RECENT).map(|(_, roles)| Arc::clone(roles))
    }

    fn put(&self, read_at: Instant, roles: &Arc<Roles>) {
        let mut recent = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if recent.as_ref().is_none_or(|(at, _)| *at < read_at) {
            *recent = Some((read_at, Arc::clone(roles)));
        }
    }
}

/// What each role allows.
pub(crate) struct Roles(BTreeMap<RoleName, BTreeSet<Permission>>);

impl Roles {
    pub(crate) fn names(&self) -> BTreeSet<RoleName> {
        self.0.keys().cloned().collect()
    }

    /// The user with what their roles allow.
    pub(crate) fn account(&self, user: User) -> Account {
        let granted = user.roles.iter().filter_map(|role| self.0.get(role));
        let permissions = granted.flatten().cloned().collect();
        Account { user, permissions }
    }
}

/// The attributes of the item that a new table gets.
pub(crate) fn seed() -> Fields {
    let roles: HashMap<String, AttributeValue> = INITIAL_ROLES
        .iter()
        .map(|(role, permissions)| ((*role).to_owned(), texts(permissions.iter().copied())))
        .collect();
    Fields::default().with("roles", AttributeValue::M(roles))
}

impl DynamoStorage {
    /// The roles as they were a moment ago.
    pub(crate) async fn recent_roles(&self) -> Result<Arc<Roles>, StoreError> {
        match self.roles.get() {
            Some(roles) => Ok(roles),
            None => self.roles().await,
        }
    }

    /// The roles as they are now.
    pub(crate) async fn roles(&self) -> Result<Arc<Roles>, StoreError> {
        let read_at = Instant::now();
        let item = self.find(&Key::roles()).await?;
        let item = item.ok_or_else(|| unavailable("the table holds no roles"))?;
        let Some(AttributeValue::M(roles)) = item.get("roles") else {
            return Err(malformed("roles", "it is no map"));
        };
        let mut all = BTreeMap::new();
        for (name, permissions) in roles {
            let AttributeValue::L(permissions) = permissions else {
                return Err(malformed("permissions", "it is no list"));
            };
            let read = permissions.iter().map(|permission| {
                let text = permission.as_s().map_err(|_| malformed("permission", "no text"))?;
                parsed("permission", Permission::parse(text))
            });
            all.insert(parsed("role", RoleName::parse(name))?, read.collect::<Result<_, _>>()?);
        }
        let roles = Arc::new(Roles(all));
        self.roles.put(read_at, &roles);
        Ok(roles)
    }
}
