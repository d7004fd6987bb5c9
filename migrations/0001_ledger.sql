-- The ledger, first form.
--
-- Instants are RFC 3339 text in UTC with nine decimals: they read well and compare as text. Money is a decimal as text, with
-- at least two decimals, never a float. Rows that record money are append-only: triggers refuse to change or delete them.
-- Only syntax that SQLite 3.37 knows is used here, so that the `sqlite3` of an older system can read the file.

PRAGMA application_id = 0x524e5744;

-- Cycles -----------------------------------------------------------------------------------------------------------------

CREATE TABLE cycle (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  started_at TEXT NOT NULL, started_boot TEXT NOT NULL, started_ms INTEGER NOT NULL,
  ended_at TEXT,
  outcome TEXT NOT NULL DEFAULT '',
  paid INTEGER NOT NULL DEFAULT 0,
  held INTEGER NOT NULL DEFAULT 0,
  unknown INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX cycle_started ON cycle (started_at);

CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- Facts: the newest that was read, updated in place ------------------------------------------------------------------------

CREATE TABLE account (
  account TEXT PRIMARY KEY,
  provider TEXT NOT NULL,
  read_at TEXT,
  balance TEXT,
  currency TEXT,
  leases INTEGER NOT NULL DEFAULT 0,
  error TEXT,
  failing_since TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE lease (
  account TEXT NOT NULL,
  lease TEXT NOT NULL,
  order_id TEXT NOT NULL,
  ip TEXT NOT NULL,
  kind TEXT NOT NULL,
  country TEXT,
  tag TEXT,
  expires_at TEXT,
  provider_renews INTEGER CHECK (provider_renews IN (0, 1)),
  first_seen TEXT NOT NULL,
  gone_at TEXT,
  PRIMARY KEY (account, lease)
) STRICT, WITHOUT ROWID;

CREATE TABLE decision (
  account TEXT NOT NULL,
  lease TEXT NOT NULL,
  ip TEXT NOT NULL,
  kind TEXT NOT NULL,
  decision TEXT NOT NULL,
  word TEXT NOT NULL,
  reason TEXT NOT NULL,
  policy TEXT,
  changed_at TEXT NOT NULL,
  cycle INTEGER NOT NULL,
  PRIMARY KEY (account, lease)
) STRICT, WITHOUT ROWID;

-- Payments: append-only ----------------------------------------------------------------------------------------------------

CREATE TABLE intent (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  parent INTEGER REFERENCES intent (id),
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  period_days INTEGER NOT NULL,
  promo TEXT,
  method TEXT NOT NULL CHECK (method IN ('leases', 'order')),
  policy TEXT NOT NULL,
  quoted TEXT NOT NULL
    CHECK (quoted GLOB '[0-9]*.[0-9][0-9]*' AND quoted NOT GLOB '*[^0-9.]*' AND quoted NOT GLOB '*.*.*'),
  currency TEXT NOT NULL,
  balance_before TEXT NOT NULL
    CHECK (balance_before GLOB '*[0-9].[0-9][0-9]*' AND substr(balance_before, 2) NOT GLOB '*[^0-9.]*'
      AND balance_before GLOB '[-0-9]*' AND balance_before NOT GLOB '*.*.*'),
  attempt INTEGER NOT NULL CHECK (attempt > 0),
  cycle INTEGER NOT NULL REFERENCES cycle (id),
  created_at TEXT NOT NULL, created_boot TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX intent_created ON intent (created_at);
CREATE INDEX intent_cycle ON intent (cycle);
CREATE INDEX intent_parent ON intent (parent) WHERE parent IS NOT NULL;

CREATE TABLE intent_lease (
  intent INTEGER NOT NULL REFERENCES intent (id),
  seq INTEGER NOT NULL,
  lease TEXT NOT NULL,
  order_id TEXT NOT NULL,
  ip TEXT NOT NULL,
  expires_before TEXT NOT NULL,
  PRIMARY KEY (intent, seq),
  UNIQUE (intent, lease)
) STRICT, WITHOUT ROWID;
-- For "has this very term been paid?" and for the last price of a lease.
CREATE INDEX intent_lease_term ON intent_lease (lease, expires_before);
CREATE INDEX intent_lease_ip_term ON intent_lease (ip, expires_before) WHERE ip <> '';

-- The log. Its primary key is the compare-and-set: two writers cannot both append event n of a payment.
CREATE TABLE intent_event (
  intent INTEGER NOT NULL REFERENCES intent (id),
  seq INTEGER NOT NULL CHECK (seq >= 0),
  at TEXT NOT NULL, boot TEXT NOT NULL, ms INTEGER NOT NULL,
  event TEXT NOT NULL,
  state TEXT NOT NULL,
  charged TEXT
    CHECK (charged GLOB '[0-9]*.[0-9][0-9]*' AND charged NOT GLOB '*[^0-9.]*' AND charged NOT GLOB '*.*.*'),
  balance_after TEXT
    CHECK (balance_after GLOB '*[0-9].[0-9][0-9]*' AND substr(balance_after, 2) NOT GLOB '*[^0-9.]*'
      AND balance_after GLOB '[-0-9]*' AND balance_after NOT GLOB '*.*.*'),
  expires_after TEXT,
  code TEXT,
  message TEXT,
  evidence TEXT,
  PRIMARY KEY (intent, seq)
) STRICT, WITHOUT ROWID;

-- Where each payment stands: the fold of its log, kept by the trigger below and by nothing else.
CREATE TABLE intent_head (
  intent INTEGER PRIMARY KEY REFERENCES intent (id),
  account TEXT NOT NULL,
  seq INTEGER NOT NULL,
  state TEXT NOT NULL,
  state_at TEXT NOT NULL, state_boot TEXT NOT NULL, state_ms INTEGER NOT NULL,
  spend_at TEXT, spend_boot TEXT, spend_ms INTEGER,
  settled_at TEXT,
  charged TEXT,
  balance_after TEXT,
  expires_after TEXT,
  code TEXT,
  message TEXT,
  evidence TEXT,
  never_sent INTEGER NOT NULL DEFAULT 0,
  was_refused INTEGER NOT NULL DEFAULT 0,
  operator_spoke INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX intent_head_state ON intent_head (state);
CREATE INDEX intent_head_spend ON intent_head (spend_at);

CREATE TRIGGER intent_event_in_turn BEFORE INSERT ON intent_event
  WHEN NEW.seq IS NOT coalesce((SELECT seq + 1 FROM intent_head WHERE intent = NEW.intent), 0)
  BEGIN SELECT raise(ABORT, 'payments are append-only: this event is out of turn'); END;

CREATE TRIGGER intent_event_head AFTER INSERT ON intent_event BEGIN
  INSERT INTO intent_head (intent, account, seq, state, state_at, state_boot, state_ms)
    SELECT id, account, NEW.seq, NEW.state, NEW.at, NEW.boot, NEW.ms FROM intent WHERE id = NEW.intent AND NEW.seq = 0;
  UPDATE intent_head SET
    seq = NEW.seq, state = NEW.state, state_at = NEW.at, state_boot = NEW.boot, state_ms = NEW.ms,
    spend_at = CASE WHEN NEW.event = 'spend_started' THEN NEW.at ELSE spend_at END,
    spend_boot = CASE WHEN NEW.event = 'spend_started' THEN NEW.boot ELSE spend_boot END,
    spend_ms = CASE WHEN NEW.event = 'spend_started' THEN NEW.ms ELSE spend_ms END,
    settled_at = CASE WHEN NEW.state IN ('confirmed', 'refused', 'not_applied', 'released')
      THEN coalesce(settled_at, NEW.at) ELSE settled_at END,
    charged = coalesce(NEW.charged, charged),
    balance_after = coalesce(NEW.balance_after, balance_after),
    expires_after = coalesce(NEW.expires_after, expires_after),
    code = coalesce(NEW.code, code),
    message = coalesce(NEW.message, message),
    evidence = coalesce(NEW.evidence, evidence),
    never_sent = never_sent OR NEW.event = 'never_sent',
    was_refused = was_refused OR NEW.event = 'refused',
    operator_spoke = operator_spoke OR NEW.event IN ('operator_charged', 'operator_not_charged')
  WHERE intent = NEW.intent;
END;

CREATE TABLE settle_read (
  intent INTEGER NOT NULL REFERENCES intent (id),
  seq INTEGER NOT NULL,
  at TEXT NOT NULL, boot TEXT NOT NULL, ms INTEGER NOT NULL,
  balance TEXT NOT NULL,
  fell TEXT NOT NULL,
  moved INTEGER NOT NULL CHECK (moved >= 0),
  PRIMARY KEY (intent, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER intent_no_update BEFORE UPDATE ON intent
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_no_delete BEFORE DELETE ON intent
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_lease_no_update BEFORE UPDATE ON intent_lease
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_lease_no_delete BEFORE DELETE ON intent_lease
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_event_no_update BEFORE UPDATE ON intent_event
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_event_no_delete BEFORE DELETE ON intent_event
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER settle_read_no_update BEFORE UPDATE ON settle_read
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER settle_read_no_delete BEFORE DELETE ON settle_read
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;

-- INSERT OR REPLACE deletes without asking the triggers above; these ask first. The log's own turn check does it there.
CREATE TRIGGER intent_no_replace BEFORE INSERT ON intent
  WHEN EXISTS (SELECT 1 FROM intent WHERE id = NEW.id OR name = NEW.name)
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_lease_no_replace BEFORE INSERT ON intent_lease
  WHEN EXISTS (SELECT 1 FROM intent_lease WHERE intent = NEW.intent AND (seq = NEW.seq OR lease = NEW.lease))
  BEGIN SELECT raise(ABORT, 'payments are append-only, and a lease is in a payment once'); END;
CREATE TRIGGER settle_read_no_replace BEFORE INSERT ON settle_read
  WHEN EXISTS (SELECT 1 FROM settle_read WHERE intent = NEW.intent AND seq = NEW.seq)
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;

-- The head may only ever say what the newest event says.
CREATE TRIGGER intent_head_is_the_log BEFORE UPDATE ON intent_head
  WHEN NEW.state IS NOT (SELECT state FROM intent_event WHERE intent = OLD.intent ORDER BY seq DESC LIMIT 1)
    OR NEW.seq IS NOT (SELECT max(seq) FROM intent_event WHERE intent = OLD.intent)
  BEGIN SELECT raise(ABORT, 'a payment stands where its log says'); END;
CREATE TRIGGER intent_head_no_delete BEFORE DELETE ON intent_head
  BEGIN SELECT raise(ABORT, 'a payment stands where its log says'); END;

-- Operators' words, alerts, mail ----------------------------------------------------------------------------------------------

-- '*' = every account.
CREATE TABLE pause (account TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
  key TEXT PRIMARY KEY,
  severity TEXT NOT NULL,
  account TEXT,
  since TEXT NOT NULL,
  told_at TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  once INTEGER NOT NULL CHECK (once IN (0, 1)),
  closed_at TEXT
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_closed ON alert (closed_at);

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  key TEXT NOT NULL,
  recipients TEXT NOT NULL,
  subject TEXT NOT NULL,
  text TEXT NOT NULL,
  html TEXT NOT NULL,
  message_id TEXT NOT NULL,
  in_reply_to TEXT,
  queued_at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  next_at TEXT NOT NULL,
  tried_at TEXT,
  last_error TEXT,
  delivered_at TEXT
) STRICT;
CREATE INDEX outbox_open ON outbox (id) WHERE delivered_at IS NULL;
CREATE INDEX outbox_delivered ON outbox (delivered_at) WHERE delivered_at IS NOT NULL;

-- Views for people. Instants to the second. Sums are exact: money is added in billionths, as integers -------------------------

CREATE VIEW payments AS
  SELECT i.name AS payment, p.name AS part_of, h.state, i.provider, i.account, i.kind,
    (SELECT group_concat(l.ip, ' ') FROM intent_lease l WHERE l.intent = i.id) AS ips,
    (SELECT count(*) FROM intent_lease l WHERE l.intent = i.id) AS leases,
    i.quoted, h.charged, i.currency, i.period_days, i.promo, i.policy, i.attempt, i.balance_before, h.balance_after,
    (SELECT substr(min(l.expires_before), 1, 19) || 'Z' FROM intent_lease l WHERE l.intent = i.id) AS expires_before,
    substr(h.expires_after, 1, 19) || 'Z' AS expires_after,
    substr(i.created_at, 1, 19) || 'Z' AS created_at,
    substr(h.spend_at, 1, 19) || 'Z' AS spend_started_at,
    substr(h.settled_at, 1, 19) || 'Z' AS settled_at,
    h.code, h.message, h.evidence
  FROM intent i JOIN intent_head h ON h.intent = i.id LEFT JOIN intent p ON p.id = i.parent
  WHERE h.state <> 'split';

CREATE VIEW leases AS
  SELECT account, lease, order_id, ip, kind, country, tag, substr(expires_at, 1, 19) || 'Z' AS expires_at, provider_renews,
    substr(first_seen, 1, 19) || 'Z' AS first_seen, substr(gone_at, 1, 19) || 'Z' AS gone_at
  FROM lease;

CREATE VIEW spend_by_month AS
  SELECT month, account, policy, currency, payments,
    (nano / 1000000000) || '.' || substr(printf('%09d', nano % 1000000000), 1, 2)
      || rtrim(substr(printf('%09d', nano % 1000000000), 3), '0') AS spent
  FROM (
    SELECT month, account, policy, currency, count(*) AS payments,
      sum(CAST(substr(amount, 1, instr(amount, '.') - 1) AS INTEGER) * 1000000000
        + CAST(substr(substr(amount, instr(amount, '.') + 1) || '000000000', 1, 9) AS INTEGER)) AS nano
    FROM (
      SELECT substr(h.spend_at, 1, 7) AS month, i.account, i.policy, i.currency, coalesce(h.charged, i.quoted) AS amount
      FROM intent_head h JOIN intent i ON i.id = h.intent
      WHERE h.spend_at IS NOT NULL AND h.state IN ('spend_started', 'accepted', 'unknown', 'confirmed', 'needs_operator')
    )
    GROUP BY month, account, policy, currency
  );

CREATE VIEW decisions AS
  SELECT account, lease, ip, kind, decision, word, reason, policy, substr(changed_at, 1, 19) || 'Z' AS changed_at
  FROM decision;

CREATE VIEW alerts AS
  SELECT key, severity, account, title, text, substr(since, 1, 19) || 'Z' AS since,
    substr(told_at, 1, 19) || 'Z' AS told_at, substr(closed_at, 1, 19) || 'Z' AS closed_at
  FROM alert;
