-- Orders: billing cycles, orders on hold, purchases, charges by the provider's own auto-renewal, changes of orders.

ALTER TABLE lease ADD COLUMN state TEXT NOT NULL DEFAULT 'active';
-- When renewd first saw it on hold: names the term of an order whose end the provider does not tell.
ALTER TABLE lease ADD COLUMN held_since TEXT;
ALTER TABLE lease ADD COLUMN billing_cycle TEXT;
ALTER TABLE lease ADD COLUMN price TEXT
  CHECK (price GLOB '[0-9]*.[0-9][0-9]*' AND price NOT GLOB '*[^0-9.]*' AND price NOT GLOB '*.*.*');

ALTER TABLE intent ADD COLUMN purpose TEXT NOT NULL DEFAULT 'renewal'
  CHECK (purpose IN ('renewal', 'purchase', 'provider'));
ALTER TABLE intent ADD COLUMN billing_cycle TEXT;
-- What was to be bought, as JSON; present in purchases only.
ALTER TABLE intent ADD COLUMN purchase TEXT CHECK ((purchase IS NOT NULL) = (purpose = 'purchase'));

-- The order that a purchase made: as the reply named it, then as the list spells it. The newest row stands.
CREATE TABLE purchase_order (
  id INTEGER PRIMARY KEY,
  intent INTEGER NOT NULL REFERENCES intent (id),
  order_id TEXT NOT NULL,
  at TEXT NOT NULL,
  UNIQUE (intent, order_id)
) STRICT;
CREATE TRIGGER purchase_order_no_update BEFORE UPDATE ON purchase_order
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER purchase_order_no_delete BEFORE DELETE ON purchase_order
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;

-- Changes of orders: one row before the call leaves, one for its answer. A row without an answer is a call that was cut off.
CREATE TABLE order_change (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  order_id TEXT NOT NULL,
  leases TEXT NOT NULL,
  what TEXT NOT NULL,
  value TEXT NOT NULL,
  why TEXT NOT NULL,
  at TEXT NOT NULL
) STRICT;
CREATE INDEX order_change_at ON order_change (at);
CREATE TABLE order_change_end (
  change INTEGER PRIMARY KEY REFERENCES order_change (id),
  word TEXT NOT NULL CHECK (word IN ('done', 'refused', 'unsupported', 'never_sent', 'unknown')),
  code TEXT,
  message TEXT,
  at TEXT NOT NULL
) STRICT;
CREATE TRIGGER order_change_no_update BEFORE UPDATE ON order_change
  BEGIN SELECT raise(ABORT, 'changes of orders are append-only'); END;
CREATE TRIGGER order_change_no_delete BEFORE DELETE ON order_change
  BEGIN SELECT raise(ABORT, 'changes of orders are append-only'); END;
CREATE TRIGGER order_change_end_no_update BEFORE UPDATE ON order_change_end
  BEGIN SELECT raise(ABORT, 'changes of orders are append-only'); END;
CREATE TRIGGER order_change_end_no_delete BEFORE DELETE ON order_change_end
  BEGIN SELECT raise(ABORT, 'changes of orders are append-only'); END;

-- As before, and a charge by the provider itself counts from the instant it was seen.
DROP TRIGGER intent_event_head;
CREATE TRIGGER intent_event_head AFTER INSERT ON intent_event BEGIN
  INSERT INTO intent_head (intent, account, seq, state, state_at, state_boot, state_ms)
    SELECT id, account, NEW.seq, NEW.state, NEW.at, NEW.boot, NEW.ms FROM intent WHERE id = NEW.intent AND NEW.seq = 0;
  UPDATE intent_head SET
    seq = NEW.seq, state = NEW.state, state_at = NEW.at, state_boot = NEW.boot, state_ms = NEW.ms,
    spend_at = CASE WHEN NEW.event IN ('spend_started', 'provider_charged') THEN NEW.at ELSE spend_at END,
    spend_boot = CASE WHEN NEW.event IN ('spend_started', 'provider_charged') THEN NEW.boot ELSE spend_boot END,
    spend_ms = CASE WHEN NEW.event IN ('spend_started', 'provider_charged') THEN NEW.ms ELSE spend_ms END,
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

DROP VIEW payments;
CREATE VIEW payments AS
  SELECT i.name AS payment, p.name AS part_of, h.state, i.purpose, i.provider, i.account, i.kind,
    coalesce((SELECT o.order_id FROM purchase_order o WHERE o.intent = i.id ORDER BY o.id DESC LIMIT 1),
      (SELECT l.order_id FROM intent_lease l WHERE l.intent = i.id ORDER BY l.seq LIMIT 1)) AS order_id,
    (SELECT group_concat(l.ip, ' ') FROM intent_lease l WHERE l.intent = i.id) AS ips,
    (SELECT count(*) FROM intent_lease l WHERE l.intent = i.id) AS leases,
    i.quoted, h.charged, i.currency, i.period_days, i.billing_cycle, i.promo, i.policy, i.attempt, i.balance_before,
    h.balance_after,
    (SELECT substr(min(l.expires_before), 1, 19) || 'Z' FROM intent_lease l WHERE l.intent = i.id) AS expires_before,
    substr(h.expires_after, 1, 19) || 'Z' AS expires_after,
    substr(i.created_at, 1, 19) || 'Z' AS created_at,
    substr(h.spend_at, 1, 19) || 'Z' AS spend_started_at,
    substr(h.settled_at, 1, 19) || 'Z' AS settled_at,
    h.code, h.message, h.evidence
  FROM intent i JOIN intent_head h ON h.intent = i.id LEFT JOIN intent p ON p.id = i.parent
  WHERE h.state <> 'split';

DROP VIEW leases;
CREATE VIEW leases AS
  SELECT account, lease, order_id, ip, kind, country, tag, state, billing_cycle, price,
    substr(expires_at, 1, 19) || 'Z' AS expires_at, provider_renews,
    substr(held_since, 1, 19) || 'Z' AS held_since,
    substr(first_seen, 1, 19) || 'Z' AS first_seen, substr(gone_at, 1, 19) || 'Z' AS gone_at
  FROM lease;

CREATE VIEW changes AS
  SELECT c.id, c.account, c.order_id, c.leases, c.what, c.value, c.why, substr(c.at, 1, 19) || 'Z' AS at,
    e.word AS outcome, e.code, e.message
  FROM order_change c LEFT JOIN order_change_end e ON e.change = c.id;
