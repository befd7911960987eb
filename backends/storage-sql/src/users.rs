use std::collections::BTreeSet;

use async_trait::async_trait;
use contracts::{
    EpochRaise, InsertUserError, OutboxEvent, ReplaceRoles, Replaced, StoreError, UserStore,
};
use domain::{Account, Login, PasswordHash, RoleName, User, UserId};

use crate::SqlStorage;
use crate::outbox::insert_event;
use crate::revocations::insert_revocation;
use crate::rows::{
    USER_COLUMNS, parsed, status_text, to_permission, to_role, to_user, user_columns,
};
use crate::statement::{RowReader, Statement, Value, Written};

const INSERT_USER: &str = "
    INSERT INTO users (id, email, email_key, email_verified, username, name, status, password_hash,
                       session_epoch, version, created_at_ms, last_login_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";

const INSERT_USER_ROLE: &str = "INSERT INTO user_roles (user_id, role) VALUES ($1, $2)";

/// A user with one row for each permission of each role.
macro_rules! find_account {
    ($condition:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            ", r.role, p.permission
               FROM users u
               LEFT JOIN user_roles r ON r.user_id = u.id
               LEFT JOIN role_permissions p ON p.role = r.role
              WHERE ",
            $condition
        )
    };
}

const FIND_USER: &str = find_account!("u.id = $1");
const FIND_USER_BY_EMAIL: &str = find_account!("u.email_key = $1");
const FIND_USER_BY_USERNAME: &str = find_account!("u.username = $1");

const LIST_USERS: &str = concat!(
    "SELECT ",
    user_columns!(),
    ", r.role
       FROM (SELECT * FROM users WHERE id > $1 ORDER BY id LIMIT $2) u
       LEFT JOIN user_roles r ON r.user_id = u.id
      ORDER BY u.id, r.role"
);

const RAISE_VERSION: &str = "UPDATE users SET version = version + 1 WHERE id = $1 AND version = $2";

const DELETE_USER_ROLES: &str = "DELETE FROM user_roles WHERE user_id = $1";

const REPLACE_PASSWORD_HASH: &str =
    "UPDATE users SET password_hash = $1 WHERE id = $2 AND password_hash = $3";

const RAISE_EPOCH: &str = "
    UPDATE users SET session_epoch = $1, version = version + 1
     WHERE id = $2 AND session_epoch = $3";

const LIST_ROLES: &str = "SELECT name FROM roles ORDER BY name";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[
    INSERT_USER,
    INSERT_USER_ROLE,
    FIND_USER,
    FIND_USER_BY_EMAIL,
    FIND_USER_BY_USERNAME,
    LIST_USERS,
    RAISE_VERSION,
    DELETE_USER_ROLES,
    REPLACE_PASSWORD_HASH,
    RAISE_EPOCH,
    LIST_ROLES,
];

#[async_trait]
impl UserStore for SqlStorage {
    async fn insert_user(
        &self,
        user: &User,
        events: &[OutboxEvent],
    ) -> Result<(), InsertUserError> {
        let mut statements = vec![insert_user(user)];
        statements.extend(user.roles.iter().map(|role| insert_role(&user.id, role)));
        statements.extend(events.iter().map(insert_event));
        match self.engine.write(statements).await? {
            Written::Done => Ok(()),
            Written::Conflict(columns) if columns.contains("email_key") => {
                Err(InsertUserError::EmailTaken)
            }
            Written::Conflict(columns) if columns.contains("username") => {
                Err(InsertUserError::UsernameTaken)
            }
            refused => Err(unexpected(&refused).into()),
        }
    }

    async fn find_user(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.find_account(&Statement::new(FIND_USER, [id.as_str().into()]))
    }

    async fn find_user_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        self.find_account(&match login {
            Login::Email(email) => Statement::new(FIND_USER_BY_EMAIL, [email.key().into()]),
            Login::Username(name) => Statement::new(FIND_USER_BY_USERNAME, [name.as_str().into()]),
        })
    }

    async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.map_or("", UserId::as_str);
        let statement = Statement::new(LIST_USERS, [after.into(), limit.into()]);
        self.engine.read(&statement, Vec::new(), |users: &mut Vec<User>, row| {
            let user = to_user(row)?;
            if users.last().is_none_or(|last| last.id != user.id) {
                users.push(user);
            }
            if let (Some(last), Some(role)) = (users.last_mut(), to_role(row)?) {
                last.roles.insert(role);
            }
            Ok(())
        })
    }

    async fn replace_roles(
        &self,
        change: &ReplaceRoles,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let user = change.user.as_str();
        let mut statements = vec![
            Statement::new(RAISE_VERSION, [user.into(), change.version.into()]).guard(),
            Statement::new(DELETE_USER_ROLES, [user.into()]),
        ];
        statements.extend(change.roles.iter().map(|role| insert_role(&change.user, role)));
        statements.extend(events.iter().map(insert_event));
        replaced(&self.engine.write(statements).await?)
    }

    async fn replace_password_hash(
        &self,
        user: &UserId,
        old: &PasswordHash,
        new: &PasswordHash,
    ) -> Result<Replaced, StoreError> {
        let parameters = [new.expose().into(), user.as_str().into(), old.expose().into()];
        let statement = Statement::new(REPLACE_PASSWORD_HASH, parameters).guard();
        replaced(&self.engine.write(vec![statement]).await?)
    }

    async fn advance_session_epoch(
        &self,
        raise: &EpochRaise,
        events: &[OutboxEvent],
    ) -> Result<Replaced, StoreError> {
        let parameters = [raise.to.into(), raise.user.as_str().into(), raise.from.into()];
        let mut statements = vec![Statement::new(RAISE_EPOCH, parameters).guard()];
        statements.extend(insert_revocation(&raise.revocation));
        statements.extend(events.iter().map(insert_event));
        replaced(&self.engine.write(statements).await?)
    }

    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError> {
        let statement = Statement::new(LIST_ROLES, []);
        self.engine.read(&statement, BTreeSet::new(), |roles, row| {
            roles.insert(parsed("role", RoleName::parse(row.text("role")?))?);
            Ok(())
        })
    }
}

impl SqlStorage {
    fn find_account(&self, statement: &Statement) -> Result<Option<Account>, StoreError> {
        self.engine.read(statement, None, |account, row| {
            if account.is_none() {
                *account = Some(Account { user: to_user(row)?, permissions: BTreeSet::new() });
            }
            account.as_mut().map_or(Ok(()), |account| add_grant(account, row, USER_COLUMNS))
        })
    }
}

/// Adds the role and the permission at columns `first` and the next to the account.
pub(crate) fn add_grant(
    account: &mut Account,
    row: &mut RowReader<'_>,
    first: usize,
) -> Result<(), StoreError> {
    row.skip_to(first);
    account.user.roles.extend(to_role(row)?);
    account.permissions.extend(to_permission(row)?);
    Ok(())
}

fn insert_user(user: &User) -> Statement {
    Statement::new(
        INSERT_USER,
        [
            user.id.as_str().into(),
            user.email.as_typed().into(),
            user.email.key().into(),
            user.is_email_verified.into(),
            user.username.as_ref().map(domain::Username::as_str).into(),
            user.name.as_ref().map(domain::PersonName::as_str).into(),
            status_text(user.status).into(),
            user.password_hash.as_ref().map(PasswordHash::expose).into(),
            user.session_epoch.into(),
            user.version.into(),
            user.created_at.into(),
            user.last_login_at.into(),
        ],
    )
}

fn insert_role(user: &UserId, role: &RoleName) -> Statement {
    let parameters: [Value; 2] = [user.as_str().into(), role.as_str().into()];
    Statement::new(INSERT_USER_ROLE, parameters)
}

fn replaced(written: &Written) -> Result<Replaced, StoreError> {
    match written {
        Written::Done => Ok(Replaced::Yes),
        Written::Unmet => Ok(Replaced::Stale),
        Written::Conflict(_) => Err(unexpected(written)),
    }
}

/// An outcome that the statements cannot have, unless the schema is not ours.
pub(crate) fn unexpected(written: &Written) -> StoreError {
    StoreError::Malformed { what: "outcome", source: format!("{written:?}").into() }
}
