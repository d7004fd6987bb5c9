-- The ledger, first form. Instants are RFC 3339 in UTC with nine decimals, so that they compare as text.
-- Money is a decimal as text. Rows that record money are append-only: triggers refuse to change or delete them.

CREATE TABLE cycle (
  id INTEGER PRIMARY KEY,
  started_at TEXT NOT NULL, started_boot TEXT NOT NULL, started_ms INTEGER NOT NULL,
  ended_at TEXT,
  outcome TEXT NOT NULL DEFAULT '',
  paid INTEGER NOT NULL DEFAULT 0, held INTEGER NOT NULL DEFAULT 0, unknown INTEGER NOT NULL DEFAULT 0
) STRICT;

CREATE TABLE note (key TEXT PRIMARY KEY, value TEXT NOT NULL) STRICT, WITHOUT ROWID;

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

CREATE TABLE intent (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  parent TEXT REFERENCES intent (name),
  purpose TEXT NOT NULL DEFAULT 'renewal',
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  kind TEXT NOT NULL,
  period_days INTEGER NOT NULL CHECK (period_days > 0),
  promo TEXT,
  method TEXT NOT NULL CHECK (method IN ('leases', 'order')),
  policy TEXT NOT NULL,
  quoted TEXT NOT NULL CHECK (quoted GLOB '[0-9]*.[0-9][0-9]*' AND quoted NOT GLOB '*[^0-9.]*'),
  currency TEXT NOT NULL,
  balance_before TEXT NOT NULL,
  attempt INTEGER NOT NULL,
  cycle INTEGER NOT NULL,
  created_at TEXT NOT NULL, created_boot TEXT NOT NULL, created_ms INTEGER NOT NULL
) STRICT;
CREATE INDEX intent_created ON intent (created_at);

CREATE TABLE intent_lease (
  intent INTEGER NOT NULL REFERENCES intent (id),
  seq INTEGER NOT NULL,
  lease TEXT NOT NULL,
  order_id TEXT NOT NULL,
  ip TEXT NOT NULL,
  expires_before TEXT NOT NULL,
  PRIMARY KEY (intent, seq)
) STRICT, WITHOUT ROWID;
CREATE INDEX intent_lease_lease ON intent_lease (lease);
CREATE INDEX intent_lease_order ON intent_lease (order_id);
CREATE INDEX intent_lease_ip ON intent_lease (ip);

-- The log: its primary key is the compare-and-set. Two writers cannot both append event n.
CREATE TABLE intent_event (
  intent INTEGER NOT NULL REFERENCES intent (id),
  seq INTEGER NOT NULL,
  at TEXT NOT NULL, boot TEXT NOT NULL, ms INTEGER NOT NULL,
  event TEXT NOT NULL,
  state TEXT NOT NULL,
  charged TEXT CHECK (charged IS NULL OR charged NOT GLOB '*[^0-9.]*'),
  balance_after TEXT,
  expires_after TEXT,
  code TEXT,
  message TEXT,
  evidence TEXT,
  PRIMARY KEY (intent, seq)
) STRICT, WITHOUT ROWID;

-- The newest state of each payment, derived from the log by the trigger below and by nothing else.
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

CREATE TRIGGER intent_event_head AFTER INSERT ON intent_event BEGIN
  INSERT INTO intent_head (intent, account, seq, state, state_at, state_boot, state_ms)
    VALUES (NEW.intent, (SELECT account FROM intent WHERE id = NEW.intent), NEW.seq, NEW.state, NEW.at, NEW.boot, NEW.ms)
    ON CONFLICT (intent) DO NOTHING;
  UPDATE intent_head SET
    seq = NEW.seq, state = NEW.state, state_at = NEW.at, state_boot = NEW.boot, state_ms = NEW.ms,
    spend_at = CASE WHEN NEW.event = 'spend_started' THEN NEW.at ELSE spend_at END,
    spend_boot = CASE WHEN NEW.event = 'spend_started' THEN NEW.boot ELSE spend_boot END,
    spend_ms = CASE WHEN NEW.event = 'spend_started' THEN NEW.ms ELSE spend_ms END,
    settled_at = CASE WHEN NEW.state IN ('confirmed', 'refused', 'not_applied', 'released') THEN coalesce(settled_at, NEW.at) ELSE settled_at END,
    charged = coalesce(NEW.charged, charged),
    balance_after = coalesce(NEW.balance_after, balance_after),
    expires_after = coalesce(NEW.expires_after, expires_after),
    code = coalesce(NEW.code, code),
    message = coalesce(NEW.message, message),
    evidence = coalesce(NEW.evidence, evidence),
    never_sent = CASE WHEN NEW.event = 'never_sent' THEN 1 ELSE never_sent END,
    was_refused = CASE WHEN NEW.event = 'refused' THEN 1 ELSE was_refused END,
    operator_spoke = CASE WHEN NEW.event IN ('operator_charged', 'operator_not_charged') THEN 1 ELSE operator_spoke END
  WHERE intent = NEW.intent;
END;

CREATE TABLE settle_read (
  intent INTEGER NOT NULL REFERENCES intent (id),
  seq INTEGER NOT NULL,
  at TEXT NOT NULL, boot TEXT NOT NULL, ms INTEGER NOT NULL,
  balance TEXT NOT NULL,
  fell TEXT NOT NULL,
  moved INTEGER NOT NULL,
  PRIMARY KEY (intent, seq)
) STRICT, WITHOUT ROWID;

CREATE TRIGGER intent_no_update BEFORE UPDATE ON intent BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_no_delete BEFORE DELETE ON intent BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_lease_no_update BEFORE UPDATE ON intent_lease BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_lease_no_delete BEFORE DELETE ON intent_lease BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_event_no_update BEFORE UPDATE ON intent_event BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER intent_event_no_delete BEFORE DELETE ON intent_event BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER settle_read_no_update BEFORE UPDATE ON settle_read BEGIN SELECT raise(ABORT, 'evidence is append-only'); END;
CREATE TRIGGER settle_read_no_delete BEFORE DELETE ON settle_read BEGIN SELECT raise(ABORT, 'evidence is append-only'); END;

CREATE TABLE pause (account TEXT PRIMARY KEY, since TEXT NOT NULL) STRICT, WITHOUT ROWID;

CREATE TABLE alert (
  key TEXT PRIMARY KEY,
  severity TEXT NOT NULL,
  account TEXT,
  since TEXT NOT NULL,
  told_at TEXT NOT NULL,
  title TEXT NOT NULL,
  text TEXT NOT NULL,
  once INTEGER NOT NULL,
  closed_at TEXT
) STRICT, WITHOUT ROWID;

CREATE TABLE outbox (
  id INTEGER PRIMARY KEY,
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
  delivered_at TEXT,
  last_error TEXT
) STRICT;
CREATE INDEX outbox_open ON outbox (id) WHERE delivered_at IS NULL;

CREATE VIEW payments AS
  SELECT i.name AS payment, substr(i.created_at, 1, 19) || 'Z' AS created_at, i.account, i.provider, i.kind,
    (SELECT group_concat(l.ip, ' ') FROM intent_lease l WHERE l.intent = i.id) AS ips,
    (SELECT count(*) FROM intent_lease l WHERE l.intent = i.id) AS leases,
    h.state, i.quoted, h.charged, i.currency, i.period_days, i.policy,
    substr(h.spend_at, 1, 19) || 'Z' AS spend_started_at, substr(h.settled_at, 1, 19) || 'Z' AS settled_at,
    h.code, h.message, h.evidence
  FROM intent i JOIN intent_head h ON h.intent = i.id WHERE h.state <> 'split';

CREATE VIEW leases AS
  SELECT account, lease, order_id, ip, kind, country, tag, substr(expires_at, 1, 19) || 'Z' AS expires_at, provider_renews,
    substr(first_seen, 1, 19) || 'Z' AS first_seen, substr(gone_at, 1, 19) || 'Z' AS gone_at
  FROM lease;

CREATE VIEW spend_by_month AS
  SELECT substr(h.spend_at, 1, 7) AS month, i.account, i.policy, i.currency, count(*) AS payments,
    printf('%.2f', sum(CAST(coalesce(h.charged, i.quoted) AS REAL))) AS spent
  FROM intent i JOIN intent_head h ON h.intent = i.id
  WHERE h.spend_at IS NOT NULL AND h.state IN ('spend_started', 'accepted', 'unknown', 'confirmed', 'needs_operator')
  GROUP BY 1, 2, 3, 4;

  SELECT account, lease, ip, kind, decision, word, reason, policy, substr(changed_at, 1, 19) || 'Z' AS changed_at FROM decision;

CREATE VIEW alerts AS
  SELECT key, severity, account, title, substr(since, 1, 19) || 'Z' AS since, substr(told_at, 1, 19) || 'Z' AS told_at,
    substr(closed_at, 1, 19) || 'Z' AS closed_at FROM alert;
