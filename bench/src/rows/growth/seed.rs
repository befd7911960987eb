//! Users and sessions written straight into the database: over HTTP, five million would take days.

use std::path::Path;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use crypto::{DataKey, DataKeys, MacKey};
use domain::{RefreshToken, SessionId, Timestamp, UserId};
use rusqlite::{Connection, params};

use crate::{Result, accounts};

/// The data key of the seeded servers: 32 bytes of 7.
pub(crate) const DATA_KEY_BASE64: &str = "BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
const REFRESH_KEY: [u8; 32] = [9; 32];
/// Rows of one transaction.
const BATCH: u32 = 100_000;

/// Users with a session each, known by their number.
pub(crate) struct Seeded {
    pub(crate) users: u32,
    made_at: Timestamp,
    data_keys: DataKeys,
}

impl Seeded {
    pub(crate) fn new(users: u32) -> Result<Self> {
        let made_at = Timestamp::from_unix_ms(jiff::Timestamp::now().as_millisecond());
        let data_keys = DataKeys::new(&[DataKey::parse(DATA_KEY_BASE64)?])?;
        Ok(Self { users, made_at, data_keys })
    }

    /// Copies the one user and the one session of the database, which the server has made, so that
    /// what is copied is what the server writes. The server must not run.
    pub(crate) fn fill(&self, database: &Path) -> Result<()> {
        let mut connection = Connection::open(database)?;
        connection.pragma_update(None, "synchronous", "OFF")?;
        connection.pragma_update(None, "cache_size", -1_000_000)?;
        let template = accounts::email(0);
        let (user, session): (String, String) = connection.query_row(
            "SELECT u.id, s.id FROM users u JOIN sessions s ON s.user_id = u.id WHERE u.email = ?1",
            [&template],
            |row| Ok((row.get(0)?, row.get(1)?)),
        )?;
        let names = [("id", "?1"), ("email", "?2"), ("email_key", "?2")];
        let users = copy(&connection, "users", &names, "id = ?3")?;
        let roles = copy(&connection, "user_roles", &[("user_id", "?1")], "user_id = ?2")?;
        let key = [("id", "?1"), ("user_id", "?2"), ("sealed_refresh_key", "?3")];
        let sessions = copy(&connection, "sessions", &key, "id = ?4")?;

        for start in (0..self.users).step_by(BATCH as usize) {
            let transaction = connection.transaction()?;
            {
                let mut insert_user = transaction.prepare(&users)?;
                let mut insert_roles = transaction.prepare(&roles)?;
                let mut insert_session = transaction.prepare(&sessions)?;
                for number in start..self.users.min(start + BATCH) {
                    let id = self.user(number);
                    let id = id.as_str();
                    insert_user.execute(params![id, email(number), user])?;
                    insert_roles.execute(params![id, user])?;
                    let (name, sealed) = self.sealed_key(number);
                    insert_session.execute(params![name, id, sealed, session])?;
                }
            }
            transaction.commit()?;
        }
        connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE);")?;
        Ok(())
    }

    /// The first refresh token of that user's session.
    pub(crate) fn refresh_token(&self, number: u32) -> String {
        let (user, session) = (self.user(number), self.session(number));
        let mac = MacKey::new(REFRESH_KEY).mac(&RefreshToken::signed_bytes(&user, session, 1));
        let token = RefreshToken { user, session, generation: 1, mac };
        format!("dwr_{}", BASE64_URL_SAFE_NO_PAD.encode(token.to_bytes()))
    }

    fn user(&self, number: u32) -> UserId {
        UserId::new(self.moment(number), bits(u64::from(number)))
    }

    fn session(&self, number: u32) -> SessionId {
        SessionId::new(self.moment(number), bits(u64::from(number) + (1 << 40)))
    }

    /// Ids sort by the time of their making, so each needs a time.
    fn moment(&self, number: u32) -> Timestamp {
        Timestamp::from_unix_ms(self.made_at.unix_ms() - i64::from(self.users - number))
    }

    fn sealed_key(&self, number: u32) -> (String, Box<[u8]>) {
        let id = self.session(number).to_string();
        let mut nonce = [0; 12];
        nonce[..4].copy_from_slice(&number.to_be_bytes());
        let sealed = self.data_keys.seal(&format!("session/{id}/refresh_key"), &REFRESH_KEY, nonce);
        (id, sealed)
    }
}

/// The address of that user: as a real one, it sorts anywhere.
pub(crate) fn email(number: u32) -> String {
    format!("{:016x}@example.com", random(u64::from(number) + (1 << 41)))
}

/// Spreads the numbers (splitmix64).
pub(crate) fn random(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    mixed ^ (mixed >> 31)
}

fn bits(number: u64) -> [u8; 10] {
    let mut bits = [0; 10];
    bits[..8].copy_from_slice(&random(number).to_be_bytes());
    bits
}

/// A statement that copies the rows of `condition`, some of whose columns get new values.
fn copy(
    connection: &Connection,
    table: &str,
    columns: &[(&str, &str)],
    condition: &str,
) -> Result<String> {
    let mut statement = connection.prepare(&format!("PRAGMA table_info({table})"))?;
    let names = statement
        .query_map([], |row| row.get::<_, String>(1))?
        .collect::<std::result::Result<Vec<_>, _>>()?;
    let values: Vec<&str> = names
        .iter()
        .map(|name| {
            columns.iter().find(|(changed, _)| changed == name).map_or(&**name, |new| new.1)
        })
        .collect();
    let (names, values) = (names.join(", "), values.join(", "));
    Ok(format!("INSERT INTO {table} ({names}) SELECT {values} FROM {table} WHERE {condition}"))
}
