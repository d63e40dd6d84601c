"""Processor time: that of descendants from a /proc of our own, that of this process as it is."""

import os
import time
from pathlib import Path

import pytest

from benchmarks.processor_time import busy_cores, processor_ms


def write(proc: Path, process: int, thread: int, ran_ns: int, children: str = "") -> None:
    folder = proc / str(process) / "task" / str(thread)
    folder.mkdir(parents=True)
    (folder / "schedstat").write_text(f"{ran_ns} 5 7\n")
    (folder / "children").write_text(children)


def test_own_time_and_that_of_descendants_threads_add_up(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(time, "process_time", lambda: 0.25)
    write(tmp_path, os.getpid(), os.getpid(), 99_000_000, "20 ")
    write(tmp_path, 20, 20, 1_000_000)
    write(tmp_path, 20, 21, 2_000_000, "30 ")
    write(tmp_path, 30, 30, 4_000_000)
    write(tmp_path, 40, 40, 8_000_000)
    assert processor_ms(tmp_path) == 257.0


def test_work_takes_time() -> None:
    before = processor_ms()
    sum(number * number for number in range(10_000))
    assert processor_ms() > before


def test_what_is_neither_idle_nor_waiting_is_busy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "stat").write_text("cpu  100 0 50 800 50 0 0 0 0 0\ncpu0 1 2 3 4 5 6 7 8 9 10\n")

    def pass_(_seconds: float) -> None:
        (tmp_path / "stat").write_text("cpu  120 10 60 880 60 5 5 10 99 0\n")

    monkeypatch.setattr(time, "sleep", pass_)
    monkeypatch.setattr(os, "cpu_count", lambda: 4)
    # Of 150 ticks 60 are busy, on four cores.
    assert busy_cores(1.0, tmp_path) == pytest.approx(1.6)


def test_no_time_is_not_busy(tmp_path: Path) -> None:
    (tmp_path / "stat").write_text("cpu  100 0 50 800 50 0 0 0 0 0\n")
    assert busy_cores(0.0, tmp_path) == 0.0
