"""The figures of the accuracy bench: errors in points, by kind of dish and by complication."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

CLEAN = 0.02
"""Wells whose truth is below this are clean: a film and a few grains."""


@dataclass(frozen=True)
class Row:
    """One well of one picture: what was read and what is true, 0..1."""

    picture: str
    well: int
    kind: str
    complications: tuple[str, ...]
    state: str
    occluded: bool
    truth: float
    read: float | None
    study: float | None
    uncertainty: float
    flags: tuple[str, ...]

    @property
    def error(self) -> float:
        """Return read minus true; 0 for a well without a reading, which `summary` leaves out."""
        return 0.0 if self.read is None else self.read - self.truth


def points(values: Iterable[float]) -> float | None:
    """Return the mean in points, rounded to 0.1; None for none."""
    listed = list(values)
    return round(100 * float(np.mean(listed)), 1) if listed else None


def summary(all_rows: list[Row]) -> dict[str, float | None]:
    """Return the figures of those wells that have a reading."""
    rows = [row for row in all_rows if row.read is not None]
    within = [[abs(r.error) <= k * r.uncertainty for r in rows] for k in (1, 2)]
    return {
        "wells": len(all_rows),
        "mae": points(abs(r.error) for r in rows),
        "bias": points(r.error for r in rows),
        "study_mae": points(abs((r.study or 0.0) - r.truth) for r in rows),
        "within_1_sigma": round(float(np.mean(within[0])), 2) if rows else None,
        "within_2_sigma": round(float(np.mean(within[1])), 2) if rows else None,
    }


def report(rows: list[Row], rejected: list[str], steel: list[Row]) -> dict[str, Any]:
    """Return everything that is printed."""

    def by(key: Callable[[Row], Iterable[str]]) -> dict[str, dict[str, float | None]]:
        groups: dict[str, list[Row]] = defaultdict(list)
        for row in rows:
            for name in key(row):
                groups[name].append(row)
        return {name: summary(group) for name, group in sorted(groups.items())}

    clean = [row for row in rows if row.truth < CLEAN]
    return {
        "rendered_trays": {
            "all": summary(rows),
            "wells_found": round(float(np.mean([row.read is not None for row in rows])), 4),
            "rejected": rejected,
            "clean_wells": {
                "wells": len(clean),
                "mean_reading": points(row.read for row in clean if row.read is not None),
            },
            "by_kind": by(lambda row: [row.kind]),
            "by_complication": by(lambda row: row.complications),
            "by_setup": by(lambda row: [row.picture.split("/")[0]]),
            "worst": [asdict(row) for row in sorted(rows, key=lambda r: -abs(r.error))[:12]],
        },
        "steel_tray": {
            "all": summary(steel),
            "by_picture": {
                n: summary([r for r in steel if r.state == n]) for n in dict.fromkeys(r.state for r in steel)
            },
            "wells": [asdict(row) for row in steel],
        },
    }


def _number(value: float | None, form: str) -> str:
    return "-" if value is None else format(value, form)


def _line(name: str, figures: dict[str, float | None]) -> str:
    return (
        f"  {name:<12} {_number(figures['wells'], '4.0f')} wells  MAE {_number(figures['mae'], '5.1f')}"
        f"  bias {_number(figures['bias'], '+5.1f')}  within 1/2 sigma"
        f" {_number(figures['within_1_sigma'], '.2f')}/{_number(figures['within_2_sigma'], '.2f')}"
        f"  (study {_number(figures['study_mae'], '.1f')})"
    )


def text(figures: dict[str, Any]) -> str:
    """Return the report for people."""
    rendered, steel = figures["rendered_trays"], figures["steel_tray"]
    lines = [
        f"rendered_trays: {rendered['wells_found']:.1%} of the wells found",
        _line("all", rendered["all"]),
    ]
    clean = rendered["clean_wells"]
    mean = _number(clean["mean_reading"], ".1f")
    lines.append(f"  clean wells  {clean['wells']:4d} wells  read {mean} points on average")
    for group in ("by_setup", "by_kind", "by_complication"):
        lines.append(f" {group.replace('_', ' ')}")
        lines += [_line(name, part) for name, part in rendered[group].items()]
    lines.append(" rejected pictures: " + ("; ".join(rendered["rejected"]) or "none"))
    lines.append(" worst wells")
    lines += [_well(row) for row in rendered["worst"]]
    if steel["wells"]:
        lines.append("steel_tray")
        lines.append(_line("all", steel["all"]))
        lines += [_line(name, part) for name, part in steel["by_picture"].items()]
        lines += [_well(row) for row in steel["wells"]]
    return "\n".join(lines)


def _well(row: dict[str, Any]) -> str:
    read = "   -" if row["read"] is None else f"{100 * row['read']:4.0f}"
    return (
        f"  {row['picture']:<18} well {row['well']} {row['kind']:<7} {row['state']:<13} true "
        f"{100 * row['truth']:4.0f} read {read} +-{100 * row['uncertainty']:3.0f}  {','.join(row['flags'])}"
    )
