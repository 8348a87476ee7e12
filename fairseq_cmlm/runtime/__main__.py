"""`fairseq-cmlm-runtime BUNDLE < texts > translations`, or `python -m fairseq_cmlm.runtime`: neither needs torch."""

from __future__ import annotations

import argparse
import contextlib
import io
import sys
import time
from pathlib import Path
from typing import Any, Optional, Sequence

from fairseq_cmlm.errors import OptionError, TextError, UserError
from fairseq_cmlm.files import text_lines, until_nobody_reads
from fairseq_cmlm.options import declared, flag_of, given_in, help_of, kind_of
from fairseq_cmlm.runtime.manifest import read_manifest
from fairseq_cmlm.runtime.options import SUPPORTED, declaration_of

_PROGRAM = "fairseq-cmlm-runtime"
_INTERRUPTED = 130  # the status of a program that SIGINT ended
_PORTS = 65535


def main(arguments: Optional[Sequence[str]] = None) -> None:
    """Run with `arguments`, by default those of the process; errors end it with one line, status 1."""
    with until_nobody_reads():
        try:
            _run(sys.argv[1:] if arguments is None else list(arguments))
        except UserError as error:
            sys.exit(f"{_PROGRAM}: {error}")
        except KeyboardInterrupt:
            sys.exit(_INTERRUPTED)


def _run(words: list[str]) -> None:
    parser = argparse.ArgumentParser(
        prog=_PROGRAM, description="Translate the lines of the standard input.", allow_abbrev=False
    )
    parser.add_argument("bundle", type=Path, help="a folder that fairseq-cmlm export wrote; it tells more options")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="of the processor (default: %(default)s)")
    parser.add_argument("--summary", action="store_true", help="tell the decoding and the time, on standard error")
    parser.add_argument(
        "--demo", type=int, metavar="PORT", help="serve a page that shows the passes instead, to you alone"
    )
    folder = next((word for word in words if Path(word, "bundle.json").is_file()), None)
    if folder is None:
        given = parser.parse_known_args(words)[0].bundle
        if given != Path(words[0]):
            raise OptionError(f"no word of '{' '.join(words)}' is the folder of a bundle: it comes first")
        read_manifest(given)  # reading it says what is wrong
        return
    declaration = declaration_of(read_manifest(Path(folder)))
    _add_options(parser, declaration)
    options = parser.parse_args(words)
    given = given_in(declaration, vars(options))
    if options.demo is not None:
        return _serve(options, given)
    _translate(options, given)


def _add_options(parser: argparse.ArgumentParser, declaration: type) -> None:
    """Add the bundle's decoding options, including those that the runtime refuses by name."""
    for one in declared(declaration):
        kind, told = kind_of(one), help_of(one) if one.name in SUPPORTED else argparse.SUPPRESS
        if kind is bool:
            parser.add_argument(flag_of(one), action="store_true", help=told)
        else:
            parser.add_argument(flag_of(one), type=kind, metavar=kind.__name__.upper(), help=told)


def _translate(options: argparse.Namespace, given: dict[str, Any]) -> None:
    from fairseq_cmlm.runtime.bundle import Bundle

    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(encoding="utf-8")  # as what is read is
    bundle = Bundle(options.bundle, dtype=given.pop("dtype", "float32"), threads=options.threads)
    signature, start, number = bundle.signature(**given), time.monotonic(), 0
    for number, line in enumerate(text_lines(sys.stdin.buffer, "the standard input"), start=1):
        try:
            print(bundle.translate([line], **given)[0].text, flush=True)
        except TextError as error:
            raise TextError(str(error).replace("texts[0]", f"line {number} of the standard input", 1)) from None
    if options.summary:
        print(f"{number} lines in {time.monotonic() - start:.2f} s; {signature}", file=sys.stderr)


def _serve(options: argparse.Namespace, given: dict[str, Any]) -> None:
    """Serve the page until interrupted."""
    if not 0 <= options.demo <= _PORTS:
        raise OptionError(f"--demo {options.demo} is no port: give one from 0 to {_PORTS}; 0 is any that is free")
    dtype = given.pop("dtype", "float32")
    if given or options.summary:
        flags = {one.name: flag_of(one) for one in declared(declaration_of(read_manifest(options.bundle)))}
        unused = ["--summary"] if options.summary else []
        raise OptionError(
            f"{', '.join([*unused, *(flags[name] for name in given)])} cannot be combined with --demo, whose page has "
            "the options of a decoding: leave it out"
        )
    try:
        from fairseq_cmlm.demo.server import DemoServer, no_texts_logged
    except ImportError as error:
        raise OptionError(f"--demo needs jinja2: pip install jinja2 ({error})") from None
    from fairseq_cmlm.runtime.bundle import Bundle

    bundle = Bundle(options.bundle, dtype=dtype, threads=options.threads)
    server = DemoServer("127.0.0.1", options.demo, bundle)
    with no_texts_logged(), server, contextlib.suppress(KeyboardInterrupt):
        print(server.address, flush=True)
        server.serve_forever()


if __name__ == "__main__":
    main()
