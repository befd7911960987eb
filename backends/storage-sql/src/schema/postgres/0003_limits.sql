-- Quotas that were drawn on: all that is kept of one is the moment at which it is whole again.
-- The key is a keyed hash of what is limited and for whom.

CREATE TABLE limits (
    limit_key   bytea PRIMARY KEY,
    whole_at_ms bigint NOT NULL
);

CREATE INDEX limits_by_whole_time ON limits (whole_at_ms);

COMMENT ON TABLE limits IS 'Quotas that were drawn on, such as attempts to sign in.';
COMMENT ON COLUMN limits.whole_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
