use std::collections::BTreeSet;
use std::fmt::Display;

use domain::{
    Account, Client, EmailAddress, Password, PersonName, RoleName, User, UserId, Username,
};
use serde_json::{Value, json};
use service::{
    HashingError, NewAccount, NewUser, Origin, ResetFactorError, Service, SetRolesError,
    SignUpError,
};
use settings::Settings;

use crate::cli::UserCommand;
use crate::failure::Failure;
use crate::{compose, console};

/// Runs a command about users against the configured store, which may be serving meanwhile.
pub(crate) fn run(settings: &Settings, command: UserCommand, is_json: bool) -> Result<(), Failure> {
    console::runtime()?.block_on(async {
        // Read before anything is opened, so that a wrong value costs nothing.
        let command = Parsed::of(command)?;
        let service = compose::open_service_for_command(settings).await?;
        command.run(&service, is_json).await
    })
}

enum Parsed {
    Create(NewUser),
    Show(String),
    List { after: Option<UserId>, limit: usize },
    SetRoles { user: String, roles: BTreeSet<RoleName> },
    ResetMfa(String),
}

impl Parsed {
    fn of(command: UserCommand) -> Result<Self, Failure> {
        Ok(match command {
            UserCommand::Create { email, username, name, roles, verified } => {
                let email = usage("--email", EmailAddress::parse(&email))?;
                let username =
                    username.map(|text| usage("--username", Username::parse(&text))).transpose()?;
                let name =
                    name.map(|text| usage("--name", PersonName::parse(&text))).transpose()?;
                let roles = parse_roles(&roles)?;
                let password = usage("the password", Password::parse(&console::read_password()?))?;
                let account = NewAccount { email, username, name, password };
                Self::Create(NewUser { account, roles, is_email_verified: verified })
            }
            UserCommand::Show { user } => Self::Show(user),
            UserCommand::List { after, limit } => {
                let after = after.map(|text| usage("--after", UserId::parse(&text))).transpose()?;
                Self::List { after, limit: limit.into() }
            }
            UserCommand::SetRoles { user, roles } => {
                Self::SetRoles { user, roles: parse_roles(&roles)? }
            }
            UserCommand::ResetMfa { user } => Self::ResetMfa(user),
        })
    }

    async fn run(self, service: &Service, is_json: bool) -> Result<(), Failure> {
        let origin = Origin { request_id: None, client: Client::new(None, None) };
        match self {
            Self::Create(new) => {
                service.check_roles(&new.roles).await.map_err(roles_failure)?;
                let made = service.create_user(new, &origin).await.map_err(sign_up_failure)?;
                show(&made, is_json)
            }
            Self::Show(user) => {
                let found = service.show_user(&user).await.map_err(store_failure())?;
                let unknown = || Failure::Refused(format!("there is no user {user}"));
                show(&found.ok_or_else(unknown)?, is_json)
            }
            Self::List { after, limit } => {
                let users = service.list_users(after.as_ref(), limit).await;
                list(&users.map_err(store_failure())?, limit, is_json)
            }
            Self::SetRoles { user, roles } => {
                let changed = service.set_roles(&user, &roles, &origin).await;
                show(&changed.map_err(roles_failure)?, is_json)
            }
            Self::ResetMfa(user) => {
                let reset = service.reset_factor(&user, &origin).await;
                show(&reset.map_err(reset_failure)?, is_json)
            }
        }
    }
}

fn usage<T, E: Display>(what: &str, parsed: Result<T, E>) -> Result<T, Failure> {
    parsed.map_err(|error| Failure::Usage(format!("{what}: {error}")))
}

fn parse_roles(roles: &[String]) -> Result<BTreeSet<RoleName>, Failure> {
    roles.iter().map(|text| usage("a role", RoleName::parse(text))).collect()
}

fn sign_up_failure(error: SignUpError) -> Failure {
    match error {
        SignUpError::Closed
        | SignUpError::EmailTaken
        | SignUpError::UsernameTaken
        | SignUpError::LimitReached(_)
        | SignUpError::Hashing(HashingError::Overloaded(_) | HashingError::LimitReached(_)) => {
            Failure::Refused(error.to_string())
        }
        SignUpError::WeakPassword(why) | SignUpError::Hashing(HashingError::WeakPassword(why)) => {
            Failure::Refused(format!("the password: {why}"))
        }
        SignUpError::Failure(failure) | SignUpError::Hashing(HashingError::Failure(failure)) => {
            store_failure()(failure)
        }
    }
}

fn roles_failure(error: SetRolesError) -> Failure {
    match error {
        SetRolesError::UnknownUser | SetRolesError::UnknownRole { .. } => {
            Failure::Refused(error.to_string())
        }
        SetRolesError::Failure(failure) => store_failure()(failure),
    }
}

fn reset_failure(error: ResetFactorError) -> Failure {
    match error {
        ResetFactorError::UnknownUser | ResetFactorError::NotEnabled => {
            Failure::Refused(error.to_string())
        }
        ResetFactorError::Failure(failure) => store_failure()(failure),
    }
}

fn store_failure() -> impl FnOnce(service::Failure) -> Failure {
    Failure::of("the command could not be completed")
}

fn show(account: &Account, is_json: bool) -> Result<(), Failure> {
    let value = to_json(&account.user);
    if is_json {
        return console::print(&value.to_string());
    }
    let lines: Vec<String> = value
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, value)| format!("{name:14} {}", to_text(value)))
        .collect();
    console::print(&lines.join("\n"))
}

fn list(users: &[User], limit: usize, is_json: bool) -> Result<(), Failure> {
    if is_json {
        let items: Vec<Value> = users.iter().map(to_json).collect();
        return console::print(&json!({ "items": items }).to_string());
    }
    for user in users {
        let roles: Vec<&str> = user.roles.iter().map(RoleName::as_str).collect();
        let (id, email) = (user.id.as_str(), user.email.as_typed());
        console::print(&format!("{id:32} {email:32} {}", roles.join(",")))?;
    }
    match users.last().filter(|_| users.len() == limit) {
        Some(last) => console::print(&format!("There may be more: --after {}", last.id)),
        None => Ok(()),
    }
}

fn to_json(user: &User) -> Value {
    json!({
        "id": user.id.as_str(),
        "email": user.email.as_typed(),
        "emailVerified": user.is_email_verified,
        "username": user.username.as_ref().map(Username::as_str),
        "name": user.name.as_ref().map(PersonName::as_str),
        "roles": user.roles.iter().map(RoleName::as_str).collect::<Vec<_>>(),
        "status": user.status.name(),
        "mfaEnabled": user.second_factor().is_some(),
    })
}

fn to_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "-".to_owned(),
        Value::Array(items) => items.iter().map(to_text).collect::<Vec<_>>().join(", "),
        other => other.to_string(),
    }
}
