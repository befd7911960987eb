use std::collections::BTreeSet;

use async_trait::async_trait;
use contracts::{
    Advance, Advanced, EndSession, Ended, Forgive, InsertSession, KnownDevice, NewSession,
    OutboxEvent, Reauthenticate, Replaced, Resealed, SealedKey, SessionStore, SignedIn, StoreError,
};
use domain::{Account, DeviceDigest, Session, SessionId, Timestamp, User, UserId};

use crate::SqlStorage;
use crate::notices::{insert_event, insert_notices};
use crate::outcomes::{replaced, unexpected};
use crate::revocations::insert_revocation;
use crate::rows::{
    SESSION_COLUMNS, USER_COLUMNS, add_grant, methods_text, session_columns, to_sealed_key,
    to_session, to_user, user_columns,
};
use crate::statement::{Statement, Written};
use crate::trusted_devices::insert_trusted_device;

const RECORD_SIGN_IN: &str = "
    UPDATE users SET last_login_at_ms = $1
     WHERE id = $2 AND session_epoch = $3 AND status = 'active'";

const INSERT_SESSION: &str = "
    INSERT INTO sessions (id, user_id, epoch, generation, forgiven_generation, rotated_at_ms,
                          rotated_by, sealed_refresh_key, methods, authenticated_at_ms, address,
                          user_agent, created_at_ms, last_used_at_ms, idle_expires_at_ms,
                          expires_at_ms)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16)";

/// A session with its user, one row for each permission of each role.
const FIND_SESSION: &str = concat!(
    "SELECT ",
    session_columns!(),
    ", ",
    user_columns!(),
    ", r.role, p.permission
       FROM sessions s
       JOIN users u ON u.id = s.user_id
       LEFT JOIN user_roles r ON r.user_id = u.id
       LEFT JOIN role_permissions p ON p.role = r.role
      WHERE s.id = $1 AND s.user_id = $2"
);

const LIST_SESSIONS: &str = concat!(
    "SELECT ",
    session_columns!(),
    "  FROM sessions s
       JOIN users u ON u.id = s.user_id AND u.session_epoch <= s.epoch
      WHERE s.user_id = $1 AND s.id > $2 AND s.ended_at_ms IS NULL
        AND s.idle_expires_at_ms > $3 AND s.expires_at_ms > $3
      ORDER BY s.id LIMIT $4"
);

const ADVANCE_GENERATION: &str = "
    UPDATE sessions
       SET generation = $1, rotated_at_ms = $2, last_used_at_ms = $2, rotated_by = $3,
           idle_expires_at_ms = $4, sealed_refresh_key = coalesce($5, sealed_refresh_key)
     WHERE id = $6 AND user_id = $7 AND generation = $8 AND ended_at_ms IS NULL";

const ADVANCE_FORGIVEN: &str = "
    UPDATE sessions SET forgiven_generation = $1
     WHERE id = $2 AND user_id = $3 AND generation = $1 AND forgiven_generation = $4
       AND ended_at_ms IS NULL";

const END_SESSION: &str = "
    UPDATE sessions SET ended_at_ms = $1, end_reason = $2
     WHERE id = $3 AND user_id = $4 AND ended_at_ms IS NULL";

const LIST_SEALED_KEYS: &str = "
    SELECT id, user_id, expires_at_ms, sealed_refresh_key FROM sessions
     WHERE id > $1 ORDER BY id LIMIT $2";

const REPLACE_SEALED_KEY: &str = "
    UPDATE sessions SET sealed_refresh_key = $1
     WHERE id = $2 AND user_id = $3 AND sealed_refresh_key = $4";

/// What was proved later stays, if it was written first.
const ADVANCE_AUTHENTICATION: &str = "
    UPDATE sessions
       SET authenticated_at_ms = CASE WHEN authenticated_at_ms < $1 THEN $1
                                      ELSE authenticated_at_ms END,
           methods = CASE WHEN authenticated_at_ms <= $1 THEN $2 ELSE methods END
     WHERE id = $3 AND user_id = $4 AND epoch = $5 AND ended_at_ms IS NULL
       AND EXISTS (SELECT 1 FROM users WHERE id = $4 AND session_epoch = $5 AND status = 'active')";

/// A session that is dead by an older epoch, or has ended, stays dead.
const KEEP_SESSION: &str = "
    UPDATE sessions SET epoch = $1
     WHERE id = $2 AND user_id = $3 AND epoch = $1 - 1 AND ended_at_ms IS NULL";

const PUT_DEVICE: &str = "
    INSERT INTO devices (user_id, digest, expires_at_ms) VALUES ($1, $2, $3)
        ON CONFLICT (user_id, digest) DO UPDATE SET expires_at_ms = excluded.expires_at_ms";

const FIND_DEVICE: &str =
    "SELECT expires_at_ms FROM devices WHERE user_id = $1 AND digest = $2 AND expires_at_ms > $3";

#[cfg(test)]
pub(crate) const STATEMENTS: &[&str] = &[
    RECORD_SIGN_IN,
    INSERT_SESSION,
    FIND_SESSION,
    LIST_SESSIONS,
    ADVANCE_GENERATION,
    ADVANCE_FORGIVEN,
    END_SESSION,
    LIST_SEALED_KEYS,
    REPLACE_SEALED_KEY,
    ADVANCE_AUTHENTICATION,
    KEEP_SESSION,
    PUT_DEVICE,
    FIND_DEVICE,
];

#[async_trait]
impl SessionStore for SqlStorage {
    async fn insert_session(&self, new: &NewSession) -> Result<InsertSession, StoreError> {
        let session = &new.session;
        let user = session.user_id.as_str();
        let sign_in = [session.created_at.into(), user.into(), session.epoch.into()];
        let mut statements =
            vec![Statement::new(RECORD_SIGN_IN, sign_in).guard(), insert_session(session)];
        statements.extend(new.devices.iter().map(|device| put_device(user, device)));
        statements.extend(new.trusts.as_ref().map(insert_trusted_device));
        statements.extend(insert_notices(&new.notices));
        match self.engine.write(statements).await? {
            Written::Done => Ok(InsertSession::Yes),
            Written::Unmet(_) => Ok(InsertSession::EpochPassed),
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }

    async fn find_device(
        &self,
        user: &UserId,
        device: DeviceDigest,
        now: Timestamp,
    ) -> Result<Option<KnownDevice>, StoreError> {
        let parameters = [user.as_str().into(), device.0.as_slice().into(), now.into()];
        self.engine
            .read(&Statement::new(FIND_DEVICE, parameters), None, |found, row| {
                *found = Some(KnownDevice { digest: device, expires_at: row.moment("expiry")? });
                Ok(())
            })
            .await
    }

    async fn find_session(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<SignedIn>, StoreError> {
        let parameters = [session.to_string().into(), user.as_str().into()];
        let statement = Statement::new(FIND_SESSION, parameters);
        self.engine
            .read(&statement, None, |found: &mut Option<SignedIn>, row| {
                if found.is_none() {
                    let session = to_session(row)?;
                    let account = Account { user: to_user(row)?, permissions: BTreeSet::new() };
                    *found = Some(SignedIn { session, account });
                }
                found.as_mut().map_or(Ok(()), |found| {
                    add_grant(&mut found.account, row, SESSION_COLUMNS + USER_COLUMNS)
                })
            })
            .await
    }

    async fn list_sessions(
        &self,
        user: &UserId,
        now: Timestamp,
        after: Option<SessionId>,
        limit: usize,
    ) -> Result<Vec<Session>, StoreError> {
        let after = after.map(|id| id.to_string()).unwrap_or_default();
        let parameters = [user.as_str().into(), after.into(), now.into(), limit.into()];
        let statement = Statement::new(LIST_SESSIONS, parameters);
        self.engine
            .read(&statement, Vec::new(), |sessions, row| {
                sessions.push(to_session(row)?);
                Ok(())
            })
            .await
    }

    async fn advance_generation(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        let parameters = [
            advance.to.into(),
            advance.at.into(),
            advance.by.as_deref().into(),
            advance.idle_expires_at.into(),
            advance.resealed.as_ref().map(|key| key.new.as_ref()).into(),
            advance.session.to_string().into(),
            advance.user.as_str().into(),
            advance.from.into(),
        ];
        self.compare_and_set(Statement::new(ADVANCE_GENERATION, parameters)).await
    }

    async fn advance_forgiven(&self, forgive: &Forgive) -> Result<Advanced, StoreError> {
        let parameters = [
            forgive.generation.into(),
            forgive.session.to_string().into(),
            forgive.user.as_str().into(),
            forgive.forgiven.into(),
        ];
        self.compare_and_set(Statement::new(ADVANCE_FORGIVEN, parameters)).await
    }

    async fn advance_authentication(
        &self,
        renewal: &Reauthenticate,
    ) -> Result<Advanced, StoreError> {
        let parameters = [
            renewal.at.into(),
            methods_text(&renewal.methods).into(),
            renewal.session.to_string().into(),
            renewal.user.as_str().into(),
            renewal.epoch.into(),
        ];
        self.compare_and_set(Statement::new(ADVANCE_AUTHENTICATION, parameters)).await
    }

    async fn end_session(
        &self,
        end: &EndSession,
        events: &[OutboxEvent],
    ) -> Result<Ended, StoreError> {
        let parameters = [
            end.end.at.into(),
            end.end.reason.name().into(),
            end.session.to_string().into(),
            end.user.as_str().into(),
        ];
        let mut statements = vec![Statement::new(END_SESSION, parameters).guard()];
        statements.extend(insert_revocation(&end.revocation));
        statements.extend(events.iter().map(insert_event));
        match self.engine.write(statements).await? {
            Written::Done => Ok(Ended::Yes),
            Written::Unmet(_) => Ok(Ended::Already),
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }

    async fn list_sealed_keys(
        &self,
        after: Option<&SealedKey>,
        limit: usize,
    ) -> Result<Vec<SealedKey>, StoreError> {
        let after = after.map(|key| key.session.to_string()).unwrap_or_default();
        let statement = Statement::new(LIST_SEALED_KEYS, [after.into(), limit.into()]);
        self.engine
            .read(&statement, Vec::new(), |keys, row| {
                keys.push(to_sealed_key(row)?);
                Ok(())
            })
            .await
    }

    async fn replace_sealed_key(
        &self,
        user: &UserId,
        session: SessionId,
        key: &Resealed,
    ) -> Result<Replaced, StoreError> {
        let parameters = [
            key.new.as_ref().into(),
            session.to_string().into(),
            user.as_str().into(),
            key.old.as_ref().into(),
        ];
        let statement = Statement::new(REPLACE_SEALED_KEY, parameters).guard();
        replaced(&self.engine.write(vec![statement]).await?)
    }
}

impl SqlStorage {
    pub(crate) async fn compare_and_set(
        &self,
        statement: Statement,
    ) -> Result<Advanced, StoreError> {
        match self.engine.write(vec![statement.guard()]).await? {
            Written::Done => Ok(Advanced::Yes),
            Written::Unmet(_) => Ok(Advanced::Stale),
            refused @ Written::Conflict(_) => Err(unexpected(&refused)),
        }
    }
}

/// The statement that takes a session along to the user's new epoch, as part of an operation.
pub(crate) fn keep_session(user: &User, session: SessionId) -> Statement {
    let parameters =
        [user.session_epoch.into(), session.to_string().into(), user.id.as_str().into()];
    Statement::new(KEEP_SESSION, parameters)
}

fn put_device(user: &str, device: &KnownDevice) -> Statement {
    let known = [user.into(), device.digest.0.as_slice().into(), device.expires_at.into()];
    Statement::new(PUT_DEVICE, known)
}

fn insert_session(session: &Session) -> Statement {
    Statement::new(
        INSERT_SESSION,
        [
            session.id.to_string().into(),
            session.user_id.as_str().into(),
            session.epoch.into(),
            session.generation.into(),
            session.forgiven_generation.into(),
            session.rotated_at.into(),
            session.rotated_by.as_deref().into(),
            session.sealed_refresh_key.as_ref().into(),
            methods_text(&session.methods).into(),
            session.authenticated_at.into(),
            session.client.address.map(|address| address.to_string()).into(),
            session.client.user_agent.as_deref().into(),
            session.created_at.into(),
            session.last_used_at.into(),
            session.idle_expires_at.into(),
            session.expires_at.into(),
        ],
    )
}
