"""Operator tables for people, laid out as the compiler lays out its own."""

from collections.abc import Iterable

from convert.edgetpu.check import Check, Judgement, blocking
from convert.edgetpu.parameters import USABLE_BYTES

_SHOWN_REASONS = 8


def operator_table(rows: Iterable[tuple[str, int, str]]) -> str:
    """Return the table of (operator, count, status)."""
    head = f"{'Operator':<30} {'Count':<10} Status"
    return "\n".join([head, "", *(f"{name:<30} {count:<10} {status}" for name, count, status in rows)])


def check_text(model: str, file_bytes: int, result: Check) -> str:
    """Return the whole prediction, ending with a sentence on what stops the rest."""
    compiled = " (already compiled)" if result.is_compiled else ""
    lines = [
        f"{model}: {size_text(file_bytes)}, {len(result.judgements)} operators{compiled}",
        f"Edge TPU: {result.mapped} mapped, {result.cpu} on the CPU, {result.subgraphs} subgraph(s)",
        f"Parameters: {size_text(result.parameter_bytes)}, "
        + ("fit on the chip" if result.fits_on_chip else f"more than the chip's {size_text(USABLE_BYTES)}"),
        "",
        operator_table((name, count, status.value) for name, count, status in result.operators),
        "",
        *result.notes,
        _verdict(result),
    ]
    return "\n".join(lines)


def size_text(number: int) -> str:
    """Return bytes as the compiler writes them: 3.42MiB, 1.50KiB, 12.00B."""
    for unit, size in (("MiB", 2**20), ("KiB", 2**10)):
        if number >= size:
            return f"{number / size:.2f}{unit}"
    return f"{number}.00B"


def _verdict(result: Check) -> str:
    if result.failure:
        return f"The compiler would refuse the file: {result.failure}"
    causes = blocking(result)
    if not result.judgements:
        return "The model has no operators."
    if not causes:
        return "Everything maps." if not result.cpu else "What is left on the CPU follows an obstacle."
    shown = [f"- {_named(j)}: {j.reason}" for j in causes[:_SHOWN_REASONS]]
    more = len(causes) - len(shown)
    rest = [f"- and {more} more (--json lists all)"] if more else []
    return "\n".join(["On the CPU for reasons of their own, in file order:", *shown, *rest])


def _named(judgement: Judgement) -> str:
    return f"{judgement.operator.name} (operator {judgement.operator.index})"
