-- Second factors, sign-ins that wait for one, and devices that are trusted to need none.

-- No reference to users: those of an erased user go a page at a time.
CREATE TABLE pending_sign_ins (
    user_id       TEXT NOT NULL,
    secret_digest BLOB NOT NULL,
    epoch         INTEGER NOT NULL,
    step          TEXT NOT NULL,
    methods       TEXT NOT NULL,
    tries         INTEGER NOT NULL,
    created_at_ms INTEGER NOT NULL,
    expires_at_ms INTEGER NOT NULL,
    PRIMARY KEY (user_id, secret_digest)
) STRICT, WITHOUT ROWID;

CREATE INDEX pending_sign_ins_by_expiry ON pending_sign_ins (expires_at_ms);

CREATE TABLE trusted_devices (
    user_id         TEXT NOT NULL,
    id              TEXT NOT NULL,
    epoch           INTEGER NOT NULL,
    session_id      TEXT NOT NULL,
    address         TEXT,
    user_agent      TEXT,
    created_at_ms   INTEGER NOT NULL,
    last_used_at_ms INTEGER NOT NULL,
    expires_at_ms   INTEGER NOT NULL,
    PRIMARY KEY (user_id, id)
) STRICT, WITHOUT ROWID;

CREATE INDEX trusted_devices_by_expiry ON trusted_devices (expires_at_ms);

-- Of a factor that is being set up, the first two are there; of one that sign-ins ask for, all are.
-- The backup codes are MACs of 32 bytes, one after the other.
ALTER TABLE users ADD COLUMN totp_sealed_secret BLOB;
ALTER TABLE users ADD COLUMN totp_begun_at_ms INTEGER;
ALTER TABLE users ADD COLUMN totp_enabled_at_ms INTEGER;
ALTER TABLE users ADD COLUMN totp_last_step INTEGER;
ALTER TABLE users ADD COLUMN totp_backup_codes BLOB;
