import os

import numpy as np
import pytest

from benchmarks.soak.samples import Sample, growth, look


def life(pid: int, start_s: float, seconds: float, memory_mb_per_h: float = 0.0) -> list[Sample]:
    noise = np.random.default_rng(pid)
    return [
        Sample(start_s + t, pid, 190 + memory_mb_per_h * t / 3600 + noise.normal(0, 0.3), 100, 30, 12)
        for t in range(0, round(seconds), 5)
    ]


def test_a_leak_is_found_in_the_longest_life() -> None:
    told = growth([*life(1, 0, 600, 500), *life(2, 600, 3600, 6)])
    assert told is not None
    assert told.memory_mb_per_h == pytest.approx(6, abs=0.5)
    assert told.descriptors_per_h == 0
    assert told.hours == pytest.approx(3480 / 3600, abs=0.01)


def test_caches_that_fill_at_first_are_no_leak() -> None:
    samples = [Sample(s.at_s, 1, s.memory_mb - max(0.0, 60 - s.at_s), 0, 30, 12) for s in life(1, 0, 3600)]
    told = growth(samples)
    assert told is not None
    assert abs(told.memory_mb_per_h) < 0.5


def test_a_short_life_tells_nothing() -> None:
    assert growth([]) is None
    assert growth(life(1, 0, 100)) is None


def test_a_process_is_looked_at_until_it_has_ended() -> None:
    sample = look(os.getpid())
    assert sample is not None
    assert sample.pid == os.getpid()
    assert sample.memory_mb > 10
    assert sample.descriptors > 0
    assert sample.threads > 0
    assert look(2**22 + 1) is None
