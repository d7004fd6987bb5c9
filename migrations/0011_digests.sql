-- What is known of an account's leases and decisions in a few bytes: ranges of ids, each with its number of rows and the sum of their
-- digests. A list that is as it was known is recognised by them without a row being read. Written with the rows, in one transaction; an
-- account that has none yet is compared row by row once.
CREATE TABLE digest (
  account TEXT NOT NULL,
  what TEXT NOT NULL CHECK (what IN ('lease', 'decision')),
  ranges BLOB NOT NULL,
  PRIMARY KEY (account, what)
) STRICT;
