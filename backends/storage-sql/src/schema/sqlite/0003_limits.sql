-- Quotas that were drawn on: all that is kept of one is the moment at which it is whole again.
-- The key is a keyed hash of what is limited and for whom.

CREATE TABLE limits (
    limit_key   BLOB PRIMARY KEY,
    whole_at_ms INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX limits_by_whole_time ON limits (whole_at_ms);
