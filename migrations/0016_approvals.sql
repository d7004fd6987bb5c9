-- Plans of policies that ask before they pay, what was said of them, and which payments were made by such a word.

CREATE TABLE approval_plan (
  id INTEGER PRIMARY KEY,
  name TEXT NOT NULL UNIQUE CHECK (name <> ''),
  provider TEXT NOT NULL,
  account TEXT NOT NULL,
  policy TEXT NOT NULL,
  amount TEXT NOT NULL
    CHECK (amount GLOB '[0-9]*.[0-9][0-9]*' AND amount NOT GLOB '*[^0-9.]*' AND amount NOT GLOB '*.*.*'),
  currency TEXT NOT NULL,
  -- Each payment to the letter: a JSON list in the form that plan files have.
  sets TEXT NOT NULL CHECK (sets LIKE '[%]'),
  -- The newest word of its log. These four are kept up; all else stays as it was written.
  state TEXT NOT NULL
    CHECK (state IN ('waiting', 'approved', 'rejected', 'refused', 'replaced', 'withdrawn', 'expired', 'paid')),
  deadline TEXT NOT NULL,
  valid_until TEXT NOT NULL,
  covers_until TEXT NOT NULL
) STRICT;
CREATE INDEX approval_plan_open ON approval_plan (id) WHERE state IN ('waiting', 'approved', 'rejected');

CREATE TRIGGER approval_plan_stays BEFORE UPDATE OF id, name, provider, policy, amount, currency, sets ON approval_plan
  BEGIN SELECT raise(ABORT, 'plans are append-only'); END;
CREATE TRIGGER approval_plan_no_delete BEFORE DELETE ON approval_plan
  BEGIN SELECT raise(ABORT, 'plans are append-only'); END;

CREATE TABLE approval_event (
  seq INTEGER PRIMARY KEY,
  plan INTEGER NOT NULL REFERENCES approval_plan (id),
  state TEXT NOT NULL
    CHECK (state IN ('waiting', 'approved', 'rejected', 'refused', 'replaced', 'withdrawn', 'expired', 'paid')),
  at TEXT NOT NULL,
  -- Who said so and in which words, where a person did; else why renewd says so.
  said_by TEXT,
  note TEXT,
  why TEXT
) STRICT;
CREATE INDEX approval_event_plan ON approval_event (plan, seq);
CREATE INDEX approval_event_at ON approval_event (at);

CREATE TRIGGER approval_event_no_update BEFORE UPDATE ON approval_event
  BEGIN SELECT raise(ABORT, 'what was said of plans is append-only'); END;
CREATE TRIGGER approval_event_no_delete BEFORE DELETE ON approval_event
  BEGIN SELECT raise(ABORT, 'what was said of plans is append-only'); END;

-- The approval that a payment was made by, and its place in the plan: each is used once. `approved` says who, when and why in the payment's
-- own row, which the hash chain covers.
ALTER TABLE intent ADD COLUMN approval INTEGER REFERENCES approval_event (seq);
ALTER TABLE intent ADD COLUMN approval_set INTEGER;
ALTER TABLE intent ADD COLUMN approved TEXT CHECK (approved LIKE '{%}');
CREATE INDEX intent_approval ON intent (approval) WHERE approval IS NOT NULL;
