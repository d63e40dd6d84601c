"""The page of the gates: `python -m convert.parity.reference` writes docs/gates.md."""

from pathlib import Path
from typing import Final

from convert.parity.gates import DEFAULT
from convert.parity.metrics import HIGHER_IS_BETTER

PATH: Final = Path(__file__).parents[2] / "docs" / "gates.md"

_HEAD: Final = """\
# The gates of the conversion

This page is written by `make reference`; the limits and their reasons are in `convert/parity/gates.py`.

All values lie in 0..1. `float` stands between stages that compute in floats, `int8` between them and the
quantised model, `edgetpu` between that and the compiled one. A value is the mean of the pictures, the worst
picture's, what all but the worst 5 % reach (`p5`), or that of all pixels together (`pooled`).

| output | between | what | limit | why |
|---|---|---|---|---|
"""


def reference() -> str:
    """Return the page as Markdown."""
    return _HEAD + "".join(
        f"| {gate.meaning} | {gate.transition} | `{gate.metric}`, {gate.statistic} |"
        f" {'at least' if gate.metric in HIGHER_IS_BETTER else 'at most'} {gate.limit:g} | {gate.why} |\n"
        for gate in DEFAULT
    )


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8")
