//! Sessions as Redis keeps them.

use std::time::Duration;

use contracts::{Advance, Advanced, Forgive, StoreError};
use domain::{Session, SessionId, UserId};
use redis::{Cmd, Script, ScriptInvocation};
use tokio::time::timeout;

use crate::RedisConnection;
use crate::rotation::{ENDED, Rotation, head, malformed, tail};

/// How long expired sessions stay, so that their tokens are refused as expired and not as unknown.
const KEEP: Duration = Duration::from_hours(24);
/// As good as for ever, and far from where servers stop counting.
const KEEP_MAX: Duration = Duration::from_hours(24 * 365 * 100);

/// Never in the place of another session. The user's list of sessions lasts as long as the one of
/// them that lasts longest.
const INSERT: &str = "
if not redis.call('SET', KEYS[1], ARGV[1], 'NX', 'PX', ARGV[2]) then return 0 end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now)
redis.call('ZADD', KEYS[2], string.format('%.0f', now + ARGV[2]), ARGV[3])
local last = redis.call('ZREVRANGE', KEYS[2], 0, 0, 'WITHSCORES')
redis.call('PEXPIREAT', KEYS[2], string.format('%.0f', last[2]))
return 1";

/// Generations are compared as bytes: numbers of scripts are too small for them.
const ADVANCE: &str = "
local value = redis.call('GET', KEYS[1])
if not value then return 0 end
if #value < 17 or string.byte(value) > 2 then return -1 end
if string.sub(value, 1, 9) ~= ARGV[1] then return 0 end
redis.call('SET', KEYS[1], ARGV[2] .. string.sub(value, 10, 17) .. ARGV[3], 'KEEPTTL')
return 1";

const FORGIVE: &str = "
local value = redis.call('GET', KEYS[1])
if not value then return 0 end
if #value < 17 or string.byte(value) > 2 then return -1 end
if string.sub(value, 1, 9) ~= ARGV[1] or string.sub(value, 10, 17) ~= ARGV[2] then return 0 end
local generation = string.sub(value, 2, 9)
redis.call('SET', KEYS[1], ARGV[1] .. generation .. string.sub(value, 18), 'KEEPTTL')
return 1";

/// What is written over the form: no generation is found in it any more. All else stays, the time
/// that it is kept among it.
const END: &str = "
if redis.call('EXISTS', KEYS[1]) == 1 then redis.call('SETRANGE', KEYS[1], 0, ARGV[1]) end
return 1";

/// Sessions of one user, and that the user has them.
const DELETE: &str = "
redis.call('DEL', unpack(KEYS, 2))
redis.call('ZREM', KEYS[1], unpack(ARGV))
return 1";

/// Sessions that are deleted at once: nobody else waits long for the server, and nor do we.
const DELETED_AT_ONCE: isize = 100;
/// How long deleting all sessions of a user may take. What is left then is for the next time.
const DELETE_WITHIN: Duration = Duration::from_secs(5);

/// The records in Redis.
pub(crate) struct LiveSessions {
    connection: RedisConnection,
    insert: Script,
    advance: Script,
    forgive: Script,
    end: Script,
    delete: Script,
}

impl LiveSessions {
    pub(crate) fn new(connection: RedisConnection) -> Self {
        Self {
            connection,
            insert: Script::new(INSERT),
            advance: Script::new(ADVANCE),
            forgive: Script::new(FORGIVE),
            end: Script::new(END),
            delete: Script::new(DELETE),
        }
    }

    pub(crate) async fn insert(&self, session: &Session) -> Result<(), StoreError> {
        let keys = self.connection.keys();
        let mut script = self.insert.key(keys.session(&session.user_id, session.id));
        script.key(keys.sessions(&session.user_id));
        script.arg(Rotation::of(session).encode());
        script.arg(kept_ms(session)).arg(session.id.to_string());
        // One that is there already stays, and it is for the main store to refuse this one.
        Ok(self.connection.invoke::<()>(&script).await?)
    }

    pub(crate) async fn find(
        &self,
        user: &UserId,
        session: SessionId,
    ) -> Result<Option<Rotation>, StoreError> {
        let command = Cmd::get(self.connection.keys().session(user, session));
        let value: Option<Vec<u8>> = self.connection.query(&command).await?;
        value.as_deref().map(Rotation::decode).transpose()
    }

    /// What is known of each of the sessions, in one round trip.
    pub(crate) async fn find_all(
        &self,
        user: &UserId,
        sessions: &[Session],
    ) -> Result<Vec<Option<Rotation>>, StoreError> {
        if sessions.is_empty() {
            return Ok(Vec::new());
        }
        let keys = self.connection.keys();
        let names: Vec<_> = sessions.iter().map(|session| keys.session(user, session.id)).collect();
        let values: Vec<Option<Vec<u8>>> = self.connection.query(&Cmd::mget(names)).await?;
        values.iter().map(|value| value.as_deref().map(Rotation::decode).transpose()).collect()
    }

    pub(crate) async fn advance(&self, advance: &Advance) -> Result<Advanced, StoreError> {
        let key = self.connection.keys().session(&advance.user, advance.session);
        let mut script = self.advance.key(key);
        script.arg(head(advance.from)).arg(head(advance.to)).arg(tail(advance));
        self.compare_and_set(&script).await
    }

    pub(crate) async fn forgive(&self, forgive: &Forgive) -> Result<Advanced, StoreError> {
        let key = self.connection.keys().session(&forgive.user, forgive.session);
        let mut script = self.forgive.key(key);
        script.arg(head(forgive.generation)).arg(forgive.forgiven.to_be_bytes().as_slice());
        self.compare_and_set(&script).await
    }

    async fn compare_and_set(&self, script: &ScriptInvocation<'_>) -> Result<Advanced, StoreError> {
        match self.connection.invoke::<i64>(script).await? {
            1 => Ok(Advanced::Yes),
            0 => Ok(Advanced::Stale),
            _ => Err(malformed()),
        }
    }

    /// From now on it neither rotates nor forgives.
    pub(crate) async fn end(&self, user: &UserId, session: SessionId) -> Result<(), StoreError> {
        let mut script = self.end.key(self.connection.keys().session(user, session));
        script.arg([ENDED].as_slice());
        Ok(self.connection.invoke::<()>(&script).await?)
    }

    pub(crate) async fn delete(&self, user: &UserId, session: SessionId) -> Result<(), StoreError> {
        self.delete_some(user, &[session.to_string()]).await
    }

    /// All that is kept of a user.
    pub(crate) async fn delete_all(&self, user: &UserId) -> Result<(), StoreError> {
        let deleted = timeout(DELETE_WITHIN, self.delete_pages(user)).await;
        deleted.unwrap_or_else(|late| Err(StoreError::Unavailable(late.into())))
    }

    async fn delete_pages(&self, user: &UserId) -> Result<(), StoreError> {
        let page = Cmd::zrange(self.connection.keys().sessions(user), 0, DELETED_AT_ONCE - 1);
        loop {
            let ids: Vec<String> = self.connection.query(&page).await?;
            if ids.is_empty() {
                return Ok(());
            }
            self.delete_some(user, &ids).await?;
        }
    }

    async fn delete_some(&self, user: &UserId, ids: &[String]) -> Result<(), StoreError> {
        let index = self.connection.keys().sessions(user);
        let mut script = self.delete.key(&index);
        for id in ids {
            script.key(format!("{index}:{id}")).arg(id);
        }
        Ok(self.connection.invoke::<()>(&script).await?)
    }
}

/// How long a session is kept, from its beginning on.
fn kept_ms(session: &Session) -> u64 {
    let kept = session.expires_at.since(session.created_at).saturating_add(KEEP).min(KEEP_MAX);
    u64::try_from(kept.as_millis()).unwrap_or(u64::MAX)
}
