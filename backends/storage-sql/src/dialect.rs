//! Statements that the engines cannot share, both texts side by side.
//!
//! `SQLite` has one writer: nobody comes between a sub-select and what is done with its rows. In
//! PostgreSQL another operation may: whoever waited for it would then take rows that are taken, or
//! remove what has just been renewed. So rows are locked where they are picked, and those that
//! somebody else holds are left to them, which also keeps two sweeps from waiting for each other.

use crate::statement::Sql;

/// Answers with a row if the engine takes changes.
pub(crate) const CHECK: Sql = Sql {
    sqlite: "SELECT 1",
    // A server that was demoted answers, and only reads; so does one whose owner wants it to be
    // left alone. Our sessions begin as readers anyhow, so what counts is what they would reset to.
    postgres: "
    SELECT 1 WHERE NOT pg_is_in_recovery()
       AND (SELECT reset_val FROM pg_settings
             WHERE name = 'default_transaction_read_only') = 'off'",
};

/// Walks the ids, which sort by age, past what is leased: the backlog is never sorted, and an event
/// that failed is not overtaken for ever by newer ones.
pub(crate) const CLAIM_EVENTS: Sql = Sql {
    sqlite: "
    UPDATE outbox SET lease_until_ms = $1
     WHERE id IN (SELECT id FROM outbox WHERE lease_until_ms <= $2 ORDER BY id LIMIT $3)
    RETURNING id, name, user_id, at_ms, envelope",
    postgres: "
    WITH picked AS (SELECT id FROM outbox WHERE lease_until_ms <= $2 ORDER BY id LIMIT $3
                       FOR UPDATE SKIP LOCKED)
    UPDATE outbox SET lease_until_ms = $1
     WHERE id IN (SELECT id FROM picked)
    RETURNING id, name, user_id, at_ms, envelope",
};

/// Claims mails; `$columns` is what it returns.
macro_rules! claim_mails {
    ($columns:expr) => {
        $crate::statement::Sql {
            sqlite: concat!(
                "UPDATE mails SET due_at_ms = $1
                  WHERE id IN (SELECT id FROM mails WHERE due_at_ms <= $2
                                ORDER BY due_at_ms LIMIT $3)
                 RETURNING ",
                $columns
            ),
            postgres: concat!(
                "WITH picked AS (SELECT id FROM mails WHERE due_at_ms <= $2
                                  ORDER BY due_at_ms LIMIT $3 FOR UPDATE SKIP LOCKED)
                 UPDATE mails SET due_at_ms = $1
                  WHERE id IN (SELECT id FROM picked)
                 RETURNING ",
                $columns
            ),
        }
    };
}
pub(crate) use claim_mails;

/// Deletes some of the rows of a table that `$key` names. `$picked` is that key, and `$rows` what
/// follows it, in a sub-select that knows the table as `o`.
macro_rules! delete_some {
    ($table:literal, $key:literal, $picked:literal, $($rows:literal),+) => {
        Sql {
            sqlite: concat!(
                "DELETE FROM ", $table, " WHERE (", $key, ") IN (SELECT ", $picked, $($rows),+, ")"
            ),
            postgres: concat!(
                "WITH picked AS (SELECT ", $picked, $($rows),+, " FOR UPDATE OF o SKIP LOCKED) ",
                "DELETE FROM ", $table, " WHERE (", $key, ") IN (SELECT ", $key, " FROM picked)"
            ),
        }
    };
}

/// Deletes at most `$2` of the rows whose time was up at `$1`.
macro_rules! delete_expired {
    ($table:literal, $key:literal, $moment:literal) => {
        delete_some!(
            $table,
            $key,
            $key,
            " FROM ",
            $table,
            " o WHERE o.",
            $moment,
            " <= $1 LIMIT $2"
        )
    };
}

pub(crate) const DELETE_REVOCATIONS: Sql =
    delete_expired!("revocations", "sequence", "expires_at_ms");
pub(crate) const DELETE_SESSIONS: Sql = delete_expired!("sessions", "id", "expires_at_ms");
pub(crate) const DELETE_CODES: Sql =
    delete_expired!("one_time_codes", "user_id, kind", "expires_at_ms");
pub(crate) const DELETE_DEVICES: Sql =
    delete_expired!("devices", "user_id, digest", "expires_at_ms");
pub(crate) const DELETE_TRUSTED_DEVICES: Sql =
    delete_expired!("trusted_devices", "user_id, id", "expires_at_ms");
pub(crate) const DELETE_PENDING_SIGN_INS: Sql =
    delete_expired!("pending_sign_ins", "user_id, secret_digest", "expires_at_ms");
/// On a server a row goes when the ten minutes are over within which it became whole, because an
/// index on the very moment would have to change with each draw.
pub(crate) const DELETE_LIMITS: Sql = Sql {
    sqlite: delete_expired!("limits", "limit_key", "whole_at_ms").sqlite,
    postgres: delete_some!(
        "limits",
        "limit_key",
        "limit_key",
        " FROM limits o WHERE o.whole_in < $1 / 600000 LIMIT $2"
    )
    .postgres,
};

pub(crate) const DELETE_MAILS_OF: Sql =
    delete_some!("mails", "id", "id", " FROM mails o WHERE o.user_id = $1 LIMIT $2");

/// Deletes at most `$1` of the rows that belong to erased users, marked differently.
macro_rules! delete_remains {
    ($table:literal, $key:literal, $picked:literal) => {
        Sql {
            sqlite: delete_some!(
                $table,
                $key,
                $picked,
                " FROM erased_users e JOIN ",
                $table,
                " o ON o.user_id = e.id WHERE e.has_remains = 1 LIMIT $1"
            )
            .sqlite,
            postgres: delete_some!(
                $table,
                $key,
                $picked,
                " FROM erased_users e JOIN ",
                $table,
                " o ON o.user_id = e.id WHERE e.has_remains LIMIT $1"
            )
            .postgres,
        }
    };
}

pub(crate) const DELETE_SESSIONS_OF_NOBODY: Sql = delete_remains!("sessions", "id", "o.id");
pub(crate) const DELETE_DEVICES_OF_NOBODY: Sql =
    delete_remains!("devices", "user_id, digest", "o.user_id, o.digest");
pub(crate) const DELETE_TRUSTED_DEVICES_OF_NOBODY: Sql =
    delete_remains!("trusted_devices", "user_id, id", "o.user_id, o.id");
/// Sign-ins that wait for a code, or began while the user was being erased.
pub(crate) const DELETE_PENDING_SIGN_INS_OF_NOBODY: Sql =
    delete_remains!("pending_sign_ins", "user_id, secret_digest", "o.user_id, o.secret_digest");
/// Codes that somebody asked for while the user was being erased.
pub(crate) const DELETE_CODES_OF_NOBODY: Sql =
    delete_remains!("one_time_codes", "user_id, kind", "o.user_id, o.kind");
/// Mails that were queued while the user was being erased.
pub(crate) const DELETE_MAILS_TO_NOBODY: Sql = delete_remains!("mails", "id", "o.id");

/// Marks tombstones as settled; `$has` and `$has_none` say how the engine keeps that.
macro_rules! settle {
    ($has:literal, $has_none:literal) => {
        concat!(
            "UPDATE erased_users SET ",
            $has_none,
            " WHERE ",
            $has,
            " AND erased_at_ms <= $1
               AND NOT EXISTS (SELECT 1 FROM sessions s WHERE s.user_id = erased_users.id)
               AND NOT EXISTS (SELECT 1 FROM devices d WHERE d.user_id = erased_users.id)
               AND NOT EXISTS (SELECT 1 FROM trusted_devices t WHERE t.user_id = erased_users.id)
               AND NOT EXISTS (SELECT 1 FROM pending_sign_ins p WHERE p.user_id = erased_users.id)
               AND NOT EXISTS (SELECT 1 FROM one_time_codes c WHERE c.user_id = erased_users.id)
               AND NOT EXISTS (SELECT 1 FROM mails m WHERE m.user_id = erased_users.id)"
        )
    };
}

pub(crate) const SETTLE: Sql = Sql {
    sqlite: settle!("has_remains = 1", "has_remains = 0"),
    postgres: settle!("has_remains", "has_remains = FALSE"),
};

#[cfg(test)]
pub(crate) const STATEMENTS: &[Sql] = &[
    CHECK,
    CLAIM_EVENTS,
    DELETE_REVOCATIONS,
    DELETE_SESSIONS,
    DELETE_CODES,
    DELETE_DEVICES,
    DELETE_TRUSTED_DEVICES,
    DELETE_PENDING_SIGN_INS,
    DELETE_LIMITS,
    DELETE_MAILS_OF,
    DELETE_SESSIONS_OF_NOBODY,
    DELETE_DEVICES_OF_NOBODY,
    DELETE_TRUSTED_DEVICES_OF_NOBODY,
    DELETE_PENDING_SIGN_INS_OF_NOBODY,
    DELETE_CODES_OF_NOBODY,
    DELETE_MAILS_TO_NOBODY,
    SETTLE,
];
