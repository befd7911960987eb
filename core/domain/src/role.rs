use std::collections::BTreeSet;

/// The name of a role, in the case it was defined in.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct RoleName(Box<str>);

/// Why a text names no role, or no permission.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("has 1 to 64 visible ASCII characters, without quotes, backslashes or commas")]
pub struct RoleNameError;

impl RoleName {
    /// Reads a role's name.
    pub fn parse(text: &str) -> Result<Self, RoleNameError> {
        if is_token(text) { Ok(Self(text.into())) } else { Err(RoleNameError) }
    }

    /// The name as it was defined.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Something that a role allows, such as `users:read`. Also a scope token (RFC 6749 §3.3), so that
/// gateways can ask for it.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission(Box<str>);

impl Permission {
    /// Reads a permission.
    pub fn parse(text: &str) -> Result<Self, RoleNameError> {
        if is_token(text) { Ok(Self(text.into())) } else { Err(RoleNameError) }
    }

    /// The permission as text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Scope-token characters less the comma, which separates roles in headers and settings.
fn is_token(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\' | b','))
}

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Role {
    /// What users hold.
    pub name: RoleName,
    /// What holding it allows.
    pub permissions: BTreeSet<Permission>,
}

/// The roles that every deployment begins with, and what each allows.
pub const INITIAL_ROLES: [(&str, &[&str]); 3] = [
    ("USER", &["profile:read"]),
    ("SUPERVISOR", &["profile:read", "users:read"]),
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
];

/// The one role that a service which knows only one should see: the first of `order` that is held,
/// else the first by name.
pub fn foremost<'a>(held: &'a BTreeSet<RoleName>, order: &[RoleName]) -> Option<&'a RoleName> {
    order.iter().find_map(|role| held.get(role)).or_else(|| held.first())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn roles(names: &[&str]) -> BTreeSet<RoleName> {
        names.iter().map(|name| RoleName::parse(name).unwrap()).collect()
    }

    #[test]
    fn the_configured_order_decides_and_then_the_name() {
        let order: Vec<RoleName> =
            ["ADMIN", "USER"].iter().map(|name| RoleName::parse(name).unwrap()).collect();
        let name =
            |held: &[&str]| foremost(&roles(held), &order).map(|role| role.as_str().to_owned());
        assert_eq!(name(&["AUDITOR", "USER"]).as_deref(), Some("USER"));
        assert_eq!(name(&["zebra", "auditor"]).as_deref(), Some("auditor"));
        assert_eq!(name(&[]), None);
    }

    #[test]
    fn the_roles_to_begin_with_can_be_held() {
        for (name, permissions) in INITIAL_ROLES {
            assert!(RoleName::parse(name).is_ok(), "{name}");
            assert!(permissions.iter().all(|text| Permission::parse(text).is_ok()), "{name}");
        }
    }

    #[test]
    fn a_name_that_breaks_a_header_or_a_scope_is_refused() {
        for wrong in ["", "A B", "A,B", "A\"B", "A\\B", "Ä", "A\n", &"x".repeat(65)] {
            assert!(RoleName::parse(wrong).is_err(), "{wrong:?}");
            assert!(Permission::parse(wrong).is_err(), "{wrong:?}");
        }
    }
}
