-- Pauses that say who, why and until when, and a hash chain over payments, by which an edited history shows.

-- A pause from before this has none of it and no end: it goes on. `until_boot` and `until_ms` say on the boot clock of that boot when it is
-- over, so that a wall clock that is set forward ends none.
ALTER TABLE pause ADD COLUMN said_by TEXT;
ALTER TABLE pause ADD COLUMN note TEXT;
ALTER TABLE pause ADD COLUMN until TEXT;
ALTER TABLE pause ADD COLUMN until_boot TEXT;
ALTER TABLE pause ADD COLUMN until_ms INTEGER;

-- One link for each row of a payment, in the order in which they were written, made in the transaction of its row. What is hashed is
-- described in docs/ledger.md.
CREATE TABLE payment_link (
  n INTEGER PRIMARY KEY CHECK (n > 0),
  -- 'payment': the row of `intent` with its rows of `intent_lease`. 'event', 'read': of `intent_event`, `settle_read`, by their `seq`.
  -- 'order': of `purchase_order`, by its `id`.
  kind TEXT NOT NULL CHECK (kind IN ('payment', 'event', 'read', 'order')),
  intent INTEGER NOT NULL,
  seq INTEGER NOT NULL,
  -- 1: the row is older than this table, and its link was made later.
  late INTEGER NOT NULL CHECK (late IN (0, 1)),
  hash BLOB NOT NULL CHECK (length(hash) = 32)
) STRICT;

-- The chain is a line: of two writers that saw the same head one wins. A row that is replaced is out of turn, too.
CREATE TRIGGER payment_link_in_turn BEFORE INSERT ON payment_link
  WHEN NEW.n IS NOT coalesce((SELECT max(n) + 1 FROM payment_link), 1)
  BEGIN SELECT raise(ABORT, 'payments are append-only: this link is out of turn'); END;
CREATE TRIGGER payment_link_no_update BEFORE UPDATE ON payment_link
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;
CREATE TRIGGER payment_link_no_delete BEFORE DELETE ON payment_link
  BEGIN SELECT raise(ABORT, 'payments are append-only'); END;

-- Rows that are here already get their links before the next one is written.
INSERT INTO note (key, value) SELECT 'chain.pending', '1' WHERE EXISTS (SELECT 1 FROM intent);
