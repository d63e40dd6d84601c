"""Which fault comes when: a seeded schedule."""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal, get_args

Kind = Literal[
    "camera frozen",
    "camera black",
    "camera silent",
    "camera crash",
    "camera unplugged",
    "networks abort",
    "networks stopped",
    "broker restart",
    "network cut",
    "network reset",
    "disk full",
    "clock step",
    "heat",
    "under-voltage",
    "service killed",
    "service stopped",
]
"""What is done to the appliance; `faults` says how."""

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

OF_THE_SERVICE: Final[frozenset[Kind]] = frozenset({"service killed", "service stopped"})
"""Faults that end the service's process; they come last, so that its memory can be watched until then."""

LASTING_S: Final[dict[Kind, tuple[float, float]]] = {
    "camera unplugged": (2.0, 8.0),
    "broker restart": (2.0, 20.0),
    "network cut": (5.0, 25.0),
    "disk full": (10.0, 25.0),
    "clock step": (10.0, 25.0),
    "heat": (10.0, 25.0),
    "under-voltage": (10.0, 25.0),
}
"""How long at least and at most a fault lasts that goes away by itself; the others wait to be mended."""


@dataclass(frozen=True)
class Fault:
    """A fault that begins `at_s` after the start, and goes away after `lasts_s`; 0: when it is mended."""

    kind: Kind
    at_s: float
    lasts_s: float


def schedule(
    kinds: Sequence[Kind], *, minutes: float, every_s: float, quiet_s: float, seed: int
) -> list[Fault]:
    """Return the faults of a run, one in every `every_s` at a random moment of its first half.

    Kinds take turns in shuffled rounds, so that none is left out. The first and the last `quiet_s` have none.
    Those of the service share the last tenth of the faults.
    """
    draw = random.Random(seed)  # noqa: S311 - a schedule that can be repeated is no secret
    gentle = [kind for kind in kinds if kind not in OF_THE_SERVICE]
    fatal = [kind for kind in kinds if kind in OF_THE_SERVICE]
    slots = max(0, int((60 * minutes - 2 * quiet_s) / every_s))
    last = slots if not fatal else min(slots, max(len(fatal), round(slots / 10))) if gentle else slots
    first = slots - last if fatal else slots
    order = [*_rounds(gentle, first, draw), *_rounds(fatal, slots - first, draw)]
    return [
        Fault(kind, quiet_s + every_s * (slot + draw.uniform(0, 0.5)), _lasting_s(kind, every_s, draw))
        for slot, kind in enumerate(order)
    ]


def _rounds(kinds: Sequence[Kind], number: int, draw: random.Random) -> Iterator[Kind]:
    bag: list[Kind] = []
    for _ in range(number if kinds else 0):
        if not bag:
            bag = draw.sample(kinds, len(kinds))
        yield bag.pop()


def _lasting_s(kind: Kind, every_s: float, draw: random.Random) -> float:
    if kind not in LASTING_S:
        return 0.0
    least_s, most_s = LASTING_S[kind]
    return draw.uniform(least_s, max(least_s, min(most_s, every_s / 2)))
