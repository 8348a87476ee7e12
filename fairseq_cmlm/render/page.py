"""Pages in one file: template, style, script and data together; nothing is fetched from elsewhere."""

from __future__ import annotations

import base64
import gzip
import hashlib
import json
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_FOLDER = Path(__file__).parent / "templates"
TEMPLATES = Environment(loader=FileSystemLoader(_FOLDER), autoescape=True, undefined=StrictUndefined)


def page(name: str, data: Any, fetches: str = "'none'", **values: Any) -> str:
    """Return the page of the template templates/NAME.html and the scripts NAME*.js.

    data     data for the script, as JSON values. It is compressed, because the JSON of a trace is six times as large
    fetches  where the script may fetch from: 'none', or 'self', the server that the page came from
    values   values for the names in the template

    The page's policy makes a browser run only this script, whatever a text may try to smuggle in.
    """
    files = [_FOLDER / "canvas.js", _FOLDER / "player.js", *sorted(_FOLDER.glob(f"{name}*.js"))]
    script = "".join(file.read_text("utf-8") for file in files)
    style = (_FOLDER / "look.css").read_text("utf-8")
    policy = (
        f"default-src 'none'; script-src '{_digest(script)}'; style-src '{_digest(style)}'; img-src data:; "
        f"connect-src {fetches}; base-uri 'none'; form-action 'none'"
    )
    packed = base64.b64encode(gzip.compress(json.dumps(data, ensure_ascii=False).encode("utf-8"), mtime=0))
    return TEMPLATES.get_template(f"{name}.html").render(
        policy=policy, style=Markup(style), script=Markup(script), data=packed.decode("ascii"), **values
    )


def _digest(text: str) -> str:
    """Return the name of a script or style in a Content-Security-Policy."""
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode('utf-8')).digest()).decode('ascii')}"
