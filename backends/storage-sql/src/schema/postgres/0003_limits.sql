-- Quotas that were drawn on: all that is kept of one is the moment at which it is whole again.
-- The key is a keyed hash of what is limited and for whom.

-- A draw changes a row of which it mostly changes no indexed column, and finds room for it beside the
-- old one: so it touches no index. That is why the sweep goes by spans of ten minutes.

CREATE TABLE limits (
    limit_key   bytea PRIMARY KEY,
    whole_at_ms bigint NOT NULL,
    whole_in    bigint NOT NULL GENERATED ALWAYS AS (whole_at_ms / 600000) STORED
) WITH (fillfactor = 70);

CREATE INDEX limits_by_whole_time ON limits (whole_in);

COMMENT ON TABLE limits IS 'Quotas that were drawn on, such as attempts to sign in.';
COMMENT ON COLUMN limits.whole_at_ms IS 'Milliseconds since 1970-01-01 00:00 UTC.';
COMMENT ON COLUMN limits.whole_in IS 'The ten minutes within which that moment is.';
