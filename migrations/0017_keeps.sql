-- Leases that an operator keeps: each is treated by a policy that is not its own. What a lease is known by is kept beside its id, since an
-- id may change. `until` is a day as the policy counts it; absent: until somebody ends it. One that is over stays for a while with
-- `ended_at`, for whoever asks who kept what.
CREATE TABLE keep (
  id INTEGER PRIMARY KEY,
  account TEXT NOT NULL,
  lease TEXT NOT NULL,
  order_id TEXT NOT NULL,
  ip TEXT NOT NULL,
  port INTEGER,
  policy TEXT NOT NULL,
  since TEXT NOT NULL,
  said_by TEXT,
  until TEXT,
  ended_at TEXT
) STRICT;
CREATE INDEX keep_in_force ON keep (account, lease) WHERE ended_at IS NULL;

CREATE VIEW keeps AS
  SELECT account, lease, order_id, ip, policy, substr(since, 1, 19) || 'Z' AS since, said_by, until,
    substr(ended_at, 1, 19) || 'Z' AS ended_at
  FROM keep;
