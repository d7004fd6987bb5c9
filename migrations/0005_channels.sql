-- The outbox carries more than mail, and knows which of its rows tell of one incident: what nobody has taken yet is folded to
-- the newest word when the way is free again.

ALTER TABLE outbox ADD COLUMN channel TEXT NOT NULL DEFAULT 'mail' CHECK (channel IN ('mail', 'webhook'));
-- Message-ID of the incident's first mail; '' = a row that stands alone.
ALTER TABLE outbox ADD COLUMN incident TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN occasion TEXT NOT NULL DEFAULT '';
ALTER TABLE outbox ADD COLUMN severity TEXT NOT NULL DEFAULT 'warning';
ALTER TABLE outbox ADD COLUMN title TEXT NOT NULL DEFAULT '';
-- Recipients that have not got it yet, one a line, where others have; NULL = all of `recipients`.
ALTER TABLE outbox ADD COLUMN left_for TEXT;
-- Never sent by itself: a newer row of the incident, or a summary, was taken in its place.
ALTER TABLE outbox ADD COLUMN folded_at TEXT;

UPDATE outbox SET title = subject, incident = coalesce(in_reply_to, message_id),
  occasion = CASE WHEN in_reply_to IS NULL THEN 'raised' WHEN subject LIKE '[renewd resolved]%' THEN 'resolved' ELSE 'repeated' END;

DROP INDEX outbox_open;
CREATE INDEX outbox_open ON outbox (id) WHERE delivered_at IS NULL AND folded_at IS NULL;
CREATE INDEX outbox_folded ON outbox (folded_at) WHERE folded_at IS NOT NULL;
CREATE INDEX outbox_incident ON outbox (incident);
