"""How much memory a model's activations need while it runs."""

from dataclasses import dataclass

from convert.tflite.graph_types import Subgraph

_ALIGNMENT = 64
"""Bytes; TFLite's arena aligns every tensor so."""


@dataclass(frozen=True)
class Life:
    """A tensor's size in bytes, and the first and last step at which it has to be kept."""

    index: int
    size: int
    first: int
    last: int

    def meets(self, other: "Life") -> bool:
        """Whether both are kept at some step."""
        return self.first <= other.last and other.first <= self.last


def lives(subgraph: Subgraph) -> list[Life]:
    """Return the life of every activation, in the file's order of execution.

    Inputs live from the beginning, outputs until the end, variables all the time; a tensor without elements,
    or that nothing reads or writes, needs no room.
    """
    steps = len(subgraph.operators)
    first = dict.fromkeys(subgraph.inputs, 0)
    last = dict.fromkeys(subgraph.inputs, 0)
    for step, operator in enumerate(subgraph.operators):
        for index in (*operator.inputs, *operator.outputs):
            if index >= 0:
                first.setdefault(index, step)
                last[index] = step
    last |= dict.fromkeys((index for index in subgraph.outputs if index in last), steps)
    return [
        Life(index, tensor.size_bytes, *((0, steps) if tensor.is_variable else (first[index], last[index])))
        for index in sorted(first)
        if not (tensor := subgraph.tensors[index]).is_constant and tensor.size_bytes
    ]


def live_bytes(kept: list[Life]) -> int:
    """Return the most bytes that live at one step: what no allocation can do with less."""
    changes: dict[int, int] = {}
    for life in kept:
        changes[life.first] = changes.get(life.first, 0) + life.size
        changes[life.last + 1] = changes.get(life.last + 1, 0) - life.size
    most = now = 0
    for step in sorted(changes):
        now += changes[step]
        most = max(most, now)
    return most


def arena_bytes(kept: list[Life]) -> int:
    """Return the size of an arena that holds all tensors at the offsets of `placed`."""
    return max((offset + _aligned(life.size) for life, offset in placed(kept)), default=0)


def placed(kept: list[Life]) -> list[tuple[Life, int]]:
    """Return tensors with their offsets in bytes; what lives at the same time does not overlap.

    Greedy by size, as TFLite does it: Pisarchyk and Lee, "Efficient Memory Management for Deep Neural Net
    Inference" (2020), section 5.2: the largest tensor first, each into the smallest gap between those that it
    meets, or behind them.
    """
    done: list[tuple[Life, int]] = []
    for life in sorted(kept, key=lambda life: (-life.size, life.index)):
        met = [(offset, offset + _aligned(other.size)) for other, offset in done if life.meets(other)]
        done.append((life, _smallest_gap(_aligned(life.size), met)))
    return done


def _aligned(size: int) -> int:
    return -(-size // _ALIGNMENT) * _ALIGNMENT


def _smallest_gap(size: int, taken: list[tuple[int, int]]) -> int:
    """Return where `size` bytes fit best among ranges of offsets, which may overlap."""
    end = 0
    best: tuple[int, int] | None = None
    for begin, stop in sorted(taken):
        gap = begin - end
        if gap >= size and (best is None or gap < best[0]):
            best = (gap, end)
        end = max(end, stop)
    return end if best is None else best[1]
