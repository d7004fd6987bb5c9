-- An alert may speak of several payments of one order, or of several lost addresses: those that people were told of since it
-- began, one a line, so that one that joins is news and nothing else is.

ALTER TABLE alert ADD COLUMN heard TEXT NOT NULL DEFAULT '';
