use std::collections::BTreeSet;

use async_trait::async_trait;
use contracts::{
    EpochRaise, EraseUser, InsertUser, InsertUserError, OneTimeCodeStore as _, OutboxEvent,
    PutCode, ReplaceUser, Replaced, StoreError, UserReplaced, UserStore,
};
use domain::{Account, Login, PasswordHash, RoleName, Timestamp, User, UserId};

use crate::SqlStorage;
use crate::codes::{delete_codes, put_code, spend_code};
use crate::factors::{factor_columns, factor_values};
use crate::notices::{insert_event, insert_notices};
use crate::outcomes::{replaced, unexpected};
use crate::revocations::insert_revocation;
use crate::rows::{USER_COLUMNS, add_grant, parsed, to_role, to_user, user_columns};
use crate::sessions::keep_session;
use crate::statement::{Guard, Statement, Value, Written};

/// Looks for the user name before it looks for anything else that must be one's own, whatever order
/// the indexes were made in: if both are taken, the user name is told.
const INSERT_USER: &str = concat!(
    "INSERT INTO users (id, email, email_key, email_verified, username, name, status, password_hash,
                        session_epoch, version, created_at_ms, last_login_at_ms, ",
    factor_columns!(""),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17)
         ON CONFLICT (username) DO NOTHING"
);

/// Not over a tombstone: what is left of who left would belong to somebody else. Looked for after
/// the user was inserted, which waits for an erasure of that id that is under way.
const KEEP_UNLESS_ERASED: &str = "
    UPDATE users SET version = version
     WHERE id = $1 AND NOT EXISTS (SELECT 1 FROM erased_users WHERE id = $1)";

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

const REPLACE_USER: &str = "
    UPDATE users
       SET email = $1, email_key = $2, email_verified = $3, username = $4, name = $5, status = $6,
           password_hash = $7, totp_sealed_secret = $8, totp_begun_at_ms = $9,
           totp_enabled_at_ms = $10, totp_last_step = $11, totp_backup_codes = $12,
           session_epoch = $13, version = $14
     WHERE id = $15 AND version = $14 - 1";

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
    KEEP_UNLESS_ERASED,
    INSERT_USER_ROLE,
    FIND_USER,
    FIND_USER_BY_EMAIL,
    FIND_USER_BY_USERNAME,
    LIST_USERS,
    REPLACE_USER,
    DELETE_USER_ROLES,
    REPLACE_PASSWORD_HASH,
    RAISE_EPOCH,
    LIST_ROLES,
];

#[async_trait]
impl UserStore for SqlStorage {
    async fn insert_user(
        &self,
        new: &InsertUser,
        if_taken: Option<&PutCode>,
    ) -> Result<(), InsertUserError> {
        let user = &new.user;
        let keep = Statement::new(KEEP_UNLESS_ERASED, [user.id.as_str().into()]);
        let mut statements = vec![insert_user(user).guard_of(Guard::Username), keep.guard()];
        statements.extend(user.roles.iter().map(|role| insert_role(&user.id, role)));
        statements.extend(new.code.as_ref().map(put_code));
        statements.extend(insert_notices(&new.notices));
        let written = self.engine.write(statements).await?;
        match (taken(&written), if_taken) {
            (Some(Taken::Email), Some(put)) => {
                Err(InsertUserError::EmailTaken(Some(self.put_code(put).await?)))
            }
            (Some(Taken::Email), None) => Err(InsertUserError::EmailTaken(None)),
            (Some(Taken::Username), _) => Err(InsertUserError::UsernameTaken),
            (None, _) if written == Written::Done => Ok(()),
            (None, _) => Err(unexpected(&written).into()),
        }
    }

    async fn find_user(&self, id: &UserId) -> Result<Option<Account>, StoreError> {
        self.find_account(&Statement::new(FIND_USER, [id.as_str().into()])).await
    }

    async fn find_user_by_login(&self, login: &Login) -> Result<Option<Account>, StoreError> {
        self.find_account(&match login {
            Login::Email(email) => Statement::new(FIND_USER_BY_EMAIL, [email.key().into()]),
            Login::Username(name) => Statement::new(FIND_USER_BY_USERNAME, [name.as_str().into()]),
        })
        .await
    }

    async fn list_users(
        &self,
        after: Option<&UserId>,
        limit: usize,
    ) -> Result<Vec<User>, StoreError> {
        let after = after.map_or("", UserId::as_str);
        let statement = Statement::new(LIST_USERS, [after.into(), limit.into()]);
        self.engine
            .read(&statement, Vec::new(), |users: &mut Vec<User>, row| {
                let user = to_user(row)?;
                if users.last().is_none_or(|last| last.id != user.id) {
                    users.push(user);
                }
                if let (Some(last), Some(role)) = (users.last_mut(), to_role(row)?) {
                    last.roles.insert(role);
                }
                Ok(())
            })
            .await
    }

    async fn replace_user(&self, change: &ReplaceUser) -> Result<UserReplaced, StoreError> {
        let user = &change.user;
        let mut statements = Vec::new();
        statements.extend(change.spends.as_ref().map(spend_code));
        statements.push(replace_user(user).guard());
        statements.push(Statement::new(DELETE_USER_ROLES, [user.id.as_str().into()]));
        statements.extend(user.roles.iter().map(|role| insert_role(&user.id, role)));
        statements.extend(change.drops_codes.then(|| delete_codes(&user.id)));
        statements.extend(change.code.as_ref().map(put_code));
        statements.extend(change.keeps_session.map(|id| keep_session(user, id)));
        statements.extend(change.revocation.as_ref().into_iter().flat_map(insert_revocation));
        statements.extend(insert_notices(&change.notices));
        let written = self.engine.write(statements).await?;
        match (taken(&written), written) {
            (Some(Taken::Email), _) => Ok(UserReplaced::EmailTaken),
            (Some(Taken::Username), _) => Ok(UserReplaced::UsernameTaken),
            (None, Written::Done) => Ok(UserReplaced::Yes),
            (None, Written::Unmet(Guard::Code)) => Ok(UserReplaced::CodeNotUsable),
            (None, Written::Unmet(Guard::Record)) => Ok(UserReplaced::Stale),
            (None, refused) => Err(unexpected(&refused)),
        }
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

    async fn erase_user(&self, erasure: &EraseUser) -> Result<Replaced, StoreError> {
        self.erase(erasure).await
    }

    async fn delete_remains(&self, settled: Timestamp, limit: usize) -> Result<usize, StoreError> {
        self.purge(settled, limit).await
    }

    async fn list_roles(&self) -> Result<BTreeSet<RoleName>, StoreError> {
        let statement = Statement::new(LIST_ROLES, []);
        self.engine
            .read(&statement, BTreeSet::new(), |roles, row| {
                roles.insert(parsed("role", RoleName::parse(row.text("role")?))?);
                Ok(())
            })
            .await
    }
}

impl SqlStorage {
    async fn find_account(&self, statement: &Statement) -> Result<Option<Account>, StoreError> {
        self.engine
            .read(statement, None, |account, row| {
                if account.is_none() {
                    *account = Some(Account { user: to_user(row)?, permissions: BTreeSet::new() });
                }
                account.as_mut().map_or(Ok(()), |account| add_grant(account, row, USER_COLUMNS))
            })
            .await
    }
}

fn insert_user(user: &User) -> Statement {
    let [sealed_secret, begun_at, enabled_at, last_step, backup_codes] =
        factor_values(user.totp.as_ref());
    Statement::new(
        INSERT_USER,
        [
            user.id.as_str().into(),
            user.email.as_typed().into(),
            user.email.key().into(),
            user.is_email_verified.into(),
            user.username.as_ref().map(domain::Username::as_str).into(),
            user.name.as_ref().map(domain::PersonName::as_str).into(),
            user.status.name().into(),
            user.password_hash.as_ref().map(PasswordHash::expose).into(),
            user.session_epoch.into(),
            user.version.into(),
            user.created_at.into(),
            user.last_login_at.into(),
            sealed_secret,
            begun_at,
            enabled_at,
            last_step,
            backup_codes,
        ],
    )
}

fn replace_user(user: &User) -> Statement {
    let [sealed_secret, begun_at, enabled_at, last_step, backup_codes] =
        factor_values(user.totp.as_ref());
    Statement::new(
        REPLACE_USER,
        [
            user.email.as_typed().into(),
            user.email.key().into(),
            user.is_email_verified.into(),
            user.username.as_ref().map(domain::Username::as_str).into(),
            user.name.as_ref().map(domain::PersonName::as_str).into(),
            user.status.name().into(),
            user.password_hash.as_ref().map(PasswordHash::expose).into(),
            sealed_secret,
            begun_at,
            enabled_at,
            last_step,
            backup_codes,
            user.session_epoch.into(),
            user.version.into(),
            user.id.as_str().into(),
        ],
    )
}

fn insert_role(user: &UserId, role: &RoleName) -> Statement {
    let parameters: [Value; 2] = [user.as_str().into(), role.as_str().into()];
    Statement::new(INSERT_USER_ROLE, parameters)
}

/// What another user has already.
enum Taken {
    Email,
    Username,
}

fn taken(written: &Written) -> Option<Taken> {
    match written {
        Written::Conflict(columns) if columns.contains("email_key") => Some(Taken::Email),
        Written::Conflict(columns) if columns.contains("username") => Some(Taken::Username),
        Written::Unmet(Guard::Username) => Some(Taken::Username),
        _ => None,
    }
}
