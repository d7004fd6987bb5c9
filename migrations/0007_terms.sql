-- Ends as exactly as they were told, and leases that share an address.
--
-- From here on `lease.expires_at` and `intent_lease.expires_before` hold an instant with nine decimals, as before, or a date alone
-- (`YYYY-MM-DD`) where the provider told no time of day. Dates sort right before the instants of their day.

-- Told only where the account's list holds the address more than once, as behind a gateway.
ALTER TABLE lease ADD COLUMN port INTEGER;
ALTER TABLE intent_lease ADD COLUMN port INTEGER;

-- For "has this very term been paid?" by order and address, under whatever id. An address alone is no lease.
DROP INDEX intent_lease_ip_term;
CREATE INDEX intent_lease_place_term ON intent_lease (order_id, ip, expires_before) WHERE ip <> '';

DROP VIEW payments;
CREATE VIEW payments AS
  SELECT i.name AS payment, p.name AS part_of, h.state, i.purpose, i.provider, i.account, i.kind,
    coalesce((SELECT o.order_id FROM purchase_order o WHERE o.intent = i.id ORDER BY o.id DESC LIMIT 1),
      (SELECT l.order_id FROM intent_lease l WHERE l.intent = i.id ORDER BY l.seq LIMIT 1)) AS order_id,
    (SELECT group_concat(l.ip, ' ') FROM intent_lease l WHERE l.intent = i.id) AS ips,
    (SELECT count(*) FROM intent_lease l WHERE l.intent = i.id) AS leases,
    i.quoted, h.charged, i.currency, i.period_days, i.billing_cycle, i.promo, i.policy, i.attempt, i.balance_before,
    h.balance_after,
    (SELECT CASE WHEN length(min(l.expires_before)) = 10 THEN min(l.expires_before)
        ELSE substr(min(l.expires_before), 1, 19) || 'Z' END
      FROM intent_lease l WHERE l.intent = i.id) AS expires_before,
    substr(h.expires_after, 1, 19) || 'Z' AS expires_after,
    substr(i.created_at, 1, 19) || 'Z' AS created_at,
    substr(h.spend_at, 1, 19) || 'Z' AS spend_started_at,
    substr(h.settled_at, 1, 19) || 'Z' AS settled_at,
    h.code, h.message, h.evidence
  FROM intent i JOIN intent_head h ON h.intent = i.id LEFT JOIN intent p ON p.id = i.parent
  WHERE h.state <> 'split';

DROP VIEW leases;
CREATE VIEW leases AS
  SELECT account, lease, order_id, ip, kind, country, tag, state, billing_cycle, price,
    CASE WHEN length(expires_at) = 10 THEN expires_at ELSE substr(expires_at, 1, 19) || 'Z' END AS expires_at,
    provider_renews,
    substr(held_since, 1, 19) || 'Z' AS held_since,
    substr(first_seen, 1, 19) || 'Z' AS first_seen, substr(gone_at, 1, 19) || 'Z' AS gone_at, port
  FROM lease;
