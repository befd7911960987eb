-- Second factors, sign-ins that wait for one, and devices that are trusted to need none.

-- No reference to users: those of an erased user go a page at a time.
CREATE TABLE pending_sign_ins (
    user_id       text COLLATE "C" NOT NULL,
    secret_digest bytea NOT NULL,
    epoch         bigint NOT NULL,
    step          text NOT NULL,
    methods       text NOT NULL,
    tries         bigint NOT NULL,
    created_at_ms bigint NOT NULL,
    expires_at_ms bigint NOT NULL,
    PRIMARY KEY (user_id, secret_digest)
);

CREATE INDEX pending_sign_ins_by_expiry ON pending_sign_ins (expires_at_ms);

COMMENT ON TABLE pending_sign_ins IS 'Sign-ins that have passed their first factor.';
COMMENT ON COLUMN pending_sign_ins.created_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN pending_sign_ins.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

CREATE TABLE trusted_devices (
    user_id         text COLLATE "C" NOT NULL,
    id              text COLLATE "C" NOT NULL,
    epoch           bigint NOT NULL,
    session_id      text COLLATE "C" NOT NULL,
    address         text,
    user_agent      text,
    created_at_ms   bigint NOT NULL,
    last_used_at_ms bigint NOT NULL,
    expires_at_ms   bigint NOT NULL,
    PRIMARY KEY (user_id, id)
);

CREATE INDEX trusted_devices_by_expiry ON trusted_devices (expires_at_ms);

COMMENT ON TABLE trusted_devices IS 'Browsers whose sign-ins do not ask for the second factor.';
COMMENT ON COLUMN trusted_devices.session_id IS 'The session that was begun on it last.';
COMMENT ON COLUMN trusted_devices.created_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN trusted_devices.last_used_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN trusted_devices.expires_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';

-- Last, because nobody else comes to the table until the step ends. While another program holds it,
-- for a backup say, whoever asks for it waits behind this: so not for long. The step is then tried
-- again with the next start.
SET LOCAL lock_timeout = '1s';

-- Of a factor that is being set up, the first two are there; of one that sign-ins ask for, all are.
ALTER TABLE users
    ADD COLUMN totp_sealed_secret bytea,
    ADD COLUMN totp_begun_at_ms   bigint,
    ADD COLUMN totp_enabled_at_ms bigint,
    ADD COLUMN totp_last_step     bigint,
    ADD COLUMN totp_backup_codes  bytea;

COMMENT ON COLUMN users.totp_begun_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN users.totp_enabled_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN users.totp_last_step IS 'The last step of 30 s of which a code was accepted.';
COMMENT ON COLUMN users.totp_backup_codes IS 'MACs of 32 bytes, one after the other.';
