"""The five limits of AI on the device, judged before a model is flashed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from convert.cost.cost import Cost
from convert.edgetpu.parameters import USABLE_BYTES

DEADLINE_MS: Final = 5000.0
"""From trigger to stored reading."""

TYPICAL_CPU_MS: Final = 2000.0
TYPICAL_CORAL_MS: Final = 1000.0
"""What a tray is to take as a rule, all stages together."""

PI_4_IDLE_W: Final = 2.7
PI_4_BUSY_W: Final = 6.4
"""Raspberry Pi 4 B, HDMI off, idle and with four busy cores, at the plug side of 5 V: 540 mA and 1280 mA
(Raspberry Pi Dramble, power consumption benchmarks)."""

CORAL_W: Final = 2.0
"""Edge TPU at 4 TOPS, 0.5 W for each (Coral's page of benchmarks)."""

TRAYS_PER_MINUTE: Final = 12
COOL_SHARE: Final = 0.5
"""Of the time at full load; above it, a box without a fan has to be watched for throttling."""

Verdict = Literal["ok", "warn", "fail"]


@dataclass(frozen=True)
class Limit:
    """One limit: how the models stand to it, in words; `figures` has the numbers."""

    name: str
    verdict: Verdict
    words: str
    figures: dict[str, float]


def judge(costs: Sequence[Cost]) -> list[Limit]:
    """Judge models that run one after the other on every tray; times are predictions."""
    return [judged(costs) for judged in _LIMITS]


def _latency(costs: Sequence[Cost]) -> Limit:
    cpu_ms, coral_ms = sum(cost.pi_4_ms for cost in costs), sum(_coral_ms(cost) for cost in costs)
    verdict: Verdict = "ok"
    if cpu_ms > TYPICAL_CPU_MS or coral_ms > TYPICAL_CORAL_MS:
        verdict = "warn"
    if min(cpu_ms, coral_ms) > DEADLINE_MS:
        verdict = "fail"
    return Limit(
        "latency",
        verdict,
        f"{cpu_ms:.0f} ms for a tray on the Pi 4 alone, {coral_ms:.0f} ms with a Coral; all stages together "
        f"are to take {TYPICAL_CPU_MS:.0f} and {TYPICAL_CORAL_MS:.0f} ms, never more than {DEADLINE_MS:.0f}",
        {"pi_4_cpu_ms": cpu_ms, "coral_usb_3_ms": coral_ms, "budget_ms": DEADLINE_MS},
    )


def _connectivity(costs: Sequence[Cost]) -> Limit:
    pictures = sum(cost.input_bytes for cost in costs)
    return Limit(
        "connectivity",
        "ok",
        f"none is needed to measure: the files are all there is; {_bytes(pictures)} of picture per tray need "
        "not be sent anywhere",
        {"input_bytes_kept": float(pictures), "bytes_needed_from_network": 0.0},
    )


def _privacy(costs: Sequence[Cost]) -> Limit:
    maps = sum(cost.output_bytes for cost in costs)
    return Limit(
        "privacy",
        "ok",
        f"pictures and the models' outputs, {_bytes(maps)} per tray, stay in memory; only the reading leaves",
        {"output_bytes_kept": float(maps)},
    )


def _size(costs: Sequence[Cost]) -> Limit:
    files, stored = sum(cost.file_bytes for cost in costs), sum(cost.coral_bytes for cost in costs)
    arena = sum(cost.arena_bytes for cost in costs)
    fits = stored <= USABLE_BYTES
    streamed = sum(cost.coral_bytes - cost.cached_bytes for cost in costs)
    words = "all fit" if fits else f"{_bytes(streamed)} do not fit, and are sent there for every tray"
    return Limit(
        "size",
        "ok" if fits else "warn",
        f"{_bytes(files)} of files, {_bytes(arena)} of memory for activations; of {_bytes(stored)} of "
        f"parameters beside {_bytes(USABLE_BYTES)} on the Edge TPU {words}",
        {
            "file_bytes": float(files),
            "activation_bytes": float(arena),
            "coral_parameter_bytes": float(stored),
            "coral_streamed_bytes": float(streamed),
            "on_chip_bytes": float(USABLE_BYTES),
        },
    )


def _power(costs: Sequence[Cost]) -> Limit:
    cpu_s = sum(cost.pi_4_ms for cost in costs) / 1000
    cpu_j, coral_j = cpu_s * PI_4_BUSY_W, sum(_coral_joule(cost) for cost in costs)
    busy = cpu_s * TRAYS_PER_MINUTE / 60
    return Limit(
        "power",
        "ok" if busy <= COOL_SHARE else "warn",
        f"{cpu_j:.2f} J for a tray on the Pi 4 alone ({PI_4_BUSY_W:g} W), {coral_j:.2f} J with a Coral "
        f"({PI_4_IDLE_W:g} + {CORAL_W:g} W); {TRAYS_PER_MINUTE} trays a minute keep the Pi 4 alone busy "
        f"for {busy:.0%} of the time",
        {"pi_4_joule": cpu_j, "coral_joule": coral_j, "pi_4_busy_share": busy},
    )


_LIMITS: Final[Sequence[Callable[[Sequence[Cost]], Limit]]] = (
    _latency,
    _connectivity,
    _privacy,
    _size,
    _power,
)


def _coral_ms(cost: Cost) -> float:
    return cost.pi_4_ms if cost.coral_usb_3_ms is None else cost.coral_usb_3_ms


def _coral_joule(cost: Cost) -> float:
    if cost.coral_usb_3_ms is None:
        return cost.pi_4_ms / 1000 * PI_4_BUSY_W
    return cost.coral_usb_3_ms / 1000 * (PI_4_IDLE_W + CORAL_W)


def _bytes(count: float) -> str:
    return f"{count / 2**20:.2f} MiB" if count >= 2**20 else f"{count / 2**10:.1f} KiB"
