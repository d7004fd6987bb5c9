-- The newest price asked for each lease, for the forecast. A fact, not money: rewritten by each cycle that asks.

CREATE TABLE quote_seen (
  account TEXT NOT NULL,
  lease TEXT NOT NULL,
  amount TEXT NOT NULL
    CHECK (amount GLOB '[0-9]*.[0-9][0-9]*' AND amount NOT GLOB '*[^0-9.]*' AND amount NOT GLOB '*.*.*'),
  currency TEXT NOT NULL,
  period_days INTEGER NOT NULL CHECK (period_days > 0),
  -- The end that the lease had then: names the term that was asked for.
  term_end TEXT NOT NULL,
  seen_at TEXT NOT NULL,
  PRIMARY KEY (account, lease)
) STRICT, WITHOUT ROWID;
