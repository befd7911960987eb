-- Users, their sessions, and what has to be told about them.
-- Moments are milliseconds since the Unix epoch; ids are text as the API shows them.

CREATE TABLE roles (
    name TEXT PRIMARY KEY
) STRICT, WITHOUT ROWID;

CREATE TABLE role_permissions (
    role       TEXT NOT NULL REFERENCES roles (name) ON DELETE CASCADE,
    permission TEXT NOT NULL,
    PRIMARY KEY (role, permission)
) STRICT, WITHOUT ROWID;

INSERT INTO roles (name) VALUES ('ADMIN'), ('SUPERVISOR'), ('USER');

INSERT INTO role_permissions (role, permission) VALUES
    ('USER', 'profile:read'),
    ('SUPERVISOR', 'profile:read'),
    ('SUPERVISOR', 'users:read'),
    ('ADMIN', 'profile:read'),
    ('ADMIN', 'users:read'),
    ('ADMIN', 'users:write'),
    ('ADMIN', 'roles:read'),
    ('ADMIN', 'roles:write'),
    ('ADMIN', 'audit:read'),
    ('ADMIN', 'keys:read'),
    ('ADMIN', 'keys:write');

CREATE TABLE users (
    id               TEXT PRIMARY KEY,
    email            TEXT NOT NULL,
    email_key        TEXT NOT NULL UNIQUE,
    email_verified   INTEGER NOT NULL CHECK (email_verified IN (0, 1)),
    username         TEXT UNIQUE,
    name             TEXT,
    status           TEXT NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash    TEXT,
    session_epoch    INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    created_at_ms    INTEGER NOT NULL,
    last_login_at_ms INTEGER
) STRICT;

CREATE TABLE user_roles (
    user_id TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    TEXT NOT NULL REFERENCES roles (name),
    PRIMARY KEY (user_id, role)
) STRICT, WITHOUT ROWID;

CREATE INDEX user_roles_by_role ON user_roles (role);

CREATE TABLE sessions (
    id                  TEXT PRIMARY KEY,
    user_id             TEXT NOT NULL REFERENCES users (id) ON DELETE CASCADE,
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

CREATE INDEX sessions_by_user ON sessions (user_id, id);
-- Of moments that never change, so that a rotation touches no index.
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

CREATE TABLE counters (
    name  TEXT PRIMARY KEY,
    value INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO counters (name, value) VALUES ('revocations', 0);

-- Either session_id is set, or user_id and epoch_below are.
CREATE TABLE revocations (
    sequence          INTEGER PRIMARY KEY,
    session_id        TEXT,
    user_id           TEXT,
    epoch_below       INTEGER,
    except_session_id TEXT,
    ended_at_ms       INTEGER NOT NULL,
    expires_at_ms     INTEGER NOT NULL,
    CHECK ((session_id IS NULL) = (user_id IS NOT NULL AND epoch_below IS NOT NULL))
) STRICT;

CREATE INDEX revocations_by_expiry ON revocations (expires_at_ms);

CREATE TABLE outbox (
    id             TEXT PRIMARY KEY,
    name           TEXT NOT NULL,
    user_id        TEXT NOT NULL,
    at_ms          INTEGER NOT NULL,
    envelope       TEXT NOT NULL,
    lease_until_ms INTEGER NOT NULL
) STRICT;

CREATE TABLE records (
    name    TEXT PRIMARY KEY,
    version INTEGER NOT NULL,
    content BLOB NOT NULL
) STRICT, WITHOUT ROWID;
