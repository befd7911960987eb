-- Users, their sessions, and what has to be told about them.
-- Ids and keys compare by their bytes, whatever the database's collation: COLLATE "C".
-- Whole milliseconds and not timestamptz, so that a moment is the same number in every store.

CREATE TABLE roles (
    name text COLLATE "C" PRIMARY KEY
);

CREATE TABLE role_permissions (
    role       text COLLATE "C" NOT NULL REFERENCES roles (name) ON DELETE CASCADE,
    permission text COLLATE "C" NOT NULL,
    PRIMARY KEY (role, permission)
);

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
    id               text COLLATE "C" PRIMARY KEY,
    email            text NOT NULL,
    email_key        text COLLATE "C" NOT NULL,
    email_verified   boolean NOT NULL,
    username         text COLLATE "C",
    name             text,
    status           text NOT NULL CHECK (status IN ('active', 'disabled')),
    password_hash    text,
    session_epoch    bigint NOT NULL,
    version          bigint NOT NULL,
    created_at_ms    bigint NOT NULL,
    last_login_at_ms bigint,
    CONSTRAINT users_username_unique UNIQUE (username),
    CONSTRAINT users_email_key_unique UNIQUE (email_key)
    -- Room beside each row, so that a sign-in, which changes no index, stays on its page.
) WITH (fillfactor = 90);

COMMENT ON TABLE users IS 'Who can sign in; those who left are in erased_users.';
COMMENT ON COLUMN users.email IS 'The address as it was typed.';
COMMENT ON COLUMN users.email_key IS 'The address as it is compared.';
COMMENT ON COLUMN users.session_epoch IS 'Sessions of a lower epoch have ended.';
COMMENT ON COLUMN users.version IS 'Grows with every change but a sign-in.';
COMMENT ON COLUMN users.created_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN users.last_login_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

CREATE TABLE user_roles (
    user_id text COLLATE "C" NOT NULL REFERENCES users (id) ON DELETE CASCADE,
    role    text COLLATE "C" NOT NULL REFERENCES roles (name),
    PRIMARY KEY (user_id, role)
);

CREATE INDEX user_roles_by_role ON user_roles (role);

-- No reference to users: the sessions of an erased user go a page at a time.
CREATE TABLE sessions (
    id                  text COLLATE "C" PRIMARY KEY,
    user_id             text COLLATE "C" NOT NULL,
    epoch               bigint NOT NULL,
    generation          bigint NOT NULL,
    forgiven_generation bigint NOT NULL,
    rotated_at_ms       bigint NOT NULL,
    rotated_by          text,
    sealed_refresh_key  bytea NOT NULL,
    methods             text NOT NULL,
    authenticated_at_ms bigint NOT NULL,
    address             text,
    user_agent          text,
    created_at_ms       bigint NOT NULL,
    last_used_at_ms     bigint NOT NULL,
    idle_expires_at_ms  bigint NOT NULL,
    expires_at_ms       bigint NOT NULL,
    ended_at_ms         bigint,
    end_reason          text
    -- As for users: a rotation touches no index.
) WITH (fillfactor = 80);

CREATE INDEX sessions_by_user ON sessions (user_id, id);
-- Of moments that never change, so that a rotation touches no index.
CREATE INDEX sessions_by_expiry ON sessions (expires_at_ms);

COMMENT ON COLUMN sessions.methods IS 'How the user proved who they are, separated by spaces.';
COMMENT ON COLUMN sessions.address IS 'The client''s IP address.';
COMMENT ON COLUMN sessions.rotated_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN sessions.authenticated_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN sessions.created_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN sessions.last_used_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN sessions.idle_expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN sessions.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN sessions.ended_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

-- No sequence object: its numbers become visible out of order, and a verifier would miss some.
CREATE TABLE counters (
    name  text COLLATE "C" PRIMARY KEY,
    value bigint NOT NULL
);

INSERT INTO counters (name, value) VALUES ('revocations', 0);

-- Either session_id is set, or user_id and epoch_below are.
CREATE TABLE revocations (
    sequence          bigint PRIMARY KEY,
    session_id        text COLLATE "C",
    user_id           text COLLATE "C",
    epoch_below       bigint,
    except_session_id text COLLATE "C",
    ended_at_ms       bigint NOT NULL,
    expires_at_ms     bigint NOT NULL,
    CHECK ((session_id IS NULL) = (user_id IS NOT NULL AND epoch_below IS NOT NULL))
);

CREATE INDEX revocations_by_expiry ON revocations (expires_at_ms);

COMMENT ON COLUMN revocations.ended_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN revocations.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

CREATE TABLE outbox (
    id             text COLLATE "C" PRIMARY KEY,
    name           text NOT NULL,
    user_id        text COLLATE "C" NOT NULL,
    at_ms          bigint NOT NULL,
    envelope       text NOT NULL,
    lease_until_ms bigint NOT NULL
);

COMMENT ON TABLE outbox IS 'Events that are yet to be published.';
COMMENT ON COLUMN outbox.envelope IS 'JSON as consumers get it, to the byte.';
COMMENT ON COLUMN outbox.at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN outbox.lease_until_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

CREATE TABLE records (
    name    text COLLATE "C" PRIMARY KEY,
    version bigint NOT NULL,
    content bytea NOT NULL
);

COMMENT ON TABLE records IS 'What belongs to the deployment itself, such as the key ring; sealed.';
