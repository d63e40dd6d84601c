"""A compiler log for people."""

from convert.edgetpu.log import CompilerLog, ModelLog
from convert.edgetpu.table import operator_table, size_text


def log_text(log: CompilerLog) -> str:
    """Return the run and each of its models, as one text."""
    version = log.version or "of an unknown version"
    took = "" if log.duration_ms is None else f" in {log.duration_ms} ms"
    outcome = f"succeeded{took}" if log.success else f"failed: {log.error}"
    return "\n\n".join([f"Compiler {version}: {outcome}", *(model_text(model) for model in log.models)])


def model_text(model: ModelLog) -> str:
    """Return one model: sizes, memory, counts, and the operator table where the log has it."""
    source, result = model.input or "model", model.output or "nothing"
    stored = f"{_size(model.on_chip_used_bytes)} on the chip, {_size(model.off_chip_bytes)} streamed"
    mapped = f"{_number(model.mapped)} of {_number(model.operations)} operators mapped"
    lines = [
        f"{source} ({_size(model.input_bytes)}) -> {result} ({_size(model.output_bytes)})",
        f"Parameters: {stored}, {_size(model.on_chip_remaining_bytes)} left",
        f"Edge TPU: {mapped}, {_number(model.cpu)} on the CPU, {_number(model.subgraphs)} subgraph(s)",
    ]
    if model.operators:
        table = operator_table((row.operator, row.count, row.status) for row in model.operators)
        lines += ["", table]
    return "\n".join(lines)


def _size(number: int | None) -> str:
    return "unknown" if number is None else size_text(number)


def _number(value: int | None) -> str:
    return "unknown" if value is None else str(value)
