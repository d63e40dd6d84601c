"""What the Edge TPU compiler says of an operator, in its own words (versions 14 to 16)."""

from enum import StrEnum


class Status(StrEnum):
    """A row's last column in the compiler's operator table."""

    MAPPED = "Mapped to Edge TPU"
    MORE_SUBGRAPHS = "More than one subgraph is not supported"
    UNSPECIFIED = "Operation is otherwise supported, but not mapped due to some unspecified limitation"
    DATA_TYPE = "Operation is working on an unsupported data type"
    VERSION = "Operation version not supported"
    UNSUPPORTED = "Operation not supported"
    RANK = "Tensor has unsupported rank (up to 3 innermost dimensions mapped)"
    IMPRECISE = "Image-interpolation layer won't run precisely enough on Edge TPU"
    NOT_CONSTANT = "Filter, bias, or other param is not constant at compile-time"
