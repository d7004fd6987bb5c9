-- Accounts have numbers: what is remembered belongs to the number, whatever the config calls it or which key it has.

CREATE TABLE account_number (
  number INTEGER PRIMARY KEY AUTOINCREMENT,
  provider TEXT NOT NULL,
  -- What the config calls it now. `account`, `lease`, `decision`, `intent_head` and the other tables that change have this name.
  name TEXT NOT NULL,
  since TEXT NOT NULL,
  UNIQUE (provider, name)
) STRICT;

-- By what an account is known again: names it had; SHA-256 of its keys and of the provider's own id of its owner, with the
-- ledger's id before them, so that neither can be looked up in a table. Never a key.
CREATE TABLE account_mark (
  number INTEGER NOT NULL REFERENCES account_number (number),
  kind TEXT NOT NULL CHECK (kind IN ('name', 'key', 'owner')),
  value TEXT NOT NULL,
  since TEXT NOT NULL,
  PRIMARY KEY (number, kind, value)
) STRICT, WITHOUT ROWID;

INSERT INTO account_number (provider, name, since)
  SELECT provider, name, min(since) FROM (
    SELECT i.provider AS provider, i.account AS name, min(i.created_at) AS since FROM intent i GROUP BY i.provider, i.account
    UNION ALL
    SELECT a.provider, a.account, coalesce((SELECT min(l.first_seen) FROM lease l WHERE l.account = a.account),
      a.read_at, a.failing_since, '1970-01-01T00:00:00.000000000Z') FROM account a
  ) GROUP BY provider, name ORDER BY 3, 1, 2;
INSERT INTO account_mark (number, kind, value, since) SELECT number, 'name', name, since FROM account_number;

-- Rows that never change keep the name of their time, and the number by which the present name is found.
ALTER TABLE order_change ADD COLUMN account_number INTEGER;
DROP TRIGGER order_change_no_update;
UPDATE order_change SET account_number =
  (SELECT n.number FROM account_number n WHERE n.provider = order_change.provider AND n.name = order_change.account);
CREATE TRIGGER order_change_no_update BEFORE UPDATE ON order_change
  BEGIN SELECT raise(ABORT, 'changes of orders are append-only'); END;

ALTER TABLE balance_note ADD COLUMN account_number INTEGER;
DROP TRIGGER balance_note_no_update;
UPDATE balance_note SET account_number = (SELECT n.number FROM account_number n JOIN account a ON a.provider = n.provider
  AND a.account = n.name WHERE n.name = balance_note.account);
CREATE TRIGGER balance_note_no_update BEFORE UPDATE ON balance_note
  BEGIN SELECT raise(ABORT, 'records of money are append-only'); END;

-- The views tell the present name.
DROP VIEW payments;
CREATE VIEW payments AS
  SELECT i.name AS payment, p.name AS part_of, h.state, i.purpose, i.provider, h.account, i.kind,
    coalesce((SELECT o.order_id FROM purchase_order o WHERE o.intent = i.id ORDER BY o.id DESC LIMIT 1),
      (SELECT l.order_id FROM intent_lease l WHERE l.intent = i.id ORDER BY l.seq LIMIT 1)) AS order_id,
    (SELECT group_concat(l.ip, ' ') FROM intent_lease l WHERE l.intent = i.id) AS ips,
    (SELECT count(*) FROM intent_lease l WHERE l.intent = i.id) AS leases,
    i.quoted, h.charged, i.currency, i.period_days, i.billing_cycle, i.promo, i.policy, i.attempt, i.balance_before,
    h.balance_after,
    (SELECT CASE WHEN length(min(l.expires_before)) = 10 THEN min(l.expires_before)
        ELSE substr(min(l.expires_before), 1, 19) || 'Z' END
      FROM intent_lease l WHERE l.intent = i.id) AS expires_before,
    substr(h.expires_after, 1, 19) || 'Z' AS expires_after,
    substr(i.created_at, 1, 19) || 'Z' AS created_at,
    substr(h.spend_at, 1, 19) || 'Z' AS spend_started_at,
    substr(h.settled_at, 1, 19) || 'Z' AS settled_at,
    h.code, h.message, h.evidence
  FROM intent i JOIN intent_head h ON h.intent = i.id LEFT JOIN intent p ON p.id = i.parent
  WHERE h.state <> 'split';

DROP VIEW spend_by_month;
CREATE VIEW spend_by_month AS
  SELECT month, account, policy, currency, payments,
    (nano / 1000000000) || '.' || substr(printf('%09d', nano % 1000000000), 1, 2)
      || rtrim(substr(printf('%09d', nano % 1000000000), 3), '0') AS spent
  FROM (
    SELECT month, account, policy, currency, count(*) AS payments,
      sum(CAST(substr(amount, 1, instr(amount, '.') - 1) AS INTEGER) * 1000000000
        + CAST(substr(substr(amount, instr(amount, '.') + 1) || '000000000', 1, 9) AS INTEGER)) AS nano
    FROM (
      SELECT substr(h.spend_at, 1, 7) AS month, h.account, i.policy, i.currency, coalesce(h.charged, i.quoted) AS amount
      FROM intent_head h JOIN intent i ON i.id = h.intent
      WHERE h.spend_at IS NOT NULL AND h.state IN ('spend_started', 'accepted', 'unknown', 'confirmed', 'needs_operator')
    )
    GROUP BY month, account, policy, currency
  );

DROP VIEW changes;
CREATE VIEW changes AS
  SELECT c.id, coalesce(n.name, c.account) AS account, c.order_id, c.leases, c.what, c.value, c.why,
    substr(c.at, 1, 19) || 'Z' AS at, e.word AS outcome, e.code, e.message
  FROM order_change c LEFT JOIN order_change_end e ON e.change = c.id
    LEFT JOIN account_number n ON n.number = c.account_number;

DROP VIEW balance_changes;
CREATE VIEW balance_changes AS
  SELECT coalesce(n.name, b.account) AS account, b.before, b.after, b.currency, b.explained, b.unexplained,
    substr(b.since, 1, 19) || 'Z' AS since, substr(b.at, 1, 19) || 'Z' AS at
  FROM balance_note b LEFT JOIN account_number n ON n.number = b.account_number;

-- By what each account is known, for people.
CREATE VIEW account_marks AS
  SELECT n.number, n.provider, n.name AS account, m.kind, CASE m.kind WHEN 'name' THEN m.value ELSE substr(m.value, 1, 12) END AS mark,
    substr(m.since, 1, 19) || 'Z' AS since
  FROM account_number n JOIN account_mark m ON m.number = n.number;
