"""The server of the demo. It stores nothing: each request holds all that its answer needs, and no text is logged."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import logging
import socket
import sys
import threading
import traceback
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Iterator, Optional

from fairseq_cmlm.demo.choice import Choice, read_subject
from fairseq_cmlm.demo.request import Model, answer, form, read_request
from fairseq_cmlm.errors import OptionError, UserError
from fairseq_cmlm.render.page import page

_AT_ONCE = 8  # decodings at a time; further requests are told to try again
_LONGEST = 1 << 18  # bytes of a request: a draft of 1,000 tokens needs a quarter
_DIGITS = 12  # of a length; Python reads no number of thousands of digits
_PATIENCE = 30  # seconds that a client may stay silent or leave data unread


@contextlib.contextmanager
def no_texts_logged() -> Iterator[None]:
    """Keep the warnings that quote a text out of the terminal; the page tells its user."""
    loggers = [logging.getLogger(f"fairseq_cmlm.{name}") for name in ("plugin.unknown_words", "runtime.bundle")]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger in loggers:
            logger.disabled = False


class DemoServer(ThreadingHTTPServer):
    """A server for the page and its decodings, with a thread for each request."""

    daemon_threads = True

    def __init__(self, host: str, port: int, model: Model, choice: Optional[Choice] = None) -> None:
        """Bind to `host` and `port`, 0 for any that is free; raise an OptionError if that fails.

        choice  a form of its own for labels or answers, above that of the translation
        """
        self.host = host
        self.address_family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.model, self.choice = model, choice
        self.places = threading.BoundedSemaphore(_AT_ONCE)
        source, target = model.languages
        data: dict[str, Any] = {"languages": model.languages, "form": form(model.declaration)}
        data["blanks"] = model.fills_blanks
        data["choice"] = None if choice is None else choice.kind
        self.page = page("demo", data, "'self'", summary=f"{source} → {target}").encode("utf-8")
        try:
            super().__init__((host, port), _Handler)
        except (OSError, OverflowError) as error:
            raise OptionError(
                f"--host {host} --port {port} cannot be served ({error}): name another --port, or 0 for any"
            ) from None

    @property
    def address(self) -> str:
        """Return the address of the page."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"http://{host}:{self.server_address[1]}/"

    def names(self, header: str) -> bool:
        """Return whether a Host header names this server; other names may be DNS rebinding."""
        if not is_loopback(self.host):
            return True  # the names by which others reach this machine are unknown
        host = header.rpartition(":")[0] if header.rpartition(":")[2].isdecimal() else header
        return host.strip("[]").lower() == self.host.lower() or is_loopback(host.strip("[]"))

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Ignore clients that are gone; report any other error."""
        if not isinstance(sys.exc_info()[1], (ConnectionError, TimeoutError)):
            super().handle_error(request, client_address)


def is_loopback(host: str) -> bool:
    """Return whether only this machine reaches a host.

    >>> [is_loopback(host) for host in ("localhost", "127.0.0.1", "::1", "0.0.0.0", "example.org")]
    [True, True, True, False, False]
    """
    with contextlib.suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return host.lower() == "localhost"


class _RefusedError(Exception):
    """A request that is answered with only a status and a reason."""

    def __init__(self, status: int, reason: str) -> None:
        super().__init__(reason)
        self.status, self.reason = status, reason


class _Handler(BaseHTTPRequestHandler):
    server: DemoServer
    server_version, sys_version = "fairseq_cmlm", ""
    timeout = _PATIENCE
    _begun = False

    def do_GET(self) -> None:
        """Serve the page."""
        try:
            self._check_names()
            if self.path != "/":
                raise _RefusedError(404, "there is only the page /")
        except _RefusedError as refused:
            return self._fail(refused.status, refused.reason)
        self._begin(200, "text/html; charset=utf-8")
        self.wfile.write(self.server.page)

    def do_POST(self) -> None:
        """Decode, and stream the passes: a JSON object a line."""
        try:
            self._check_names()
            body = self._body()
            if not self.server.places.acquire(blocking=False):
                raise _RefusedError(503, f"{_AT_ONCE} decodings are going on already: try again in a moment")
            try:
                self._answer(body)
            finally:
                self.server.places.release()
        except _RefusedError as refused:
            self._fail(refused.status, refused.reason)
        except UserError as error:
            self._fail(400, str(error).replace("texts[0]", "the text").replace("targets[0]", "the target"))
        except (ConnectionError, TimeoutError):
            raise
        except Exception:
            traceback.print_exc()
            self._fail(500, "the server failed; its terminal says why")

    def _answer(self, body: bytes) -> None:
        """Decode, or choose: _body has checked that the path is that of one of them."""
        if self.server.choice is not None and self.path == "/choose":
            self._event({"chosen": self.server.choice.choose(*read_subject(body))})
        else:
            answer(self.server.model, read_request(body, self.server.model.declaration), self._event)

    def _check_names(self) -> None:
        """Refuse requests that a foreign page may have made the browser send."""
        host, origin = self.headers.get("Host", ""), self.headers.get("Origin")
        if not self.server.names(host):
            raise _RefusedError(403, f"this server is not '{host}': open {self.server.address}")
        if origin not in (None, f"http://{host}"):
            raise _RefusedError(403, f"the page of '{origin}' has no business here")

    def _body(self) -> bytes:
        length = self.headers.get("Content-Length", "")
        paths = ["/translate"] if self.server.choice is None else ["/translate", "/choose"]
        if self.path not in paths:
            raise _RefusedError(404, f"requests go to {' or '.join(paths)}")
        if not length.isdecimal() or len(length) > _DIGITS:
            raise _RefusedError(411, "a request must tell its Content-Length")
        if int(length) > _LONGEST:
            # Unread data would make the client miss the answer.
            self.rfile.read(min(int(length), 8 * _LONGEST))
            raise _RefusedError(
                413, f"the request has {length} bytes, and at most {_LONGEST} are read: shorten the text"
            )
        body = self.rfile.read(int(length))
        # A foreign page cannot send this type without asking first.
        if self.headers.get_content_type() != "application/json":
            raise _RefusedError(415, "a request must be application/json")
        if len(body) < int(length):
            raise ConnectionResetError
        return body

    def _event(self, event: dict[str, Any]) -> None:
        if not self._begun:
            self._begin(200, "application/x-ndjson")
        self.wfile.write(json.dumps(event, ensure_ascii=False).encode("utf-8") + b"\n")

    def _fail(self, status: int, reason: str) -> None:
        """Send the reason why there is no answer, or no more of it."""
        if not self._begun:
            self._begin(status, "application/json")
        self.wfile.write(json.dumps({"error": reason}, ensure_ascii=False).encode("utf-8") + b"\n")

    def send_error(self, code: int, message: Optional[str] = None, explain: Optional[str] = None) -> None:
        """Answer a request that is none of HTTP, or has a method that is not served."""
        self._fail(code, message or "the request cannot be read")

    def _begin(self, status: int, kind: str) -> None:
        self._begun = True
        self.send_response(status)
        self.send_header("Content-Type", kind)
        for name, value in (
            ("Cache-Control", "no-store"),
            ("X-Content-Type-Options", "nosniff"),
            ("X-Frame-Options", "DENY"),
            ("Referrer-Policy", "no-referrer"),
        ):
            self.send_header(name, value)
        self.end_headers()

    def log_message(self, format: str, *arguments: Any) -> None:
        """Log nothing."""


def warning(host: str) -> Optional[str]:
    """Return a warning for whoever serves the demo to others; None if only this machine reaches it."""
    if is_loopback(host):
        return None
    return (
        f"--host {host}: everybody who reaches this machine can use the model; there is neither a password nor "
        "encryption, and texts travel in the clear"
    )
