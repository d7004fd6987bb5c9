-- What policies and budgets look at besides: the mobile operator, when a lease was first rented, and the labels that the config gave a
-- lease when it was paid.

ALTER TABLE lease ADD COLUMN operator TEXT;
ALTER TABLE lease ADD COLUMN started_at TEXT;

-- A JSON list; absent where there were none. A budget of a label goes by these, whatever the config calls the lease later.
ALTER TABLE intent_lease ADD COLUMN labels TEXT CHECK (labels LIKE '[%]');
