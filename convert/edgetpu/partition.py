"""Which of the operators that could be mapped are mapped: the compiler makes one partition.

It partitions as TFLite's delegates do (tensorflow/lite/graph_info.cc): operators that it cannot take and
that wait for none of its own run first, on the CPU; then comes one partition of everything that can be
reached from there; what follows the first obstacle stays on the CPU. That leading operators are stepped
over is seen in public compiled models, as CAST and QUANTIZE at the beginning of MoveNet.
"""

from collections.abc import Collection, Mapping
from graphlib import TopologicalSorter


def mapped_operators(feeders: Mapping[int, Collection[int]], able: Collection[int]) -> frozenset[int]:
    """Return the operators of the one partition.

    `feeders`: operator → the operators whose results it reads, for every operator; no cycles. `able`: those
    that could be mapped by themselves. The result does not depend on the order of either.
    """
    before: set[int] = set()
    mapped: set[int] = set()
    for operator in TopologicalSorter(feeders).static_order():
        if operator in able:
            if all(f in before or f in mapped for f in feeders[operator]):
                mapped.add(operator)
        elif all(f in before for f in feeders[operator]):
            before.add(operator)
    return frozenset(mapped)
