-- Messages of a channel that the config names: each has attempts of its own.

-- The name of one of [[alerts.channel]]; such a row's `channel` is 'webhook'. '' = mail, or [alerts.webhook].
ALTER TABLE outbox ADD COLUMN name TEXT NOT NULL DEFAULT '';
