"""Whether what is on trial measures: judged by what the service says of itself, within a deadline."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from appliance.budget import WATCHDOG_S
from appliance.clock import Clock
from appliance.doctor.running import Running

_log = logging.getLogger(__name__)

TRAYS: Final = 3
"""So many measured trays are proof."""
STEADY_S: Final = 2 * WATCHDOG_S
"""A service that is younger may be one of many that were restarted."""
IDLE_S: Final = 10 * WATCHDOG_S
"""Without enough trays for so long, nobody is returning any: then the self-test decides."""
IN_FORCE_S: Final = 4 * WATCHDOG_S
"""By then the service was started anew, and its networks with it: what is not in use will not be."""
DEADLINE_S: Final = 30 * WATCHDOG_S
"""By then it is proven, or given up."""
_LOOK_EVERY_S: Final = WATCHDOG_S / 3


@dataclass(frozen=True)
class Look:
    """What the service said: why it is not well, None where it is; and how many trays it measured.

    `in_force` is whether what is on trial is used at all.
    """

    ails: str | None
    measured: int
    in_force: bool = True


@dataclass(frozen=True)
class Verdict:
    """Whether the system stays, and why."""

    stays: bool
    why: str


@dataclass(frozen=True)
class Wanted:
    """What came without a system, and has to be in force; `edgetpu`: on the Coral, as what was before."""

    kind: str
    version: str
    edgetpu: bool = False


def look(running: Running | None, wanted: Wanted | None = None) -> Look:
    """Return what the running service's metrics come to."""
    if running is None:
        return Look("the service does not answer", 0, in_force=wanted is None)
    if wanted is not None and (fault := _not_in_force(running, wanted)) is not None:
        return Look(fault, 0, in_force=False)
    measured = sum(int(one.value) for one in running.samples if one.name == "janban_trays_by_path_total")
    if running.unable is not None:
        return Look(f"trays cannot be measured: {running.unable}", measured)
    if running.value("networks_ready") == 0:
        return Look("the networks do not run", measured)
    if (running.value("uptime_seconds") or 0.0) < STEADY_S:
        return Look("the service has only just started", measured)
    return Look(None, measured)


def _not_in_force(running: Running, wanted: Wanted) -> str | None:
    used = {one.get("kind"): one.get("version") for one in running.labels("artifact_info")}
    if used.get(wanted.kind) != wanted.version:
        return f"the service does not use the {wanted.kind}"
    if wanted.kind != "models":
        return None
    if running.value("networks_ready") != 1:
        return "the networks do not run"
    if wanted.edgetpu and not on_edge_tpu(running):
        return "the networks do not run on the Coral"
    return None


def on_edge_tpu(running: Running | None) -> bool:
    """Whether the networks of the running service are on a Coral."""
    return running is not None and any(one.get("device") == "edgetpu" for one in running.labels("model_info"))


def judge(seen: Look, waited_s: float) -> Literal["stays", "test", "wait", "goes"]:
    """Return what a look means after so long: `test` asks for the self-test, which decides."""
    if seen.ails is None and seen.measured >= TRAYS:
        return "stays"
    if waited_s >= (DEADLINE_S if seen.in_force else IN_FORCE_S):
        return "goes"
    return "test" if seen.ails is None and waited_s >= IDLE_S else "wait"


def await_verdict(
    ask: Callable[[], Running | None],
    self_test: Callable[[], Sequence[str]],
    clock: Clock,
    wanted: Wanted | None = None,
) -> Verdict:
    """Look until it is clear whether what is on trial stays; `self_test` returns what is wrong.

    On trial is the whole system, or what is `wanted`.
    """
    began_s = clock.monotonic_s()
    ails: str | None = None
    while True:
        seen = look(ask(), wanted)
        match judge(seen, clock.monotonic_s() - began_s):
            case "stays":
                return Verdict(stays=True, why=f"{seen.measured} trays measured")
            case "test":
                faults = self_test()
                if not faults:
                    return Verdict(stays=True, why=f"the self-test passed, {seen.measured} trays measured")
                ails = f"the self-test failed: {'; '.join(faults)}"
            case "wait":
                ails = seen.ails or ails
            case "goes":
                return Verdict(stays=False, why=seen.ails or ails or f"only {seen.measured} trays measured")
        _log.info("on trial: %s", ails or f"{seen.measured} trays measured")
        clock.sleep_s(_LOOK_EVERY_S)
