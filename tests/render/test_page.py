"""Pages of one file: what they hold, and what they let a browser do."""

from __future__ import annotations

import base64
import hashlib
import re
from html import unescape

import pytest

from fairseq_cmlm.render.page import page


def made(data: object = None, **values: str) -> str:
    return page("trace", data, **{"summary": "one", "signature": "two", **values})


def policy_of(text: str) -> str:
    return unescape(re.findall(r'Content-Security-Policy" content="([^"]+)"', text)[0])


def test_the_policy_allows_the_pages_own_script_and_style_and_nothing_else() -> None:
    text = made()
    script, style = (
        re.findall(r"<script>(.*)</script>", text, re.S)[0],
        re.findall(r"<style>(.*)</style>", text, re.S)[0],
    )
    digests = [base64.b64encode(hashlib.sha256(part.encode()).digest()).decode() for part in (script, style)]
    assert policy_of(text) == (
        f"default-src 'none'; script-src 'sha256-{digests[0]}'; style-src 'sha256-{digests[1]}'; img-src data:; "
        "connect-src 'none'; base-uri 'none'; form-action 'none'"
    )


def test_a_served_page_may_fetch_from_its_server() -> None:
    assert "connect-src 'self';" in policy_of(page("trace", None, "'self'", summary="", signature=""))


def test_what_is_put_in_is_text() -> None:
    text = made(["</script><b>"], summary="<b>&", signature="</footer>")
    assert "&lt;b&gt;&amp;" in text and "<b>&" not in text and "&lt;/footer&gt;" in text
    assert text.count("<script") == 2


def test_a_value_that_is_missing_is_an_error() -> None:
    with pytest.raises(Exception, match="'signature' is undefined"):
        page("trace", None, summary="one")


def test_nothing_is_named_that_a_browser_would_fetch() -> None:
    text = made()
    assert re.findall(r'(?:src|href)="([^"]+)"', text) == ["data:,"]
    assert not re.findall(r"url\(|@import|https?://(?!www\.w3\.org/2000/svg)", text)
