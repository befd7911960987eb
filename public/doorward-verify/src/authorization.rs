use std::fmt;

use doorward_claims::AccessClaims;
use thiserror::Error;

use crate::shared_secret_claims::SharedSecretClaims;

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
    pub fn is_met_by(&self, claims: &impl Authorize) -> bool {
        claims.holds(self)
    }

    /// Refuses claims that do not meet it.
    pub fn check(&self, claims: &impl Authorize) -> Result<(), InsufficientScope> {
        claims.require(self)
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
    /// Whether they hold what is required.
    fn holds(&self, requirement: &Requirement) -> bool;

    /// Refuses those that do not meet the requirement.
    fn require(&self, requirement: &Requirement) -> Result<(), InsufficientScope> {
        if self.holds(requirement) {
            return Ok(());
        }
        Err(InsufficientScope { missing: requirement.clone() })
    }

    /// Refuses those without the role.
    fn require_role(&self, role: &str) -> Result<(), InsufficientScope> {
        self.require(&Requirement::Role(role.to_owned()))
    }

    /// Refuses those without the permission.
    fn require_permission(&self, permission: &str) -> Result<(), InsufficientScope> {
        self.require(&Requirement::Permission(permission.to_owned()))
    }

    /// Refuses those without the scope.
    fn require_scope(&self, scope: &str) -> Result<(), InsufficientScope> {
        self.require(&Requirement::Scope(scope.to_owned()))
    }
}

impl Authorize for AccessClaims {
    fn holds(&self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::Role(wanted) => self.roles.contains(wanted),
            Requirement::Permission(wanted) => self.permissions.contains(wanted),
            Requirement::Scope(wanted) => has_scope(self.scope.as_deref(), wanted),
        }
    }
}

/// `role` counts like one of `roles`: such services often write nothing else.
impl Authorize for SharedSecretClaims {
    fn holds(&self, requirement: &Requirement) -> bool {
        match requirement {
            Requirement::Role(wanted) => {
                self.role.as_ref() == Some(wanted) || self.roles.contains(wanted)
            }
            Requirement::Permission(wanted) => self.permissions.contains(wanted),
            Requirement::Scope(wanted) => has_scope(self.scope.as_deref(), wanted),
        }
    }
}

fn has_scope(scope: Option<&str>, wanted: &str) -> bool {
    scope.is_some_and(|scope| scope.split(' ').any(|one| one == wanted))
}
