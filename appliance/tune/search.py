"""A search for settings: at random first, then step by step from the best, always to the same seed's plan.

Random search finds good regions in as many trials as an unlucky grid needs for one parameter (Bergstra and
Bengio 2012); a pattern search by coordinates (Hooke and Jeeves 1961) then walks to the bottom of one.

The winner of many trials is partly lucky. How much better it truly is, only pictures can tell that did not
choose it: so the search is also done without each part of the pictures in turn, and that part judges what
was found without it. A trial reads all pictures at once, so most of these searches' trials are shared.
"""

import random
from collections.abc import Callable, Generator, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Generic, TypeVar

import numpy as np
import numpy.typing as npt
from pydantic import BaseModel

from appliance.tune.space import Space

M = TypeVar("M", bound=BaseModel)
Floats = npt.NDArray[np.float64]

PARTS = 5
"""Parts into which the pictures are dealt."""

_AT_RANDOM = 0.5
"""Share of the trials that is drawn at random."""

_FIRST_STEP, _LEAST_STEP = 0.2, 0.01
_DRAWS_PER_TRIAL = 20
"""A space so small that this many draws in a row are known already has been drawn from enough."""


@dataclass(frozen=True)
class Trial(Generic[M]):
    """Settings and how far each label is off with them (labels,), 0..1; inf where they cannot be used."""

    settings: M
    errors: Floats


@dataclass(frozen=True)
class Found(Generic[M]):
    """What a search found.

    `trials` in order, the first is the base's; `held_out` (labels,) says how far each label is off with what
    was found without its part of the pictures. `stopped`: before its end.
    """

    trials: tuple[Trial[M], ...]
    held_out: Floats
    stopped: bool

    @property
    def present(self) -> Trial[M]:
        """The trial of the settings that the search began with."""
        return self.trials[0]

    @property
    def best(self) -> Trial[M]:
        """The trial with the least mean error; the earliest of equals."""
        return min(self.trials, key=lambda trial: float(trial.errors.mean()))


@dataclass
class Memory(Generic[M]):
    """Tries settings once, and knows what came out from then on; `told` hears of every new trial."""

    measure: Callable[[M], Floats]
    told: Callable[[Trial[M]], None] = lambda _trial: None
    trials: dict[str, Trial[M]] = field(default_factory=dict)

    def try_out(self, settings: M) -> Trial[M]:
        """Return the trial of `settings`, measured now or earlier."""
        key = settings.model_dump_json()
        if key not in self.trials:
            self.trials[key] = Trial(settings, self.measure(settings))
            self.told(self.trials[key])
        return self.trials[key]

    def knows(self, settings: M) -> bool:
        """Tell whether `settings` were tried."""
        return settings.model_dump_json() in self.trials


def search(
    space: Space[M], memory: Memory[M], pictures: Sequence[int], *, trials: int, seed: int,
    stop: Callable[[], bool] = lambda: False,
) -> Found[M]:  # fmt: skip
    """Search `space` with at most `trials` trials, the base's included; the same seed searches the same way.

    `pictures` gives the number of each label's picture. `memory` has to be empty; its `measure` returns the
    errors (labels,). `stop` is asked between trials.
    """
    chance = random.Random(seed)  # noqa: S311 - no secrets here
    memory.try_out(space.base)
    for settings in _at_random(space, memory, chance, round(trials * _AT_RANDOM)):
        if stop():
            break
        memory.try_out(settings)
    drawn = list(memory.trials.values())
    parts = deal(pictures, chance)
    everything = np.ones(len(pictures), np.bool_)
    walks = [_Walk(space, drawn, chosen) for chosen in (everything, *(~part for part in parts))]
    stopped = _walk_all(walks, memory, trials, stop)
    held_out = drawn[0].errors.copy()
    for part, walk in zip(parts, walks[1:], strict=True):
        held_out[part] = walk.best.errors[part]
    return Found(tuple(memory.trials.values()), held_out, stopped)


def deal(pictures: Sequence[int], chance: random.Random) -> list[npt.NDArray[np.bool_]]:
    """Deal whole pictures into `PARTS` parts or as many as there are pictures: masks (labels,).

    A single picture cannot be left out; then there is no part.
    """
    numbers = sorted(set(pictures))
    if len(numbers) < 2:
        return []
    chance.shuffle(numbers)
    return [np.isin(pictures, numbers[first::PARTS]) for first in range(min(PARTS, len(numbers)))]


def _at_random(space: Space[M], memory: Memory[M], chance: random.Random, trials: int) -> Iterator[M]:
    known = 0
    while len(memory.trials) < trials and known < _DRAWS_PER_TRIAL:
        settings = space.draw(chance)
        known = known + 1 if memory.knows(settings) else 0
        if not known:
            yield settings


class _Walk(Generic[M]):
    """The walk from the best of the `drawn` trials; labels that `chosen` (labels,) marks are the judges."""

    def __init__(self, space: Space[M], drawn: Sequence[Trial[M]], chosen: npt.NDArray[np.bool_]) -> None:
        self._chosen = chosen
        self.best = min(drawn, key=self._error)
        self._plan = self._steps(space)
        self.next = next(self._plan, None)

    def tell(self, trial: Trial[M]) -> None:
        """Take what came out of `next`, and set the next one; None at the end."""
        try:
            self.next = self._plan.send(trial)
        except StopIteration:
            self.next = None

    def _steps(self, space: Space[M]) -> Generator[M, Trial[M], None]:
        step = _FIRST_STEP
        while step >= _LEAST_STEP:
            before = self.best
            for name in space.searched(before.settings):
                for settings in space.near(self.best.settings, name, step):
                    trial = yield settings
                    if self._error(trial) < self._error(self.best):
                        self.best = trial
            if self.best is before:
                step /= 2

    def _error(self, trial: Trial[M]) -> float:
        return float(trial.errors[self._chosen].mean())


def _walk_all(walks: Sequence[_Walk[M]], memory: Memory[M], trials: int, stop: Callable[[], bool]) -> bool:
    """Let the walks go in turns until they end or the trials are used up; return whether it was stopped."""
    while any(walk.next is not None for walk in walks):
        for walk in walks:
            if stop():
                return True
            if walk.next is None:
                continue
            if len(memory.trials) >= trials and not memory.knows(walk.next):
                walk.next = None
                continue
            walk.tell(memory.try_out(walk.next))
    return False
