-- The requests of the last minute, of all nodes: what an account may ask is counted over all machines. By the server's clock. Nothing
-- about money is in it, and what is lost of it is one minute's memory.
CREATE TABLE request (
  account text COLLATE "C" NOT NULL,
  at_ms bigint NOT NULL,
  money bigint NOT NULL,
  held bigint NOT NULL
);
CREATE INDEX request_account ON request (account, at_ms);
