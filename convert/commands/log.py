"""`convert log`: what a saved output of the Edge TPU compiler says."""

import argparse
import codecs
import json
import sys
from pathlib import Path

from convert.edgetpu.log import CompilerLog, parse_log
from convert.edgetpu.log_text import log_text
from convert.errors import ModelFileError, ToolError

LARGEST_LOG_BYTES = 64 << 20


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "file", metavar="FILE", help="what the compiler printed, or its .log; - for standard input"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")
    parser.add_argument(
        "--require-success", action="store_true", help="fail, with one line, if the compilation failed"
    )
    parser.epilog = (
        "The exit status is 0 if the log could be read, whatever it reports; the object's `success` says how "
        "the compilation went. Of several runs in one file, the last one with a result counts."
    )


def command(options: argparse.Namespace) -> int:
    """Print what the log says; raises `ModelFileError`, and `ToolError` for a failed compilation."""
    log = parse_log(_read(options.file), options.file)
    if options.require_success and not log.success:
        raise ToolError(f"{options.file}: the compilation failed: {log.error}")
    print(_shown(log, as_json=options.json))
    return 0


def _shown(log: CompilerLog, *, as_json: bool) -> str:
    return json.dumps(log.as_json()) if as_json else log_text(log)


def _read(name: str) -> str:
    if name == "-":
        return _decoded(sys.stdin.buffer.read(LARGEST_LOG_BYTES))
    path = Path(name)
    try:
        with path.open("rb") as file:
            return _decoded(file.read(LARGEST_LOG_BYTES))
    except OSError as error:
        raise ModelFileError(f"{path}: cannot be read ({error.strerror}); name a saved output") from None


def _decoded(content: bytes) -> str:
    """Return the text; a redirection in PowerShell writes UTF-16."""
    marks = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)
    return content.decode("utf-16" if content.startswith(marks) else "utf-8-sig", errors="replace")
