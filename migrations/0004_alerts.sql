-- Alerts that are kept quiet, what was told and what was not, and balances that no payment explains.

-- How far an alert has come, how bad it was when people were last told, what they would have been told, which leases.
ALTER TABLE alert ADD COLUMN grade INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN told_severity TEXT;
ALTER TABLE alert ADD COLUMN told_grade INTEGER NOT NULL DEFAULT 0;
ALTER TABLE alert ADD COLUMN owed TEXT;
ALTER TABLE alert ADD COLUMN leases TEXT NOT NULL DEFAULT '';
UPDATE alert SET told_severity = severity;

CREATE TABLE alert_log (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  at TEXT NOT NULL,
  key TEXT NOT NULL,
  account TEXT,
  severity TEXT NOT NULL,
  occasion TEXT NOT NULL,
  how TEXT NOT NULL CHECK (how IN ('told', 'capped', 'silenced')),
  title TEXT NOT NULL
) STRICT;
CREATE INDEX alert_log_at ON alert_log (at);

CREATE TABLE silence (key TEXT PRIMARY KEY, since TEXT NOT NULL, until TEXT NOT NULL) STRICT, WITHOUT ROWID;

-- The reading from which the next one is explained; moved on when nothing is left to explain.
CREATE TABLE balance_mark (
  account TEXT PRIMARY KEY,
  at TEXT NOT NULL,
  balance TEXT NOT NULL,
  currency TEXT NOT NULL,
  odd TEXT,
  odd_since TEXT
) STRICT, WITHOUT ROWID;

-- A balance that fell (unexplained above zero) or rose (below zero) without a payment: append-only.
CREATE TABLE balance_note (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  account TEXT NOT NULL,
  since TEXT NOT NULL,
  at TEXT NOT NULL,
  before TEXT NOT NULL,
  after TEXT NOT NULL,
  currency TEXT NOT NULL,
  explained TEXT NOT NULL,
  unexplained TEXT NOT NULL
    CHECK (unexplained GLOB '*[0-9].[0-9][0-9]*' AND substr(unexplained, 2) NOT GLOB '*[^0-9.]*'
      AND unexplained GLOB '[-0-9]*' AND unexplained NOT GLOB '*.*.*')
) STRICT;
CREATE INDEX balance_note_at ON balance_note (at);
CREATE TRIGGER balance_note_no_update BEFORE UPDATE ON balance_note
  BEGIN SELECT raise(ABORT, 'records of money are append-only'); END;
CREATE TRIGGER balance_note_no_delete BEFORE DELETE ON balance_note
  BEGIN SELECT raise(ABORT, 'records of money are append-only'); END;
CREATE TRIGGER balance_note_no_replace BEFORE INSERT ON balance_note
  WHEN EXISTS (SELECT 1 FROM balance_note WHERE id = NEW.id)
  BEGIN SELECT raise(ABORT, 'records of money are append-only'); END;

-- What people were told; as the other views, for `sqlite3`.
CREATE VIEW alert_history AS
  SELECT substr(at, 1, 19) || 'Z' AS at, key, account, severity, occasion, how, title FROM alert_log;

CREATE VIEW balance_changes AS
  SELECT account, before, after, currency, explained, unexplained, substr(since, 1, 19) || 'Z' AS since,
    substr(at, 1, 19) || 'Z' AS at
  FROM balance_note;
