"""The demo's server: right answers to many at once, clear ones to what is wrong, and nothing kept."""

from __future__ import annotations

import json
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Optional

import pytest
from demo_requests import ask, events

from fairseq_cmlm import Translator
from fairseq_cmlm.demo import server as module
from fairseq_cmlm.demo.choice import Choice
from fairseq_cmlm.demo.server import DemoServer, warning
from fairseq_cmlm.errors import OptionError, TextError

TEXTS = ["the small dog sees the boat", "a bird", "the strong king hears every small dog in the quiet garden", ""]


def check(found: list[dict[str, Any]], translator: Translator, text: str, **options: Any) -> None:
    """Compare events with the translation that they must tell."""
    alternatives = 0 if options.get("strategy") == "easy_first" else 8
    (expected,) = translator.translate([text], history=True, alternatives=alternatives, **options)
    *passes, end = found
    candidates = expected.candidates + expected.given_up
    shown = end["done"]["candidates"]
    assert end["done"]["source"] == expected.source
    assert [one["text"] for one in shown] == [one.text for one in candidates]
    assert [one["given_up"] for one in shown] == [one in expected.given_up for one in candidates]
    for one in candidates:
        history = [event["pass"] for event in passes if event["pass"]["number"] == one.number]
        assert [made["written"] for made in history] == [made.written for made in one.history or []]
        assert [made["why"] for made in history] == [made.why for made in one.history or []]
        for made, want in zip(history, one.history or []):
            assert made["probabilities"] == pytest.approx(want.probabilities, rel=1e-3)
            assert [len(shares) for shares in made["attention"]] == [len(expected.source)] * one.length


@pytest.mark.parametrize("sentence", TEXTS)
def test_the_passes_are_those_of_the_translator(server: DemoServer, demo_model: Translator, sentence: str) -> None:
    check(events(server, sentence), demo_model, sentence)


@pytest.mark.parametrize(
    "options",
    [
        {"strategy": "easy_first", "length_beam": 2},
        {"iterations": 3, "halve_candidates": 1},
        {"iterations": 0},
        {"strategy": "remdm_cap", "eta": 0.4, "temperature": 1.5, "top_p": 0.9, "seed": 3},
        {"strategy": "without_remasking", "order": "entropy", "entropy_bound": 1.0, "length_scale": 1.2},
    ],
)
def test_options_are_those_of_the_translator(
    server: DemoServer, demo_model: Translator, options: dict[str, Any]
) -> None:
    check(events(server, TEXTS[0], options=options), demo_model, TEXTS[0], **options)


def test_a_target_with_a_gap(server: DemoServer, demo_model: Translator) -> None:
    word = events(server, TEXTS[1])[0]["pass"]["written"][0]
    *passes, end = events(server, TEXTS[1], target=f"{word} <blank:2>")
    assert passes[0]["pass"]["why"][0] == "given" and end["done"]["candidates"][0]["text"].startswith(word)


def test_passes_come_one_by_one(server: DemoServer) -> None:
    """The first is there before the decoding is at its end."""
    body = json.dumps({"text": TEXTS[2], "options": {"iterations": 40}}).encode()
    with socket.create_connection(server.server_address[:2], timeout=60) as client:
        client.sendall(request(server, body))
        first = client.recv(1 << 12)
        assert first.startswith(b"HTTP/1.0 200") and b'"done"' not in first
        whole = first
        while part := client.recv(1 << 16):
            whole += part
    assert whole.count(b'{"pass"') > 40 and whole.rstrip().endswith(b"}}") and b'\n{"done"' in whole


def test_going_on_ends_as_the_whole_does(server: DemoServer) -> None:
    options = {"length_beam": 1, "iterations": 6}
    whole = [event["pass"] for event in events(server, TEXTS[0], options=options)[:-1]]
    made = whole[1]
    draft = {
        **{"tokens": made["written"], "probabilities": made["probabilities"], "masked": made["masked_again"]},
        **{"fixed": [False] * len(made["written"]), "done": 2},
    }
    rest = [event["pass"] for event in events(server, TEXTS[0], options=options, draft=draft)[:-1]]
    assert [one["written"] for one in rest] == [one["written"] for one in whole[2:]]
    draft["fixed"][0], draft["masked"] = True, [True] * len(made["written"])
    for event in events(server, TEXTS[0], options=options, draft=draft)[:-1]:
        assert event["pass"]["written"][0] == made["written"][0] and event["pass"]["why"][0] == "given"


def test_many_at_once_get_their_own_answers(server: DemoServer, demo_model: Translator) -> None:
    jobs = [(text, {"iterations": passes, "length_beam": 3}) for passes in (2, 5) for text in TEXTS[:3]]
    with ThreadPoolExecutor(len(jobs)) as users:
        found = list(users.map(lambda job: events(server, job[0], options=job[1]), jobs))
    for one, (text, options) in zip(found, jobs):
        check(one, demo_model, text, **options)


def test_more_than_there_is_room_for_are_asked_to_wait(server: DemoServer) -> None:
    for _ in range(module._AT_ONCE):
        assert server.places.acquire(blocking=False)
    try:
        status, answer = ask(server, {"text": "a"})
    finally:
        for _ in range(module._AT_ONCE):
            server.places.release()
    assert status == 503 and "8 decodings are going on already: try again in a moment" in answer
    assert events(server, "a bird")


def request(server: DemoServer, body: bytes, length: Optional[int] = None) -> bytes:
    lines = [
        *("POST /translate HTTP/1.1", f"Host: 127.0.0.1:{server.server_address[1]}"),
        *("Content-Type: application/json", f"Content-Length: {len(body) if length is None else length}", "", ""),
    ]
    return "\r\n".join(lines).encode() + body


def test_a_client_that_is_gone_ends_its_decoding_and_frees_its_place(
    server: DemoServer, capsys: pytest.CaptureFixture[str]
) -> None:
    long = json.dumps({"text": TEXTS[2], "options": {"iterations": 100, "length_beam": 20}}).encode()
    for _ in range(module._AT_ONCE + 1):
        with socket.create_connection(server.server_address[:2], timeout=60) as client:
            client.sendall(request(server, long))
            client.recv(100)
        deadline = time.monotonic() + 60
        while server.places._value < module._AT_ONCE:
            assert time.monotonic() < deadline, "the place was not freed"
            time.sleep(0.01)
    with socket.create_connection(server.server_address[:2]) as client:
        client.sendall(request(server, b'{"text"', length=99))  # and nothing more
        client.shutdown(socket.SHUT_WR)
        assert client.recv(100) == b""
    assert events(server, "a bird")
    assert capsys.readouterr().err == ""


def test_a_client_that_takes_nothing_is_given_up(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(module._Handler, "timeout", module._Handler.timeout / 150)
    many = json.dumps({"text": TEXTS[2], "options": {"iterations": 100, "length_beam": 20}}).encode()
    with socket.socket() as client:
        client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.connect(server.server_address[:2])
        client.settimeout(60)
        client.sendall(request(server, many))
        taken = client.recv(1)
        deadline = time.monotonic() + 60
        while server.places._value < module._AT_ONCE:
            assert time.monotonic() < deadline, "the place was not freed"
            time.sleep(0.05)
        while part := client.recv(1 << 16):
            taken += part
    assert taken.startswith(b"HTTP/1.0 200") and b'{"done"' not in taken
    assert capsys.readouterr().err == ""


WRONG: list[tuple[dict[str, Any], int, str]] = [
    ({"body": b"no"}, 400, "the request is not JSON"),
    ({"body": b"[" * 100_000}, 400, "the request is not JSON"),
    ({"body": {"text": "a"}, "headers": {"Content-Length": "9" * 5000}}, 411, "must tell its Content-Length"),
    ({"method": "PUT", "path": "/translate"}, 501, "Unsupported method"),
    ({"body": {"text": "a", "options": {"length_prior": 1e300}}}, 400, "must be at least 0 and at most 1000"),
    ({"body": {"text": "a", "options": {"seed": 2**64, "temperature": 1.0}}}, 400, "and at most 2147483647"),
    ({"body": {"text": "a", "options": {"iterations": "4"}}}, 400, "--decoding-iterations '4' must be a whole number"),
    ({"body": {"text": "a", "options": {"strategy": "none"}}}, 400, "--decoding-strategy none must be one of"),
    (
        {"body": {"text": "@ " * 40}},
        400,
        "the text has 41 tokens (</s> counts), and the model reads at most 40: shorten",
    ),
    ({"body": {"text": "a", "target": "<blank:x>"}}, 400, "the target: <blank:x> is no blank"),
    ({"body": b"x" * (1 << 18) + b"x"}, 413, "the request has 262145 bytes, and at most 262144 are read"),
    ({"body": {"text": "a"}, "path": "/"}, 404, "requests go to /translate"),
    ({"method": "GET", "path": "/other"}, 404, "there is only the page /"),
    ({"body": {"text": "a"}, "headers": {"Content-Type": "text/plain"}}, 415, "must be application/json"),
    ({"body": {"text": "a"}, "headers": {"Origin": "http://evil.example"}}, 403, "has no business here"),
    ({"body": {"text": "a"}, "headers": {"Host": "evil.example"}}, 403, "this server is not 'evil.example'"),
    ({"method": "GET", "path": "/", "headers": {"Host": "evil.example:80"}}, 403, "this server is not"),
]


@pytest.mark.parametrize(("wrong", "status", "reason"), WRONG, ids=[str(i) for i in range(len(WRONG))])
def test_a_wrong_request_gets_a_clear_answer(
    server: DemoServer, wrong: dict[str, Any], status: int, reason: str
) -> None:
    found = ask(server, **wrong)
    assert found[0] == status and reason in json.loads(found[1])["error"]


def choose(text: str, question: str) -> dict[str, Any]:
    """A stand-in for a model that answers with what it was given."""
    if question == "?":
        raise TextError("the question is too short")
    return {"answer": f"{text}, {question}", "text": text, "cut": 0}


def test_a_choice_is_answered_beside_the_translation(demo_model: Translator) -> None:
    with DemoServer("127.0.0.1", 0, demo_model, Choice("answer", choose)) as made:
        threading.Thread(target=made.serve_forever, daemon=True).start()
        found = ask(made, {"text": "a b", "question": "c"}, path="/choose")
        assert found[0] == 200 and json.loads(found[1])["chosen"]["answer"] == "a b, c"
        assert events(made, TEXTS[1])[-1]["done"]
        for body, reason in (
            ({"text": "a", "question": "?"}, "the question is too short"),
            ({"text": " "}, "the request must have a text"),
            ({"text": "a", "question": 1}, "the request must have a text"),
            ([], "the request must have a text"),
            (b"no", "the request is not JSON"),
        ):
            status, answer = ask(made, body, path="/choose")
            assert status == 400 and reason in json.loads(answer)["error"]
        made.shutdown()


def test_without_a_choice_there_is_none(server: DemoServer) -> None:
    assert ask(server, {"text": "a"}, path="/choose")[0] == 404


def test_a_request_without_a_length_is_refused(server: DemoServer) -> None:
    with socket.create_connection(server.server_address[:2], timeout=60) as client:
        client.sendall(f"POST /translate HTTP/1.0\r\nHost: localhost:{server.server_address[1]}\r\n\r\n".encode())
        assert b" 411 " in client.recv(1 << 12)


def test_a_fault_of_the_server_is_told_without_its_details(
    server: DemoServer, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(*arguments: Any, **named: Any) -> Any:
        raise RuntimeError("inner workings")

    monkeypatch.setattr(server.model, "translate", broken)
    status, answer = ask(server, {"text": "a"})
    assert status == 500 and json.loads(answer) == {"error": "the server failed; its terminal says why"}
    assert "RuntimeError: inner workings" in capsys.readouterr().err


def test_an_error_on_the_way_ends_the_stream(server: DemoServer, monkeypatch: pytest.MonkeyPatch) -> None:
    translate = server.model.translate

    def breaking(*arguments: Any, watch: Any, **named: Any) -> Any:
        def twice(*told: Any) -> None:
            watch(*told)
            raise RuntimeError

        return translate(*arguments, watch=twice, **named)

    monkeypatch.setattr(server.model, "translate", breaking)
    status, answer = ask(server, {"text": "a"})
    first, last = (json.loads(line) for line in answer.splitlines())
    assert status == 200 and "pass" in first and last == {"error": "the server failed; its terminal says why"}


def test_nothing_is_kept_and_nothing_logged(server: DemoServer, capsys: pytest.CaptureFixture[str]) -> None:
    """The page is the same whoever asked what before, and forbids browsers to store answers."""
    before = ask(server, method="GET", path="/")[1]
    events(server, "the secret king")
    assert ask(server, method="GET", path="/")[1] == before and "secret" not in before
    assert capsys.readouterr() == ("", "")


def test_answers_are_not_stored_nor_framed(server: DemoServer) -> None:
    with socket.create_connection(server.server_address[:2], timeout=60) as client:
        client.sendall(f"GET / HTTP/1.0\r\nHost: 127.0.0.1:{server.server_address[1]}\r\n\r\n".encode())
        head = client.recv(1 << 12).decode()
    for line in ("Cache-Control: no-store", "X-Content-Type-Options: nosniff", "X-Frame-Options: DENY"):
        assert line in head
    assert "Python" not in head


@pytest.mark.parametrize(
    ("host", "header", "expected"),
    [
        ("127.0.0.1", "127.0.0.1:8000", True),
        ("127.0.0.1", "localhost:8000", True),
        ("127.0.0.1", "localhost", True),
        ("127.0.0.1", "LOCALHOST:1", True),
        ("127.0.0.1", "[::1]:8000", True),
        ("127.0.0.1", "evil.example:8000", False),
        ("127.0.0.1", "127.0.0.1.evil.example", False),
        ("127.0.0.1", "", False),
        ("0.0.0.0", "my.machine:8000", True),
    ],
)
def test_names_of_the_server(demo_model: Translator, host: str, header: str, expected: bool) -> None:
    with DemoServer("127.0.0.1", 0, demo_model) as server:
        server.host = host
        assert server.names(header) is expected


def test_a_port_that_is_taken_or_none_is_named(server: DemoServer, demo_model: Translator) -> None:
    taken = server.server_address[1]
    with pytest.raises(OptionError, match=f"--host 127.0.0.1 --port {taken} cannot be served .*: name another --port"):
        DemoServer("127.0.0.1", taken, demo_model)
    with pytest.raises(OptionError, match="--port 70000 cannot be served"):
        DemoServer("127.0.0.1", 70000, demo_model)
    with pytest.raises(OptionError, match=r"--host no\.such\.host\.invalid"):
        DemoServer("no.such.host.invalid", 0, demo_model)


def test_only_a_host_that_others_reach_is_warned_of() -> None:
    assert [warning(host) for host in ("127.0.0.1", "localhost", "::1")] == [None] * 3
    assert "neither a password nor encryption" in (warning("0.0.0.0") or "")
