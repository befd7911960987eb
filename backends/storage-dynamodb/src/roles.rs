//! The roles, which are one item.
//!
//! Read beside the user, not in one transaction with them: what a role allows changes so rarely
//! that a moment earlier or later is as good.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use aws_sdk_dynamodb::types::AttributeValue;
use contracts::StoreError;
use domain::{Account, Permission, RoleName, User};

use crate::DynamoStorage;
use crate::failure::{malformed, unavailable};
use crate::fields::{Fields, texts};
use crate::row::parsed;
use crate::table::Key;

/// What every deployment begins with.
const SEED: [(&str, &[&str]); 3] = [
    (
        "ADMIN",
        &[
            "profile:read",
            "users:read",
            "users:write",
            "roles:read",
            "roles:write",
            "audit:read",
            "keys:read",
            "keys:write",
        ],
    ),
    ("SUPERVISOR", &["profile:read", "users:read"]),
    ("USER", &["profile:read"]),
];

/// What each role allows.
pub(crate) struct Roles(BTreeMap<RoleName, BTreeSet<Permission>>);

impl Roles {
    pub(crate) fn names(self) -> BTreeSet<RoleName> {
        self.0.into_keys().collect()
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
    let roles: HashMap<String, AttributeValue> = SEED
        .iter()
        .map(|(role, permissions)| ((*role).to_owned(), texts(permissions.iter().copied())))
        .collect();
    Fields::default().with("roles", AttributeValue::M(roles))
}

impl DynamoStorage {
    pub(crate) async fn roles(&self) -> Result<Roles, StoreError> {
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
        Ok(Roles(all))
    }
}
