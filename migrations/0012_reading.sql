-- What people and machines read of a large ledger: what the last cycle saw ahead, in short, and the paths by which rows are found.

-- One row per account, rewritten by each cycle in its own transaction. `config` names the configuration that it was made under: under
-- another one it says nothing. No money is recorded here: it can be made again from the other tables at any time.
CREATE TABLE outlook (
  account TEXT PRIMARY KEY,
  at TEXT NOT NULL,
  config TEXT NOT NULL,
  -- Leases by their decision in the newest whole cycle.
  renew INTEGER NOT NULL DEFAULT 0,
  wait INTEGER NOT NULL DEFAULT 0,
  watch INTEGER NOT NULL DEFAULT 0,
  release INTEGER NOT NULL DEFAULT 0,
  ignore INTEGER NOT NULL DEFAULT 0,
  hold INTEGER NOT NULL DEFAULT 0,
  next_due_at TEXT,
  -- Over `alerts.runway` ahead. `short_by` is absent while no balance is known.
  need TEXT NOT NULL DEFAULT '0.00'
    CHECK (need GLOB '[0-9]*.[0-9][0-9]*' AND need NOT GLOB '*[^0-9.]*' AND need NOT GLOB '*.*.*'),
  short_by TEXT
    CHECK (short_by GLOB '[0-9]*.[0-9][0-9]*' AND short_by NOT GLOB '*[^0-9.]*' AND short_by NOT GLOB '*.*.*'),
  until TEXT,
  top_up_by TEXT,
  unpriced INTEGER NOT NULL DEFAULT 0,
  -- JSON lists of bounded length: what cannot be renewed as configured, the first leases held, what falls due on the next days.
  warnings TEXT NOT NULL DEFAULT '[]',
  held TEXT NOT NULL DEFAULT '[]',
  days TEXT NOT NULL DEFAULT '{}'
) STRICT, WITHOUT ROWID;

CREATE VIEW outlooks AS
  SELECT account, substr(at, 1, 19) || 'Z' AS at, renew, wait, watch, release, ignore, hold,
    substr(next_due_at, 1, 19) || 'Z' AS next_due_at, need, short_by, until, substr(top_up_by, 1, 19) || 'Z' AS top_up_by, unpriced
  FROM outlook;

-- A lease by what people call it.
CREATE INDEX lease_ip ON lease (ip) WHERE ip <> '';
CREATE INDEX lease_order ON lease (order_id);
-- Those that left their list are few, and are asked for by when they did.
CREATE INDEX lease_gone ON lease (account, gone_at) WHERE gone_at IS NOT NULL;

-- Payments of one state since an instant, and of one account: most of a long history is confirmed.
DROP INDEX intent_head_state;
CREATE INDEX intent_head_state ON intent_head (state, spend_at);
CREATE INDEX intent_head_account ON intent_head (account, spend_at);

-- What is too old goes without a look at all the others.
CREATE INDEX quote_seen_at ON quote_seen (seen_at);

-- Which addresses the mail server refuses is asked every few seconds: from the index alone, without the messages.
CREATE INDEX outbox_tried ON outbox (tried_at, recipients, left_for, refused, delivered_at)
  WHERE channel = 'mail' AND tried_at IS NOT NULL;
