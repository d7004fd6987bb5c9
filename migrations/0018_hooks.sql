-- When something new of an alert was last told, and with which deadline: reminders grow apart from then on.
ALTER TABLE alert ADD COLUMN news_at TEXT;
ALTER TABLE alert ADD COLUMN told_deadline TEXT;

-- Programs of the owner's that are told what happened, and what waits for them.

-- The hooks of the config, so that whoever commits an event queues it for them in the same transaction.
CREATE TABLE hook (
  name TEXT PRIMARY KEY,
  -- The events that it is told, one a line.
  events TEXT NOT NULL,
  -- When an event was set aside, if none has gone through since.
  gave_up_at TEXT
) STRICT, WITHOUT ROWID;

-- What waits, per hook in the order of its rows. What a program took is deleted; what was set aside stays for a while.
CREATE TABLE hook_event (
  id INTEGER PRIMARY KEY AUTOINCREMENT,
  hook TEXT NOT NULL,
  event TEXT NOT NULL,
  event_id TEXT NOT NULL,
  document TEXT NOT NULL CHECK (document LIKE '{%}'),
  queued_at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,
  first_tried_at TEXT,
  next_at TEXT NOT NULL,
  last_error TEXT,
  aside_at TEXT
) STRICT;
CREATE INDEX hook_event_waits ON hook_event (hook, id) WHERE aside_at IS NULL;
CREATE INDEX hook_event_queued ON hook_event (queued_at);

-- What many passes see and hooks are told once: a lease that is lost, say.
CREATE TABLE hook_told (
  account TEXT NOT NULL,
  fact TEXT NOT NULL,
  at TEXT NOT NULL,
  PRIMARY KEY (account, fact)
) STRICT, WITHOUT ROWID;
