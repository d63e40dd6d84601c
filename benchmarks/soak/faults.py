"""How each fault is done to the appliance, taken away, and seen to be overcome."""

import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Final

from appliance.service.memory import descendants
from benchmarks.soak.beats import Beat, Record
from benchmarks.soak.broker import Broker
from benchmarks.soak.manager import Manager
from benchmarks.soak.network import Relay
from benchmarks.soak.plan import Fault, Kind
from benchmarks.soak.scene import Scene
from benchmarks.soak.subscriber import Subscriber

THROTTLING: Final = "sys/devices/platform/soc/soc:firmware/get_throttled"
_CAMERA, _NETWORKS = "spawn_main", "appliance.inference.child"
"""What the command line of each worker process has, and no other."""

_FRESH_S: Final = 0.5
_POLL_S: Final = 0.02
_CHUNK: Final = bytes(65_536)
_DAY_S: Final = 86_400.0
_STEPS_S: Final = (_DAY_S, -_DAY_S, 7 * _DAY_S, -7 * _DAY_S, 365 * _DAY_S)
"""Longer than any soak: by a stamp alone, a short step cannot be told from another moment of the line."""
_WELL, _UNDER_VOLTAGE, _HOT = "0x0", "0x50005", "0xc000c"
"""What the firmware says: nothing; under-voltage and throttled; throttled and at the soft limit of heat."""


Done = Callable[[float], float | None]
"""Takes the moment from which recovery counts, returns the moment of recovery or None so far."""


@dataclass(frozen=True)
class Bench:
    """Everything around the appliance that a fault can reach; `disk` is its own small disk, if it has one."""

    scene: Scene
    manager: Manager
    relay: Relay
    broker: Broker
    record: Record
    subscriber: Subscriber
    disk: Path | None


@dataclass(frozen=True)
class Overcome:
    """A fault and how long it took to recover from it, None where it did not within the time given.

    Counted from the fault's beginning, or from its end where it goes away by itself (`Fault.lasts_s`).
    """

    fault: Fault
    began_s: float
    recovered_s: float | None


def inflict(fault: Fault, number: int, bench: Bench, patience_s: float) -> Overcome:
    """Do a fault, wait until it has gone away and the appliance has recovered; `number` tells it from others.

    Monotonic moments. Whatever it was, its cause is gone when this returns.
    """
    _await_health(bench, patience_s)
    began_s = time.monotonic()
    recovered = _WAYS[fault.kind](bench, number)
    with recovered as done:
        time.sleep(fault.lasts_s)
    from_s = time.monotonic() if fault.lasts_s else began_s
    while time.monotonic() - from_s < patience_s:
        at_s = done(from_s)
        if at_s is not None:
            return Overcome(fault, began_s, max(0.0, at_s - from_s))
        time.sleep(_POLL_S)
    return Overcome(fault, began_s, None)


def _await_health(bench: Bench, patience_s: float) -> None:
    """Wait until nothing of the fault before is left; a recovery must not be counted for two."""
    until_s = time.monotonic() + patience_s
    while time.monotonic() < until_s:
        beats = list(bench.record.since(time.monotonic() - _FRESH_S))
        if beats and all(_sees(beat) and beat.answering and beat.connected for beat in beats):
            return
        time.sleep(_POLL_S)


def _first(bench: Bench, good: Callable[[Beat], bool]) -> Done:
    def done(from_s: float) -> float | None:
        return next((beat.at_s for beat in bench.record.since(from_s) if good(beat)), None)

    return done


def _latest(bench: Bench) -> Beat:
    return bench.record.beats[-1]


def _sees(beat: Beat) -> bool:
    return beat.at_s - beat.frame_s < _FRESH_S


def _opened_anew(bench: Bench) -> Done:
    """Wait for a frame from after the camera was opened again: just after a fault the last one is fresh."""
    before = _latest(bench)

    def done(from_s: float) -> float | None:
        anew = (
            one for one in bench.record.since(from_s) if (one.pid, one.opened) != (before.pid, before.opened)
        )
        opened = next(anew, None)
        if opened is None:
            return None
        return _first(bench, lambda beat: _sees(beat) and beat.frame_s > opened.at_s)(from_s)

    return done


@contextlib.contextmanager
def _camera(word: str, bench: Bench, number: int) -> Iterator[Done]:
    """Break the camera until it is opened anew."""
    done = _opened_anew(bench)
    bench.scene.tell("camera", f"{word} {number}")
    yield done


@contextlib.contextmanager
def _camera_crash(bench: Bench, _number: int) -> Iterator[Done]:
    done = _opened_anew(bench)
    _signal(_CAMERA, signal.SIGSEGV, bench)
    yield done


@contextlib.contextmanager
def _camera_unplugged(bench: Bench, number: int) -> Iterator[Done]:
    bench.scene.tell("camera", f"unplugged {number}")
    yield _first(bench, _sees)
    bench.scene.tell("camera", "")


@contextlib.contextmanager
def _networks(number_of_signal: signal.Signals, bench: Bench, _number: int) -> Iterator[Done]:
    gone = _signal(_NETWORKS, number_of_signal, bench)
    replaced: list[float] = []

    def done(_from_s: float) -> float | None:
        # Until its loss is noticed they seem to answer, so only what comes after another process counts.
        if not replaced and set(_pids(_NETWORKS, bench)) - set(gone):
            replaced.append(time.monotonic())
        return _first(bench, lambda beat: beat.answering)(replaced[0]) if replaced else None

    yield done


@contextlib.contextmanager
def _broker_restart(bench: Bench, _number: int) -> Iterator[Done]:
    bench.broker.stop()
    yield _first(bench, lambda beat: beat.connected)
    bench.broker.start()


@contextlib.contextmanager
def _network_cut(bench: Bench, _number: int) -> Iterator[Done]:
    bench.relay.state = "cut"
    yield _first(bench, lambda beat: beat.connected and beat.pending <= 1)
    bench.relay.state = "up"


@contextlib.contextmanager
def _network_reset(bench: Bench, _number: int) -> Iterator[Done]:
    bench.relay.state = "reset"
    lost: list[float] = []

    def done(from_s: float) -> float | None:
        # It may be connected again between two beats.
        for beat in bench.record.since(from_s):
            if not beat.connected:
                lost.append(beat.at_s)
            elif lost or beat.at_s - from_s > 1.0:
                return beat.at_s if lost else from_s
        return None

    yield done


@contextlib.contextmanager
def _disk_full(bench: Bench, _number: int) -> Iterator[Done]:
    assert bench.disk is not None
    filler = bench.disk / "filler"
    with contextlib.suppress(OSError), filler.open("wb", buffering=0) as file:
        while True:
            file.write(_CHUNK)
    yield _first(bench, lambda beat: beat.waiting == 0)
    filler.unlink()


def step_s(number: int) -> float:
    """Return by how much the clock is off during the fault of this number."""
    return _STEPS_S[number % len(_STEPS_S)]


@contextlib.contextmanager
def _clock_step(bench: Bench, number: int) -> Iterator[Done]:
    bench.scene.tell("clock", str(step_s(number)))
    yield _first(bench, _sees)
    bench.scene.tell("clock", "0")


@contextlib.contextmanager
def _machine(path: str, bad: str, good: str, bench: Bench, _number: int) -> Iterator[Done]:
    """Have the machine complain; recovered is who has told that it does, and then that it does no more."""
    began_s = time.monotonic()
    bench.scene.show(path, bad)

    def done(from_s: float) -> float | None:
        told = [(at_s, _complains(health)) for at_s, health in bench.subscriber.health_since(began_s)]
        if not any(complains for _, complains in told):
            return None
        return next((at_s for at_s, complains in told if at_s >= from_s and not complains), None)

    yield done
    bench.scene.show(path, good)


def _complains(health: Mapping[str, object]) -> bool:
    return " now" in str(health.get("throttling"))


@contextlib.contextmanager
def _service(number_of_signal: signal.Signals, bench: Bench, _number: int) -> Iterator[Done]:
    before = _latest(bench).pid
    os.kill(before, number_of_signal)
    yield _first(bench, lambda beat: beat.pid != before and _sees(beat))


def _signal(words: str, number: signal.Signals, bench: Bench) -> list[int]:
    """Send a signal to the service's processes with these words; return them."""
    pids = _pids(words, bench)
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)
    return pids


def _pids(words: str, bench: Bench) -> list[int]:
    """Return those processes under the service whose command line has these words."""
    found = []
    for pid in () if bench.manager.pid is None else descendants(bench.manager.pid):
        with contextlib.suppress(OSError):
            if words.encode() in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.append(pid)
    return found


_WAYS: Final[Mapping[Kind, Callable[[Bench, int], contextlib.AbstractContextManager[Done]]]] = {
    "camera frozen": partial(_camera, "frozen"),
    "camera black": partial(_camera, "black"),
    "camera silent": partial(_camera, "silent"),
    "camera crash": _camera_crash,
    "camera unplugged": _camera_unplugged,
    "networks abort": partial(_networks, signal.SIGABRT),
    "networks stopped": partial(_networks, signal.SIGSTOP),
    "broker restart": _broker_restart,
    "network cut": _network_cut,
    "network reset": _network_reset,
    "disk full": _disk_full,
    "clock step": _clock_step,
    "heat": partial(_machine, THROTTLING, _HOT, _WELL),
    "under-voltage": partial(_machine, THROTTLING, _UNDER_VOLTAGE, _WELL),
    "service killed": partial(_service, signal.SIGKILL),
    "service stopped": partial(_service, signal.SIGSTOP),
}
