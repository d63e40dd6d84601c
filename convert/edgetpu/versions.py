"""The newest version of each builtin that the compiler's own TFLite interpreter (mid 2021) knows.

A newer one is no matter of mapping: the compiler refuses the whole file ("Didn't find op for builtin opcode
'CONV_2D' version '6'"). The figures are those of TFLite 2.8's register, which is not older than the
compiler's; those marked are lower by published refusals of compiler 16.
"""

from collections.abc import Mapping
from typing import Final

from convert.tflite.graph_types import Operator

NEWEST_VERSION: Final[Mapping[str, int]] = {
    "CONV_2D": 5,  # 6 was refused
    "EXP": 1,  # 2 was refused
    "QUANTIZE": 2,  # 3 was refused
    "TRANSPOSE_CONV": 3,  # 4 was refused: a fused activation
    "ADD": 4,
    "ARG_MAX": 3,
    "ARG_MIN": 3,
    "AVERAGE_POOL_2D": 3,
    "BATCH_MATMUL": 4,
    "CAST": 4,
    "CONCATENATION": 3,
    "DEPTHWISE_CONV_2D": 6,
    "DEQUANTIZE": 5,
    "DIV": 2,
    "EXPAND_DIMS": 1,
    "FULLY_CONNECTED": 9,
    "GATHER": 5,
    "GATHER_ND": 3,
    "HARD_SWISH": 1,
    "L2_NORMALIZATION": 2,
    "LEAKY_RELU": 2,
    "LOGISTIC": 3,
    "LSTM": 4,
    "MAXIMUM": 4,
    "MAX_POOL_2D": 3,
    "MEAN": 3,
    "MINIMUM": 4,
    "MIRROR_PAD": 2,
    "MUL": 5,
    "PACK": 3,
    "PAD": 4,
    "PADV2": 4,
    "PRELU": 1,
    "REDUCE_MAX": 3,
    "REDUCE_MIN": 3,
    "RELU": 3,
    "RELU6": 3,
    "RELU_N1_TO_1": 1,
    "RESHAPE": 1,
    "RESIZE_BILINEAR": 4,
    "RESIZE_NEAREST_NEIGHBOR": 4,
    "RSQRT": 2,
    "SLICE": 5,
    "SOFTMAX": 3,
    "SPACE_TO_DEPTH": 2,
    "SPLIT": 4,
    "SPLIT_V": 2,
    "SQRT": 1,
    "SQUARED_DIFFERENCE": 2,
    "SQUEEZE": 2,
    "STRIDED_SLICE": 6,
    "SUB": 5,
    "SUM": 2,
    "TANH": 3,
    "TILE": 3,
    "TRANSPOSE": 5,
    "UNIDIRECTIONAL_SEQUENCE_LSTM": 3,
    "UNPACK": 4,
}

UNKNOWN: Final = frozenset({"GELU", "DYNAMIC_UPDATE_SLICE", "RELU_0_TO_1", "SIGN", "BITCAST", "RIGHT_SHIFT"})
"""Builtins that came after it ("Op builtin_code out of range")."""


KNOWN_CUSTOM: Final = frozenset(
    {"AudioSpectrogram", "Mfcc", "NumericVerify", "PosenetDecoderOp", "TFLite_Detection_PostProcess"}
)
"""Custom operators of TFLite and Coral; for others the compiler was seen to refuse the file."""


def refusal(operator: Operator) -> str | None:
    """Return the line with which the compiler refuses a file for this operator, None where it does not."""
    name, version = operator.name, operator.version
    if operator.is_custom:
        return f"ERROR: Encountered unresolved custom op: {name}." if name.startswith("Flex") else None
    if name in UNKNOWN or name.startswith("STABLEHLO_"):
        return (
            f"ERROR: Op builtin_code out of range: {name}. Are you using old TFLite binary with newer model?"
        )
    if version > NEWEST_VERSION.get(name, version):
        return f"ERROR: Didn't find op for builtin opcode '{name}' version '{version}'."
    return None
