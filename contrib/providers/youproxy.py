#!/usr/bin/env python3
"""A provider for renewd in Python: YouProxy's client API, with the standard library alone.

renewd has an adapter of its own for YouProxy; this one is here to be read, and to be copied for a provider that renewd does not know.
Try it against the simulated one (`renewd simulate`). Config:

    [[account]]
    name     = "yp-by-program"
    provider = "exec"
    command  = ["/usr/bin/python3", "-I", "/usr/lib/renewd/providers/youproxy.py"]
    api_key  = { file = "/etc/renewd/yp.key" }
    settings = { base_url = "https://youproxy.io" }

One process is one call: it reads one JSON object from standard input, writes its answer to standard output, and ends. It never
repeats a request, never follows a redirect and never prints the key. The rules are in docs/providers/exec.md.
"""
import json
import re
import sys
from decimal import Decimal
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from urllib.parse import quote, urlsplit

CAN = {
    "protocols": [1],
    "name": "youproxy.py",
    "version": "1",
    "verbs": ["capabilities", "list", "balance", "periods", "quote", "extend", "set_auto_renewal"],
    "renew_early": True,
    "quote_is_bound": True,
    "auto_renewal": True,
    "pays": "lease",
    "bundled_kinds": ["IPv6"],
    "terms": "days",
    "grace_s": 0,
    "parallel_reads": 2,
    "requests_per_call": {"list": 1, "balance": 1, "quote": 1, "extend": 1, "set_auto_renewal": 1},
    "max_batch": 100,
    "money_timeout_s": 120,
}
# Answers with these codes, without ids and with a quantity of 0, say that nothing was bought. Every other one proves nothing.
REFUSALS = {2, 4, 6, 7, 8, 10, 11, 13, 14, 16, 19, 23, 24, 25, 28, 29}
KINDS = {"ipv4": "IPv4", "ipv6": "IPv6", "mobile": "MOBILE", "isp": "ISP"}


class Failed(Exception):
    """The call failed: one of the protocol's kinds, and a text without secrets."""

    def __init__(self, kind, text, retry_after=None):
        super().__init__(text)
        self.error = {"kind": kind, "text": text}
        if retry_after is not None:
            self.error["retry_after_s"] = retry_after


class NeverSent(Exception):
    """No connection was made, so no byte of the request left."""


def say(document):
    # Whoever reads may have gone; that is no reason for a trace.
    try:
        sys.stdout.write(json.dumps(document, separators=(",", ":")) + "\n")
    except BrokenPipeError:
        sys.stderr.close()
        raise SystemExit(1)


class Api:
    """One request each; the key stands in the path, so paths are never shown."""

    def __init__(self, question):
        base = question.get("settings", {}).get("base_url")
        key = question.get("secret", {}).get("api_key")
        if not isinstance(base, str) or not isinstance(key, str) or not key:
            raise Failed("bad_request", "settings.base_url and the key are needed")
        self.at, self.key = urlsplit(base), key
        self.timeout = max(1, min(int(question.get("deadline_s", 30)), 170) - 1)

    def ask(self, method, call, body=None):
        kind = HTTPSConnection if self.at.scheme == "https" else HTTPConnection
        connection = kind(self.at.hostname, self.at.port, timeout=self.timeout)
        try:
            connection.connect()
        except OSError as error:
            raise NeverSent(f"no connection: {type(error).__name__}") from None
        path = f"{self.at.path.rstrip('/')}/client/api/v1/{quote(self.key, safe='')}/{call}"
        headers = {"Accept": "application/json", "Connection": "close"}
        if body is not None:
            headers["Content-Type"] = "application/json"
            body = json.dumps(body)
        try:
            connection.request(method, path, body, headers)
            answer = connection.getresponse()
            status, text = answer.status, answer.read()
        except (OSError, HTTPException) as error:
            raise Failed("unavailable", f"no whole answer: {type(error).__name__}") from None
        finally:
            connection.close()
        return status, text

    def free(self, method, call, body=None):
        """A call that costs nothing: its answer, or an error in the protocol's words."""
        try:
            status, text = self.ask(method, call, body)
        except NeverSent as error:
            raise Failed("unavailable", str(error)) from None
        if status == 429:
            raise Failed("rate_limited", "HTTP 429", 30)
        if status != 200:
            raise Failed("unavailable", f"HTTP {status}")
        answer = parse(text)
        if answer is None:
            raise Failed("bug", "the provider's answer is no JSON object")
        if answer.get("success") is not True:
            error = answer.get("error") or {}
            code = error.get("code")
            kinds = {2: "wrong_key", 3: "unavailable"}
            raise Failed(kinds.get(code, "bad_request"), f"code {code}: {clean(self.key, error.get('message'))}")
        return answer


def parse(text):
    try:
        # Amounts stay exact: a float would lose what the provider wrote.
        answer = json.loads(text, parse_float=Decimal, parse_int=int)
    except ValueError:
        return None
    return answer if isinstance(answer, dict) else None


def clean(key, text):
    return str(text).replace(key, "[redacted]").replace(quote(key, safe=""), "[redacted]")[:200]


def amount(value, what):
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise Failed("bug", f"{what} is no number")
    return format(Decimal(value), "f")


def instant(text):
    """RFC 3339: the provider sometimes leaves the colon of the offset out."""
    return re.sub(r"([+-]\d\d)(\d\d)$", r"\1:\2", text)


def records(answer):
    """Every record of the list: {TYPE: [{orderId, ipAddresses: [record]}]}. A shape that is not known is no list."""
    groups = {key: value for key, value in answer.items() if key not in ("success", "error")}
    if list(groups) == ["ipAddresses"] and isinstance(groups["ipAddresses"], dict):
        groups = groups["ipAddresses"]
    for name, orders in groups.items():
        kind = KINDS.get(name.lower())
        if kind is None or not isinstance(orders, list):
            raise Failed("bug", "the list has a shape that this program does not know")
        for order in orders:
            for record in order["ipAddresses"]:
                yield kind, order["orderId"], record


def list_leases(api, request):
    answer = api.free("GET", "ipAddress")
    leases = []
    try:
        for kind, order, record in records(answer):
            country, extend = record.get("country"), record.get("extendInfo") or {}
            lease = {
                "id": record["ipAddressId"],
                "order": order,
                "ip": record["ipAddressIp"],
                "kind": kind,
                "ends": instant(record["dateEnd"]),
                "state": "active",
                "provider_renews": extend.get("autoExtend"),
            }
            if isinstance(country, dict):
                country = country.get("alpha3code")
            if country:
                lease["country"] = country
            leases.append(lease)
    except (KeyError, TypeError, AttributeError):
        raise Failed("bug", "the list has a shape that this program does not know") from None
    say({"protocol": 1, "request": request})
    for lease in leases:
        say({"lease": lease})
    say({"end": True, "count": len(leases), "complete": True})


def body_of(args):
    """By whole orders where the kind is sold so, else by lease."""
    kind, leases = args["kind"], args["leases"]
    body = {"proxyType": kind, "rentPeriodDays": args["term"]["days"]}
    if kind in CAN["bundled_kinds"]:
        body["orderIds"] = sorted({lease["order"] for lease in leases})
    else:
        body["ipAddressIds"] = [lease["id"] for lease in leases]
    if args.get("promo"):
        body["promoCode"] = args["promo"]
    return body, "/order" if "orderIds" in body else ""


def quote_price(api, args):
    body, by = body_of(args)
    answer = api.free("POST", f"calculate/extend{by}", body)
    warnings = [
        {"code": str(w.get("code")), "text": clean(api.key, w.get("message"))} if isinstance(w, dict) else str(w)
        for w in answer.get("warnings") or []
    ]
    told = {
        "leases": [lease["id"] for lease in args["leases"]],
        "price": amount(answer.get("price"), "price"),
        "currency": answer.get("currency"),
        "balance": amount(answer.get("balance"), "balance"),
        "warnings": warnings,
    }
    if args.get("promo"):
        told["promo"] = "valid" if answer.get("promoCodeStatus") == "VALID" else "invalid"
    return told


def judged(status, text, key, done):
    """What a whole answer to a call that moves money proves. `done` gives the ids that a success names."""
    answer = parse(text) if status == 200 else None
    if answer is None:
        return {"outcome": "unknown", "text": f"HTTP {status}, or no JSON object"}
    error = answer.get("error")
    if answer.get("success") is True and not error:
        ids = done(answer)
        return {"outcome": "accepted", "leases": ids} if ids else {"outcome": "unknown", "text": "a success without ids"}
    code = error.get("code") if isinstance(error, dict) else None
    empty = not answer.get("ipAddressIds") and not answer.get("quantity")
    if answer.get("success") is False and code in REFUSALS and empty:
        return {"outcome": "refused", "code": str(code), "text": clean(key, error.get("message"))}
    return {"outcome": "unknown", "text": f"code {code} does not prove that nothing was done"}


def money_call(api, call, body, done):
    """One request, whatever comes back."""
    try:
        status, text = api.ask("POST", call, body)
    except NeverSent as error:
        return {"outcome": "never_sent", "text": str(error)}, None
    except Failed as error:
        return {"outcome": "unknown", "text": str(error)}, None
    return judged(status, text, api.key, done), parse(text)


def extend(api, args):
    body, by = body_of(args)
    verdict, answer = money_call(api, f"extend{by}", body, lambda a: a.get("ipAddressIds"))
    if verdict["outcome"] == "accepted" and isinstance(answer.get("balance"), (int, Decimal)):
        verdict["balance"] = amount(answer["balance"], "balance")
    return verdict


def set_auto_renewal(api, args):
    leases = args["leases"]
    body = {"proxyType": args["kind"], "rentPeriodDays": 30, "autoExtend": args["on"], "ipAddressIds": leases}
    return money_call(api, "extend/auto", body, lambda a: a.get("ipAddressIds"))[0]


def answer(verb, question):
    if verb == "capabilities":
        return CAN
    api, args = Api(question), question.get("args", {})
    if verb == "balance":
        told = api.free("GET", "balance")
        return {"balance": amount(told.get("balance"), "balance"), "currency": told.get("currencyCode") or told.get("currency")}
    if verb == "periods":
        return {"days": api.free("GET", f"rentPeriod?proxyType={quote(args['kind'], safe='')}").get("rentPeriodDays")}
    if verb == "quote":
        return quote_price(api, args)
    return {"extend": extend, "set_auto_renewal": set_auto_renewal}[verb](api, args)


def main():
    verb = sys.argv[1] if len(sys.argv) > 1 else ""
    if verb not in CAN["verbs"]:
        return 2
    question = parse(sys.stdin.buffer.read(4 << 20))
    request = question.get("request") if question else None
    head = {"protocol": 1, "request": request}
    try:
        if not question or question.get("protocol") != 1:
            raise Failed("bad_request", "only protocol 1 is spoken here")
        if verb == "list":
            list_leases(Api(question), request)
        else:
            say({**head, **answer(verb, question)})
        sys.stdout.flush()
    except Failed as failed:
        say({**head, "error": failed.error})
        return 1
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        # What was sent before that, if anything, is for renewd to find out: the answer is not 0.
        say({**head, "error": {"kind": "bug", "text": type(error).__name__}})
        return 1
    except BrokenPipeError:
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
