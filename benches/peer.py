"""A renewal script as its users write it: the list with requests, what is known in sqlite3, and which leases are due.

It pays nothing and is here to be measured beside renewd (scripts/bench-fleet).
"""
import sqlite3
import sys
from datetime import datetime, timedelta, timezone

import requests

base, path = sys.argv[1], sys.argv[2]
db = sqlite3.connect(path)
db.execute("CREATE TABLE IF NOT EXISTS lease (id TEXT PRIMARY KEY, order_id TEXT, ip TEXT, kind TEXT, ends TEXT)")
session = requests.Session()
balance = session.get(f"{base}/client/api/v1/k/balance", timeout=30).json()
answer = session.get(f"{base}/client/api/v1/k/ipAddress", timeout=300).json()
now = datetime.now(timezone.utc)
rows, due = [], []
for kind in ("IPv4", "IPv6", "MOBILE", "ISP"):
    for order in answer.get(kind) or []:
        for lease in order["ipAddresses"]:
            ends = datetime.fromisoformat(lease["dateEnd"])
            rows.append((lease["ipAddressId"], order["orderId"], lease["ipAddressIp"], kind, ends.isoformat()))
            if ends - timedelta(days=3) <= now:
                due.append(lease["ipAddressId"])
with db:
    db.executemany("INSERT OR REPLACE INTO lease VALUES (?, ?, ?, ?, ?)", rows)
print(f"{len(rows)} leases, {len(due)} due, balance {balance['balance']}")
