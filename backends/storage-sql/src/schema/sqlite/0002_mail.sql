-- Codes that prove a mailbox, mails on their way, devices that people sign in with, and what is
-- left of those who left.

-- Digests and MACs only. No reference to users: an unknown address leaves the same trace as a known
-- one.
CREATE TABLE one_time_codes (
    user_id                  TEXT NOT NULL,
    kind                     TEXT NOT NULL,
    challenge                TEXT NOT NULL UNIQUE,
    secret_digest            BLOB NOT NULL,
    short_code_mac           BLOB NOT NULL,
    tries                    INTEGER NOT NULL,
    email                    TEXT,
    created_at_ms            INTEGER NOT NULL,
    short_code_expires_at_ms INTEGER NOT NULL,
    expires_at_ms            INTEGER NOT NULL,
    PRIMARY KEY (user_id, kind)
) STRICT;

CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at_ms);

CREATE TABLE mails (
    id            TEXT PRIMARY KEY,
    user_id       TEXT,
    template      TEXT NOT NULL,
    recipient     TEXT NOT NULL,
    sealed_values BLOB NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    state         TEXT NOT NULL CHECK (state IN ('waiting', 'dead')),
    attempts      INTEGER NOT NULL,
    due_at_ms     INTEGER NOT NULL,
    last_error    TEXT
) STRICT;

CREATE INDEX mails_by_due_time ON mails (due_at_ms);
CREATE INDEX mails_by_user ON mails (user_id);

CREATE TABLE devices (
    user_id       TEXT NOT NULL,
    digest        BLOB NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX devices_by_expiry ON devices (expires_at_ms);

-- Nothing of the person. It stays, so that the id never means somebody else.
CREATE TABLE erased_users (
    id            TEXT PRIMARY KEY,
    erased_at_ms  INTEGER NOT NULL,
    session_epoch INTEGER NOT NULL,
    has_remains   INTEGER NOT NULL CHECK (has_remains IN (0, 1))
) STRICT;

CREATE INDEX erased_users_with_remains ON erased_users (erased_at_ms) WHERE has_remains = 1;

-- Sessions no longer refer to users: those of an erased user go a page at a time.
CREATE TABLE sessions_of_anyone (
    id                  TEXT PRIMARY KEY,
    user_id             TEXT NOT NULL,
    epoch               INTEGER NOT NULL,
    generation          INTEGER NOT NULL,
    forgiven_generation INTEGER NOT NULL,
    rotated_at_ms       INTEGER NOT NULL,
    rotated_by          TEXT,
    sealed_refresh_key  BLOB NOT NULL,
    methods             TEXT NOT NULL,
    authenticated_at_ms INTEGER NOT NULL,
    address             TEXT,
    user_agent          TEXT,
    created_at_ms       INTEGER NOT NULL,
    last_used_at_ms     INTEGER NOT NULL,
    idle_expires_at_ms  INTEGER NOT NULL,
    expires_at_ms       INTEGER NOT NULL,
    ended_at_ms         INTEGER,
    end_reason          TEXT
) STRICT;

INSERT INTO sessions_of_anyone SELECT * FROM sessions;
DROP TABLE sessions;
ALTER TABLE sessions_of_anyone RENAME TO sessions;

CREATE INDEX sessions_by_user ON sessions (user_id, id);
-- Of moments that never change, so that a rotation touches no index.
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);
