"""What a model costs: size, operations, memory, and predicted times."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from convert.cost import memory
from convert.cost.devices import USB_2, USB_3, Partition, edge_tpu_seconds, pi_4_seconds
from convert.cost.operations import counts, parameter_bytes, work_of
from convert.edgetpu.check import check
from convert.edgetpu.parameters import USABLE_BYTES
from convert.edgetpu.status import Status
from convert.errors import ModelFileError
from convert.tflite.graph import read_graph
from convert.tflite.graph_types import Subgraph

_COMPILED: Final = "edgetpu-custom-op"


@dataclass(frozen=True)
class Cost:
    """Bytes, operators by name, multiply-accumulates by kind, and predicted times in milliseconds.

    `live_bytes` is the least that activations need, `arena_bytes` what a greedy allocation needs. `pi_4_ms`
    is the time on four threads. Of `coral_bytes` of parameters, as the Edge TPU stores them, `cached_bytes`
    stay on the chip; operators that do not map run on the Pi's processor; the times are None where none maps.
    """

    file: str
    file_bytes: int
    operators: dict[str, int]
    macs: dict[str, int]
    parameter_bytes: int
    live_bytes: int
    arena_bytes: int
    input_bytes: int
    output_bytes: int
    mapped: int
    coral_bytes: int
    cached_bytes: int
    pi_4_ms: float
    coral_usb_3_ms: float | None
    coral_usb_2_ms: float | None

    @property
    def total_macs(self) -> int:
        """Multiply-accumulates of one run."""
        return sum(self.macs.values())

    def as_figures(self) -> dict[str, float]:
        """Return what the manifest has of it: figures that are the same on every machine."""
        figures = {
            "file_bytes": float(self.file_bytes),
            "operators": float(sum(self.operators.values())),
            "macs": float(self.total_macs),
            "parameter_bytes": float(self.parameter_bytes),
            "activation_bytes": float(self.arena_bytes),
            "pi_4_cpu_ms": self.pi_4_ms,
            "coral_usb_3_ms": self.coral_usb_3_ms,
            "coral_usb_2_ms": self.coral_usb_2_ms,
        }
        return {name: value for name, value in figures.items() if value is not None}


def cost_of(path: Path, *, cache_bytes: int = USABLE_BYTES) -> Cost:
    """Return what a .tflite file costs; `cache_bytes` of parameters find room on the Coral's chip.

    Nothing is run. Raises `ModelFileError` for a file that is damaged or compiled for the Edge TPU.
    """
    graph = read_graph(path)
    main = graph.main
    if any(operator.name == _COMPILED for operator in graph.operators):
        raise ModelFileError(
            f"{path}: compiled for the Edge TPU, which hides its operators; give the model before"
        )
    works = {operator.index: work_of(main, operator) for operator in main.operators}
    macs: dict[str, int] = {}
    for work in works.values():
        if work.macs:
            macs[work.kind] = macs.get(work.kind, 0) + work.macs
    judged = check(graph)
    mapped = {j.operator.index for j in judged.judgements if j.status == Status.MAPPED}
    partition = Partition(
        works=tuple(works[index] for index in sorted(mapped)),
        parameter_bytes=judged.parameter_bytes if judged.mapped else 0,
        border_bytes=_border_bytes(main, mapped),
    )
    on_host = pi_4_seconds(work for index, work in works.items() if index not in mapped)
    coral_ms = {
        usb: (edge_tpu_seconds(partition, usb_bytes_per_s=usb, cache_bytes=cache_bytes) + on_host) * 1000
        for usb in (USB_3, USB_2)
    }
    lives = memory.lives(main)
    return Cost(
        file=path.name,
        file_bytes=graph.file_bytes,
        operators=counts(main),
        macs=macs,
        parameter_bytes=parameter_bytes(main, works),
        live_bytes=memory.live_bytes(lives),
        arena_bytes=memory.arena_bytes(lives),
        input_bytes=sum(main.tensors[index].size_bytes for index in main.inputs),
        output_bytes=sum(main.tensors[index].size_bytes for index in main.outputs),
        mapped=len(mapped),
        coral_bytes=partition.parameter_bytes,
        cached_bytes=min(partition.parameter_bytes, cache_bytes),
        pi_4_ms=pi_4_seconds(works.values()) * 1000,
        coral_usb_3_ms=coral_ms[USB_3] if mapped else None,
        coral_usb_2_ms=coral_ms[USB_2] if mapped else None,
    )


def costs_of(paths: Sequence[Path]) -> list[Cost]:
    """Return the costs of models that are compiled together: each leaves to the next what it does not cache.

    Raises `ModelFileError` as `cost_of` does.
    """
    costs: list[Cost] = []
    for path in paths:
        taken = sum(cost.cached_bytes for cost in costs)
        costs.append(cost_of(path, cache_bytes=USABLE_BYTES - taken))
    return costs


def _border_bytes(subgraph: Subgraph, mapped: Collection[int]) -> int:
    """Return the bytes that cross the border of a partition in one run."""
    inside = [subgraph.operators[index] for index in mapped]
    written = {tensor for operator in inside for tensor in operator.outputs if tensor >= 0}
    read = {tensor for operator in inside for tensor in operator.inputs if tensor >= 0}
    wanted = set(subgraph.outputs)
    for operator in subgraph.operators:
        if operator.index not in mapped:
            wanted.update(operator.inputs)
    crossing = (read - written) | (written & wanted)
    return sum(subgraph.tensors[i].size_bytes for i in crossing if not subgraph.tensors[i].is_constant)
