"""`convert cost`: size, operations, memory and predicted times of models, and the device's limits."""

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from convert.cost.cost import Cost, costs_of
from convert.cost.limits import Limit, judge
from convert.cost.measure import Measured, measure
from convert.cost.published import LATENCIES, SOURCES, typical_and_worst
from convert.errors import ConvertError


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Declare the command's options."""
    parser.add_argument(
        "models", nargs="*", type=Path, metavar="MODEL.tflite",
        help="models that run on every tray; the first has the first claim on the Edge TPU's memory",
    )  # fmt: skip
    parser.add_argument("--no-measure", action="store_true", help="do not run the models on this machine")
    parser.add_argument("--runs", type=_positive, default=20, help="to take the median of [20]")
    parser.add_argument("--threads", type=_positive, default=1, help="of the runs on this machine [1]")
    parser.add_argument(
        "--published", action="store_true", help="show how far predictions are off for published latencies"
    )
    parser.add_argument("--json", action="store_true", help="print one JSON object")


def command(options: argparse.Namespace) -> int:
    """Print the costs; raises `ModelFileError` for a file that is damaged or cannot be run."""
    if options.published:
        return _published(as_json=options.json)
    if not options.models:
        raise ConvertError("no model is named; give one or more .tflite files, or --published")
    costs = costs_of(options.models)
    measured: list[Measured | None] = [None] * len(costs)
    if not options.no_measure:
        measured = [measure(path, runs=options.runs, threads=options.threads) for path in options.models]
    limits = judge(costs)
    if options.json:
        print(json.dumps(_as_json(costs, measured, limits), indent=2))
    else:
        _tell(costs, measured, limits)
    return 0


def _as_json(
    costs: Sequence[Cost], measured: Sequence[Measured | None], limits: Sequence[Limit]
) -> dict[str, object]:
    models = [
        asdict(cost) | {"measured_here": None if here is None else asdict(here)}
        for cost, here in zip(costs, measured, strict=True)
    ]
    return {"models": models, "limits": [asdict(limit) for limit in limits]}


def _tell(costs: Sequence[Cost], measured: Sequence[Measured | None], limits: Sequence[Limit]) -> None:
    for cost, here in zip(costs, measured, strict=True):
        operators = ", ".join(f"{name} {count}" for name, count in cost.operators.items())
        macs = ", ".join(f"{kind} {count / 1e6:.1f}" for kind, count in cost.macs.items())
        print(cost.file)
        _row("size", f"{cost.file_bytes / 1e6:.2f} MB, {cost.parameter_bytes / 1e6:.2f} MB of it parameters")
        _row("operators", f"{sum(cost.operators.values())}: {operators}")
        _row("MACs", f"{cost.total_macs / 1e6:.1f} million: {macs or 'none'}")
        _row("activations", f"{cost.arena_bytes / 1e6:.2f} MB; {cost.live_bytes / 1e6:.2f} MB live at once")
        if here:
            _row("here", _measured(here))
        _row("Pi 4", f"{cost.pi_4_ms:.0f} ms on its processor, 4 threads (predicted)")
        _row("Coral", _coral(cost))
        print()
    print("On every tray, one after the other:" if len(costs) > 1 else "On every tray:")
    for limit in limits:
        print(f"  {limit.verdict:4}  {limit.name:12}  {limit.words}")
    print(f"\n{_caution()}")


def _measured(here: Measured) -> str:
    threads = f"{here.threads} thread{'s' if here.threads > 1 else ''}"
    times = f"{here.median_ms:.1f} ms, median of {here.runs}, {threads}; fastest {here.fastest_ms:.1f} ms"
    if here.memory_bytes is None:
        return times
    return f"{times}; {here.memory_bytes / 1e6:.1f} MB of memory"


def _coral(cost: Cost) -> str:
    total = sum(cost.operators.values())
    if cost.coral_usb_3_ms is None or cost.coral_usb_2_ms is None:
        return "no operator maps; it runs on the processor"
    times = f"{cost.coral_usb_3_ms:.1f} ms on USB 3, {cost.coral_usb_2_ms:.1f} ms on USB 2 (predicted)"
    kept = f"{cost.cached_bytes / 2**20:.2f} of {cost.coral_bytes / 2**20:.2f} MiB of parameters on the chip"
    return f"{times}; {cost.mapped} of {total} operators map; {kept}"


def _published(*, as_json: bool) -> int:
    if as_json:
        rows = [
            asdict(one) | {"predicted_ms": round(one.predicted_ms, 2), "ratio": round(one.ratio, 3)}
            for one in LATENCIES
        ]
        print(json.dumps({"latencies": rows, "sources": SOURCES}, indent=2))
        return 0
    print(f"{'model':28}  {'device':13}  published ms  predicted ms  ratio  source")
    for one in LATENCIES:
        fitted = "" if one.fitted else "  (not fitted to it)"
        print(
            f"{one.model:28}  {one.device:13}  {one.published_ms:12.1f}  {one.predicted_ms:12.1f}"
            f"  {one.ratio:5.2f}  {one.source}{fitted}"
        )
    print()
    for key, words in SOURCES.items():
        print(f"{key}: {words}")
    print(f"\n{_caution()}")
    return 0


def _caution() -> str:
    typical, worst = typical_and_worst()
    return (
        f"Predictions are off by a factor of {typical:.1f} as a rule and {worst:.1f} at worst, compared with "
        f"{len(LATENCIES)} published latencies (convert cost --published)."
    )


def _row(name: str, words: str) -> None:
    print(f"  {name:12}  {words}")


def _positive(text: str) -> int:
    if not text.isdecimal() or not 0 < int(text) <= 1000:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 1 to 1000")
    return int(text)
