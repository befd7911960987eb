-- Codes that prove a mailbox, mails on their way, devices that people sign in with, and what is
-- left of those who left.

-- Digests and MACs only. No reference to users: an unknown address leaves the same trace as a known
-- one.
CREATE TABLE one_time_codes (
    user_id                  text COLLATE "C" NOT NULL,
    kind                     text COLLATE "C" NOT NULL,
    challenge                text COLLATE "C" NOT NULL,
    secret_digest            bytea NOT NULL,
    short_code_mac           bytea NOT NULL,
    tries                    bigint NOT NULL,
    email                    text,
    created_at_ms            bigint NOT NULL,
    short_code_expires_at_ms bigint NOT NULL,
    expires_at_ms            bigint NOT NULL,
    PRIMARY KEY (user_id, kind),
    CONSTRAINT one_time_codes_challenge_unique UNIQUE (challenge)
);

CREATE INDEX one_time_codes_by_expiry ON one_time_codes (expires_at_ms);

COMMENT ON COLUMN one_time_codes.created_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN one_time_codes.short_code_expires_at_ms
    IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN one_time_codes.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

CREATE TABLE mails (
    id            text COLLATE "C" PRIMARY KEY,
    user_id       text COLLATE "C",
    template      text NOT NULL,
    recipient     text NOT NULL,
    sealed_values bytea NOT NULL,
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    state         text NOT NULL CHECK (state IN ('waiting', 'dead')),
    attempts      bigint NOT NULL,
    due_at_ms     bigint NOT NULL,
    last_error    text
);

CREATE INDEX mails_by_due_time ON mails (due_at_ms);
CREATE INDEX mails_by_user ON mails (user_id);

COMMENT ON TABLE mails IS 'Mails that are yet to be sent, or that could not be.';
COMMENT ON COLUMN mails.created_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN mails.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN mails.due_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

CREATE TABLE devices (
    user_id       text COLLATE "C" NOT NULL,
    digest        bytea NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (user_id, digest)
);

CREATE INDEX devices_by_expiry ON devices (expires_at_ms);

COMMENT ON COLUMN devices.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

-- Nothing of the person. It stays, so that the id never means somebody else.
CREATE TABLE erased_users (
    id            text COLLATE "C" PRIMARY KEY,
    erased_at_ms  bigint NOT NULL,
    session_epoch bigint NOT NULL,
    has_remains   boolean NOT NULL
);

CREATE INDEX erased_users_with_remains ON erased_users (erased_at_ms) WHERE has_remains;

COMMENT ON COLUMN erased_users.has_remains IS 'Whether rows of other tables may still be theirs.';
COMMENT ON COLUMN erased_users.erased_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
