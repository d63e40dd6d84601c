"""How long a Raspberry Pi 4 and a Coral take for a model: a simple, stated model of both.

An operator takes as long as its multiply-accumulates do at the rate of their kind, plus as long as its data
do on the way from and to memory. The rates are effective ones, fitted to published latencies; what they are
good for is in `published.py` and held by its test.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from convert.cost.operations import Work
from convert.edgetpu.parameters import USABLE_BYTES


@dataclass(frozen=True)
class Rates:
    """Multiply-accumulates per second, by kind, and bytes per second of memory traffic."""

    convolution: float
    depthwise: float
    matrix: float
    memory: float

    def seconds(self, work: Work, data_bytes: int) -> float:
        """Return how long an operator takes that has to move `data_bytes`."""
        rates = {"convolution": self.convolution, "depthwise": self.depthwise, "matrix": self.matrix}
        computing = work.macs / rates[work.kind] if work.macs else 0.0
        return computing + data_bytes / self.memory


PI_4_INT8: Final = Rates(convolution=32e9, depthwise=5.6e9, matrix=32e9, memory=4e9)
PI_4_FLOAT32: Final = Rates(convolution=8.3e9, depthwise=6.4e9, matrix=8.3e9, memory=8e9)
"""Four threads on four Cortex-A72 at 1.5 GHz, not throttled, 64 bit, with XNNPACK as in LiteRT."""

EDGE_TPU: Final = Rates(convolution=770e9, depthwise=95e9, matrix=770e9, memory=7.7e9)
"""At its highest clock (libedgetpu-max), where 4 TOPS are 2000e9; memory is the one on the chip."""

USB_3: Final = 0.41e9
USB_2: Final = 0.04e9
"""Bytes per second between host and Edge TPU; that of USB 2 is not fitted, as nobody publishes latencies."""


def pi_4_seconds(works: Iterable[Work]) -> float:
    """Return the time of operators on a Pi 4's processor."""
    return sum(
        (PI_4_INT8 if work.quantised else PI_4_FLOAT32).seconds(work, work.moved_bytes + work.parameter_bytes)
        for work in works
    )


@dataclass(frozen=True)
class Partition:
    """What an Edge TPU has to do: operators, their parameters in bytes, and bytes that go in and come out."""

    works: tuple[Work, ...]
    parameter_bytes: int
    border_bytes: int


def edge_tpu_seconds(
    partition: Partition, *, usb_bytes_per_s: float, cache_bytes: int = USABLE_BYTES
) -> float:
    """Return the time of a partition on a Coral, of which `cache_bytes` hold parameters from run to run.

    Parameters that do not fit stream in while it computes; the slower of the two counts.
    """
    computing = sum(EDGE_TPU.seconds(work, work.moved_bytes) for work in partition.works)
    streaming = max(0, partition.parameter_bytes - cache_bytes) / usb_bytes_per_s
    return max(computing, streaming) + partition.border_bytes / usb_bytes_per_s
