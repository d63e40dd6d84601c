from collections.abc import Callable, Sequence

import pytest

from appliance.budget import WATCHDOG_S
from appliance.doctor.running import Running, Sample
from appliance.update.trial import (
    DEADLINE_S,
    IDLE_S,
    IN_FORCE_S,
    STEADY_S,
    TRAYS,
    Look,
    Verdict,
    Wanted,
    await_verdict,
    judge,
    look,
    on_edge_tpu,
)
from tests.camera.fake_clock import FakeClock


def running(
    *,
    full: int = 0,
    fallback: int = 0,
    uptime_s: float = 1000.0,
    unable: str | None = None,
    ready: float | None = 1,
) -> Running:
    by_path = [
        Sample("janban_trays_by_path_total", {"path": path}, count)
        for path, count in (("full", full), ("fallback", fallback))
    ]
    ready_samples = [] if ready is None else [Sample("janban_networks_ready", {}, ready)]
    uptime = Sample("janban_uptime_seconds", {}, uptime_s)
    return Running(unable, (*by_path, uptime, *ready_samples))


def test_trays_of_either_path_are_measured() -> None:
    assert look(running(full=2, fallback=1)) == Look(None, 3)


@pytest.mark.parametrize(
    ("seen", "ails"),
    [
        (None, "the service does not answer"),
        (running(full=9, unable="no usable frame for 31 s"), "no usable frame for 31 s"),
        (running(full=9, ready=0), "the networks do not run"),
        (running(full=9, uptime_s=STEADY_S - 1), "only just started"),
    ],
)
def test_what_is_not_well_is_said(seen: Running | None, ails: str) -> None:
    found = look(seen)
    assert found.ails is not None
    assert ails in found.ails
    assert judge(found, 0.0) == "wait"
    assert judge(found, DEADLINE_S) == "goes"


def alone(seen: Running, kind: str, version: str, device: str = "cpu") -> Running:
    """Return what the service says while it uses something that came alone."""
    used = Sample("janban_artifact_info", {"kind": kind, "version": version}, 1)
    model = Sample("janban_model_info", {"model": "midas", "version": "0", "device": device}, 1)
    return Running(seen.unable, (*seen.samples, used, model))


NEW = Wanted("models", "2")


@pytest.mark.parametrize(
    ("seen", "wanted", "ails"),
    [
        (None, NEW, "does not answer"),
        (running(full=9), NEW, "does not use the models"),
        (alone(running(full=9), "models", "1"), NEW, "does not use the models"),
        (alone(running(full=9), "menu", "2"), NEW, "does not use the models"),
        (alone(running(full=9, ready=0), "models", "2"), NEW, "the networks do not run"),
        (alone(running(full=9, ready=None), "models", "2"), NEW, "the networks do not run"),
        (alone(running(full=9), "models", "2"), Wanted("models", "2", edgetpu=True), "not run on the Coral"),
    ],
)
def test_what_came_alone_has_to_be_in_use(seen: Running | None, wanted: Wanted, ails: str) -> None:
    """What is not in use soon after the restart will not be: it does not have the time that a lunch has."""
    found = look(seen, wanted)
    assert ails in (found.ails or "")
    assert judge(found, IN_FORCE_S - 1) == "wait"
    assert judge(found, IN_FORCE_S) == "goes"


def test_what_came_alone_and_is_in_use_is_judged_like_a_system() -> None:
    used = alone(running(full=3), "models", "2", "edgetpu")
    assert look(used, Wanted("models", "2", edgetpu=True)) == Look(None, 3)
    assert on_edge_tpu(used)
    assert not on_edge_tpu(None)
    menu = alone(running(full=2, ready=0), "menu", "5")
    assert look(menu, Wanted("menu", "5")) == Look("the networks do not run", 2)
    assert judge(look(menu, Wanted("menu", "5")), IN_FORCE_S) == "wait"


def test_a_box_without_networks_needs_none() -> None:
    assert look(running(full=3, ready=None)) == Look(None, 3)


@pytest.mark.parametrize(
    ("measured", "waited_s", "verdict"),
    [
        (TRAYS, 0.0, "stays"),
        (TRAYS, DEADLINE_S, "stays"),
        (TRAYS - 1, IDLE_S - 1, "wait"),
        (TRAYS - 1, IDLE_S, "test"),
        (0, IDLE_S, "test"),
        (0, DEADLINE_S, "goes"),
    ],
)
def test_trays_are_proof_and_an_idle_canteen_is_tested(measured: int, waited_s: float, verdict: str) -> None:
    assert judge(Look(None, measured), waited_s) == verdict


def verdict_of(
    ask: Callable[[float], Running | None], self_test: Callable[[], Sequence[str]]
) -> tuple[Verdict, float]:
    """Return the verdict on a service that answers by the time that passed, and how long that took."""
    clock = FakeClock()
    began_s = clock.monotonic_s()
    verdict = await_verdict(lambda: ask(clock.monotonic_s() - began_s), self_test, clock)
    return verdict, clock.monotonic_s() - began_s


def untested() -> Sequence[str]:
    raise AssertionError("trays are proof enough")


def test_a_lunch_is_proof_within_minutes() -> None:
    verdict, took_s = verdict_of(
        lambda s: running(full=int(s // 20), uptime_s=s) if s > 20 else None, untested
    )
    assert verdict == Verdict(stays=True, why=f"{verdict.why}")
    assert "trays measured" in verdict.why
    assert STEADY_S <= took_s < IDLE_S


def test_an_idle_canteen_is_tested() -> None:
    verdict, took_s = verdict_of(lambda s: running(uptime_s=s), list)
    assert verdict.stays
    assert "the self-test passed" in verdict.why
    assert IDLE_S <= took_s <= IDLE_S + WATCHDOG_S


def test_a_self_test_that_fails_once_is_repeated_until_the_deadline() -> None:
    answers = iter([["camera: dark"], ["camera: dark"], []])
    assert verdict_of(lambda s: running(uptime_s=s), lambda: next(answers))[0].stays
    verdict, took_s = verdict_of(lambda s: running(uptime_s=s), lambda: ["camera: dark"])
    assert verdict == Verdict(stays=False, why="the self-test failed: camera: dark")
    assert DEADLINE_S <= took_s <= DEADLINE_S + WATCHDOG_S


@pytest.mark.parametrize(
    ("ask", "why"),
    [
        (lambda _: None, "the service does not answer"),
        (lambda s: running(full=9, uptime_s=s % STEADY_S), "only just started"),
        (lambda _: running(full=9, unable="dark"), "dark"),
    ],
)
def test_what_never_gets_well_is_given_up(ask: Callable[[float], Running | None], why: str) -> None:
    verdict, took_s = verdict_of(ask, untested)
    assert not verdict.stays
    assert why in verdict.why
    assert took_s <= DEADLINE_S + WATCHDOG_S
