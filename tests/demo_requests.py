"""Requests to the demo's server, and what it answers, without a browser."""

from __future__ import annotations

import http.client
import json
from typing import Any, Optional

from fairseq_cmlm.demo.server import DemoServer


def ask(
    server: DemoServer,
    body: Any = None,
    method: str = "POST",
    path: str = "/translate",
    headers: Optional[dict[str, str]] = None,
) -> tuple[int, str]:
    """The status and the text that the server answers with; `body` is for JSON, but bytes go as they are."""
    connection = http.client.HTTPConnection(*server.server_address[:2], timeout=60)
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    connection.request(method, path, data, {"Content-Type": "application/json", **(headers or {})})
    answer = connection.getresponse()
    return answer.status, answer.read().decode()


def events(server: DemoServer, text: str, **more: Any) -> list[dict[str, Any]]:
    """The events of a decoding that succeeds."""
    status, answer = ask(server, {"text": text, **more})
    assert status == 200, answer
    return [json.loads(line) for line in answer.splitlines()]
