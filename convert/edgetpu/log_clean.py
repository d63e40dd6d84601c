"""Makes clean lines of what a terminal showed."""

import re
from typing import Final

from convert.edgetpu.status import Status

_ESCAPES = re.compile(
    r"\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)|\x1b[@-Z\\-_]|[\x00-\x08\x0e-\x1f\x7f]"
)

_LABELS: Final = (
    "Edge TPU Compiler version",
    "Started a compilation timeout timer",
    r"Models? compiled successfully in",
    r"Input(?: model)?: ",
    "Input size: ",
    r"Output(?: model)?: ",
    "Output size: ",
    "On-chip memory ",
    "Off-chip memory ",
    "Number of Edge TPU subgraphs: ",
    "Total number of operations: ",
    "Operation log: ",
    "Model successfully compiled but",
    "Number of operations that will run on ",
    r"Operator\s+Count\s+Status",
)
_GLUED = re.compile(rf"(?<=\S)[ \t]*(?={'|'.join(_LABELS)})|(?<=Count Status)|(?<=Count      Status)")
_QUOTED = re.compile(r"^(?:[>|*]\s?)+")
_BEGUN_ROW = re.compile(r"\s\d+\s+(?P<status>\S.*)$")
_STATUSES: Final = tuple(s.value for s in Status)


def clean_lines(text: str) -> list[str]:
    """Return the lines without escape codes, quotation marks, blanks around them and empty lines.

    Lines that ran together (as web pages do) are separated at the compiler's labels, and table rows that a
    narrow terminal wrapped are joined again.
    """
    text = _ESCAPES.sub("", text.replace("\r\n", "\n").replace("\r", "\n"))
    lines = [_QUOTED.sub("", line.strip()).strip() for line in text.splitlines()]
    separate = [part.strip() for line in lines if line for part in _GLUED.sub("\n", line).split("\n")]
    return _joined([line for line in separate if line])


def _joined(lines: list[str]) -> list[str]:
    joined: list[str] = []
    for line in lines:
        whole = _completed(joined[-1], line) if joined else None
        if whole is None:
            joined.append(line)
        else:
            joined[-1] = whole
    return joined


def _completed(begun: str, rest: str) -> str | None:
    """Return both as one line where the first ends within a status that the second completes."""
    row = _BEGUN_ROW.search(begun)
    if row is None or row["status"] in _STATUSES:
        return None
    for whole in (begun + rest, f"{begun} {rest}"):
        if whole[row.start("status") :] in _STATUSES:
            return whole
    return None
