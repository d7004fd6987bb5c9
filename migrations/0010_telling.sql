-- Incidents that come and go, messages that can never be sent, and addresses that the mail server does not take.

-- Whether an alert held at the last look, since when that is so, whether it came back within an hour of its end, and what people
-- last heard of it.
ALTER TABLE alert ADD COLUMN holds INTEGER NOT NULL DEFAULT 1 CHECK (holds IN (0, 1));
ALTER TABLE alert ADD COLUMN turned_at TEXT NOT NULL DEFAULT '';
ALTER TABLE alert ADD COLUMN flapping INTEGER NOT NULL DEFAULT 0 CHECK (flapping IN (0, 1));
ALTER TABLE alert ADD COLUMN said TEXT NOT NULL DEFAULT 'holds' CHECK (said IN ('holds', 'flaps', 'over'));
UPDATE alert SET holds = (closed_at IS NULL), turned_at = coalesce(closed_at, since),
  said = CASE WHEN closed_at IS NULL THEN 'holds' ELSE 'over' END;

-- Put aside: refused as it is, so it no longer waits in line; tried again now and then.
ALTER TABLE outbox ADD COLUMN aside_at TEXT;
CREATE INDEX outbox_aside ON outbox (aside_at) WHERE aside_at IS NOT NULL;

-- Recipients that the mail server refused for good when this was last tried: `address<TAB>reason`, one a line.
ALTER TABLE outbox ADD COLUMN refused TEXT NOT NULL DEFAULT '';
