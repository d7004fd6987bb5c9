-- What a payment cost, and how that is known: seen between two balances with nothing else in between, or not.

-- 'answers', 'reading': seen. 'quote': not seen, the quote stands. 'word': an operator said so. NULL: written before this was kept.
ALTER TABLE intent_event ADD COLUMN measured TEXT CHECK (measured IN ('answers', 'reading', 'quote', 'word'));
ALTER TABLE intent_head ADD COLUMN measured TEXT;
-- When the amount last changed: a payment may be known as charged before it is known what it cost.
ALTER TABLE intent_head ADD COLUMN charged_at TEXT;
ALTER TABLE intent_head ADD COLUMN charged_boot TEXT;
ALTER TABLE intent_head ADD COLUMN charged_ms INTEGER;

-- As before, and an event that changes nothing but the amount leaves alone when the payment came to its state.
DROP TRIGGER intent_event_head;
CREATE TRIGGER intent_event_head AFTER INSERT ON intent_event BEGIN
  INSERT INTO intent_head (intent, account, seq, state, state_at, state_boot, state_ms)
    SELECT id, account, NEW.seq, NEW.state, NEW.at, NEW.boot, NEW.ms FROM intent WHERE id = NEW.intent AND NEW.seq = 0;
  UPDATE intent_head SET
    seq = NEW.seq, state = NEW.state,
    state_at = CASE WHEN NEW.event = 'measured' OR (NEW.event = 'operator_charged' AND state = 'confirmed')
      THEN state_at ELSE NEW.at END,
    state_boot = CASE WHEN NEW.event = 'measured' OR (NEW.event = 'operator_charged' AND state = 'confirmed')
      THEN state_boot ELSE NEW.boot END,
    state_ms = CASE WHEN NEW.event = 'measured' OR (NEW.event = 'operator_charged' AND state = 'confirmed')
      THEN state_ms ELSE NEW.ms END,
    spend_at = CASE WHEN NEW.event IN ('spend_started', 'provider_charged') THEN NEW.at ELSE spend_at END,
    spend_boot = CASE WHEN NEW.event IN ('spend_started', 'provider_charged') THEN NEW.boot ELSE spend_boot END,
    spend_ms = CASE WHEN NEW.event IN ('spend_started', 'provider_charged') THEN NEW.ms ELSE spend_ms END,
    settled_at = CASE WHEN NEW.state IN ('confirmed', 'refused', 'not_applied', 'released')
      THEN coalesce(settled_at, NEW.at) ELSE settled_at END,
    charged_at = CASE WHEN NEW.charged IS NOT NULL AND NEW.charged IS NOT charged THEN NEW.at ELSE charged_at END,
    charged_boot = CASE WHEN NEW.charged IS NOT NULL AND NEW.charged IS NOT charged THEN NEW.boot ELSE charged_boot END,
    charged_ms = CASE WHEN NEW.charged IS NOT NULL AND NEW.charged IS NOT charged THEN NEW.ms ELSE charged_ms END,
    charged = coalesce(NEW.charged, charged),
    measured = coalesce(NEW.measured, measured),
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

-- The payments that a move of the balance may belong to, where it is not known what they cost.
ALTER TABLE balance_note ADD COLUMN contested TEXT NOT NULL DEFAULT '';

DROP VIEW balance_changes;
CREATE VIEW balance_changes AS
  SELECT coalesce(n.name, b.account) AS account, b.before, b.after, b.currency, b.explained, b.unexplained, b.contested,
    substr(b.since, 1, 19) || 'Z' AS since, substr(b.at, 1, 19) || 'Z' AS at
  FROM balance_note b LEFT JOIN account_number n ON n.number = b.account_number;
