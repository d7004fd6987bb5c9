"""A real SMTP server for the tests: keeps each mail as a file. Usage: smtp_sink.py PORT FOLDER [CERT KEY starttls|implicit]"""
import ssl
import sys
import time
import uuid
from pathlib import Path

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult

port, folder = int(sys.argv[1]), Path(sys.argv[2])
mode = sys.argv[5] if len(sys.argv) > 5 else "none"


class Sink:
    async def handle_DATA(self, server, session, envelope):
        name = f"{time.time_ns()}-{uuid.uuid4().hex}"
        (folder / f".{name}").write_bytes(envelope.content)
        (folder / f".{name}").rename(folder / f"{name}.eml")
        return "250 kept"


def authenticate(server, session, envelope, mechanism, data):
    good = data.login == b"renewd" and data.password == b"smtp-password-0123456789"
    return AuthResult(success=good, handled=False)


options = {}
if mode != "none":
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(sys.argv[3], sys.argv[4])
    options = {"authenticator": authenticate, "auth_required": True}
    if mode == "starttls":
        options |= {"tls_context": context, "require_starttls": True}
    else:
        options |= {"ssl_context": context, "auth_require_tls": False}
controller = Controller(Sink(), hostname="127.0.0.1", port=port, **options)
controller.start()
print("ready", flush=True)
while True:
    time.sleep(3600)
