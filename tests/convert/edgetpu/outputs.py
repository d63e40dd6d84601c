"""Outputs in the shape of the compiler's, rendered from what they should be read as."""

from convert.edgetpu.log import CompilerLog, ModelLog, OperatorRow
from convert.edgetpu.status import Status

VERSIONS = {14: "14.1.317412892", 15: "15.0.340273435", 16: "16.0.384591198"}


def size(number: int) -> str:
    """Bytes that survive the two decimals: whole bytes, KiB or MiB, or quarters of them."""
    for unit, scale in (("MiB", 2**20), ("KiB", 2**10)):
        if number >= scale and number * 4 % scale == 0:
            return f"{number / scale:.2f}{unit}"
    return f"{number}.00B"


def table(rows: tuple[OperatorRow, ...]) -> str:
    lines = ["Operator                       Count      Status", ""]
    return "\n".join([*lines, *(f"{r.operator:<30} {r.count:<10} {r.status}" for r in rows)])


def model_text(model: ModelLog, *, with_table: bool = True) -> str:
    lines = [
        f"Input model: {model.input}",
        f"Input size: {size(model.input_bytes or 0)}",
        f"Output model: {model.output}",
        f"Output size: {size(model.output_bytes or 0)}",
        f"On-chip memory used for caching model parameters: {size(model.on_chip_used_bytes or 0)}",
        f"On-chip memory remaining for caching model parameters: {size(model.on_chip_remaining_bytes or 0)}",
        f"Off-chip memory used for streaming uncached model parameters: {size(model.off_chip_bytes or 0)}",
        f"Number of Edge TPU subgraphs: {model.subgraphs}",
        f"Total number of operations: {model.operations}",
        f"Operation log: {(model.output or '').removesuffix('.tflite')}.log",
    ]
    if model.cpu:
        lines += [
            "",
            "Model successfully compiled but not all operations are supported by the Edge TPU. It is slower.",
            f"Number of operations that will run on Edge TPU: {model.mapped}",
            f"Number of operations that will run on CPU: {model.cpu}",
        ]
    if with_table:
        return "\n".join([*lines, "", table(model.operators)])
    return "\n".join([*lines, "See the operation log file for individual operation details."])


def success_text(log: CompilerLog, *, with_table: bool = True) -> str:
    version = log.version or VERSIONS[16]
    new = version.startswith("16.")
    timer = ["Started a compilation timeout timer of 180 seconds."] if new else []
    end = (
        ["Compilation child process completed within timeout period.", "Compilation succeeded! "]
        if new
        else []
    )
    word = "Model" if len(log.models) == 1 else "Models"
    return "\n".join(
        [
            f"Edge TPU Compiler version {version}",
            *timer,
            "",
            f"{word} compiled successfully in {log.duration_ms} ms.",
            "",
            "\n\n".join(model_text(m, with_table=with_table) for m in log.models),
            *end,
            "",
        ]
    )


ROWS = (
    OperatorRow("CONV_2D", 36, Status.MAPPED.value),
    OperatorRow("RESIZE_BILINEAR", 1, Status.IMPRECISE.value),
    OperatorRow("ARG_MAX", 1, Status.UNSPECIFIED.value),
)

PARTIAL = ModelLog(
    input="m.tflite",
    input_bytes=7 * 2**19,
    output="m_edgetpu.tflite",
    output_bytes=4 * 2**20,
    on_chip_used_bytes=15 * 2**18,
    on_chip_remaining_bytes=3 * 2**20,
    off_chip_bytes=0,
    subgraphs=1,
    operations=38,
    mapped=36,
    cpu=2,
    operators=ROWS,
)

FULL = ModelLog(
    input="out dir/other.tflite",
    input_bytes=3 * 2**9,
    output="out dir/other_edgetpu.tflite",
    output_bytes=2**20,
    on_chip_used_bytes=66 * 2**10,
    on_chip_remaining_bytes=512,
    off_chip_bytes=2**18,
    subgraphs=1,
    operations=2,
    mapped=2,
    cpu=0,
    operators=(OperatorRow("FULLY_CONNECTED", 2, Status.MAPPED.value),),
)
