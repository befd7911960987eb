use std::fmt;

use doorward_claims::AccessClaims;
use thiserror::Error;

/// Something that a token must hold for a deed to be allowed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Requirement {
    /// A role, such as `ADMIN`. Names are compared as they are written.
    Role(String),
    /// A permission, such as `users:read`.
    Permission(String),
    /// A scope, such as `profile:read`. Doorward's scopes are the permissions.
    Scope(String),
}

impl Requirement {
    /// Whether a token with these claims holds it.
    pub fn is_met_by(&self, claims: &AccessClaims) -> bool {
        match self {
            Self::Role(wanted) => claims.roles.contains(wanted),
            Self::Permission(wanted) => claims.permissions.contains(wanted),
            Self::Scope(wanted) => claims
                .scope
                .as_deref()
                .is_some_and(|scope| scope.split(' ').any(|one| one == wanted)),
        }
    }

    /// Refuses claims that do not meet it.
    pub fn check(&self, claims: &AccessClaims) -> Result<(), InsufficientScope> {
        if self.is_met_by(claims) {
            return Ok(());
        }
        Err(InsufficientScope { missing: self.clone() })
    }
}

impl fmt::Display for Requirement {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Role(name) => write!(f, "role {name}"),
            Self::Permission(name) => write!(f, "permission {name}"),
            Self::Scope(name) => write!(f, "scope {name}"),
        }
    }
}

/// The token is good, but does not allow this (a 403).
#[derive(Clone, Debug, PartialEq, Eq, Error)]
#[error("the token lacks the {missing}")]
pub struct InsufficientScope {
    /// What it lacks.
    pub missing: Requirement,
}

/// Asks claims for what a deed needs.
pub trait Authorize {
    /// Refuses those without the role.
    fn require_role(&self, role: &str) -> Result<(), InsufficientScope>;

    /// Refuses those without the permission.
    fn require_permission(&self, permission: &str) -> Result<(), InsufficientScope>;

    /// Refuses those without the scope.
    fn require_scope(&self, scope: &str) -> Result<(), InsufficientScope>;
}

impl Authorize for AccessClaims {
    fn require_role(&self, role: &str) -> Result<(), InsufficientScope> {
        Requirement::Role(role.to_owned()).check(self)
    }

    fn require_permission(&self, permission: &str) -> Result<(), InsufficientScope> {
        Requirement::Permission(permission.to_owned()).check(self)
    }

    fn require_scope(&self, scope: &str) -> Result<(), InsufficientScope> {
        Requirement::Scope(scope.to_owned()).check(self)
    }
}
