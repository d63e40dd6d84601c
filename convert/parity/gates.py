"""The limits that a conversion has to keep, with their reasons."""

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast, get_args

from appliance.inference.manifest import Meaning
from convert.errors import ConvertError
from convert.parity.metrics import HIGHER_IS_BETTER, METRICS
from convert.parity.result import GateResult, PairResult, Statistic, Transition


@dataclass(frozen=True)
class Gate:
    """One limit: what `metric` may be at most, or for agreements has to be at least (`HIGHER_IS_BETTER`)."""

    meaning: Meaning
    transition: Transition
    metric: str
    statistic: Statistic
    limit: float
    why: str


Gates = tuple[Gate, ...]

SAVED_MODEL: Final = "savedmodel"
"""Name of the stage that TensorFlow runs."""

_SAME = "only the runtime differs, so the numbers are the same up to rounding"
_TIES = "rounding may flip pixels at which two classes tie"
_COMPILED = "the compiler takes the int8 network as it is and may only round differently"
_TELLS = "a reference without structure agrees with any other and proves nothing"
_VOLUME = "int8 may cost 2 points of volume, of the 5 that a leftover may be wrong by"
_FUSED = "depth weighs 0.4 in the fused reading: 5 points here are 2 points there"
_NOISE = "noise of single pixels averages out in a volume; 0.2 is a correlation of 0.98"
_APART = "the empty tray's map is subtracted as it is: what alignment forgives here is food there"
_ORDER = "nearer stays nearer, but for flat parts of a scene, which have no order to keep"
_EDGES = "pixels at the edges of food may flip, 4 in 100 on pictures unlike those of training, too"
_WORST = "no picture may fall apart, whatever the mean says"
_CLASSES = "no class may get lost, however few pixels it has"
_CONFIDENCE = "the fusion's weights turn on the confidence, at 0.3 and 0.8"
_BETWEEN = "pictures between two classes may change sides"

DEFAULT: Final[Gates] = (
    Gate("inverse_depth", "float", "raw_difference", "worst", 0.0002, _SAME),
    Gate("inverse_depth", "float", "informative", "mean", 0.5, _TELLS),
    Gate("inverse_depth", "int8", "area_error", "mean", 0.02, _VOLUME),
    Gate("inverse_depth", "int8", "area_error", "worst", 0.05, _FUSED),
    Gate("inverse_depth", "int8", "aligned_error", "mean", 0.2, _NOISE),
    Gate("inverse_depth", "int8", "raw_difference", "mean", 0.2, _APART),
    Gate("inverse_depth", "int8", "rank_correlation", "p5", 0.95, _ORDER),
    Gate("inverse_depth", "int8", "informative", "mean", 0.5, _TELLS),
    Gate("inverse_depth", "edgetpu", "aligned_error", "mean", 0.05, _COMPILED),
    Gate("inverse_depth", "edgetpu", "area_error", "worst", 0.02, _COMPILED),
    Gate("segmentation", "float", "raw_difference", "worst", 0.0002, _SAME),
    Gate("segmentation", "float", "agreement", "worst", 0.999, _TIES),
    Gate("segmentation", "int8", "agreement", "mean", 0.96, _EDGES),
    Gate("segmentation", "int8", "agreement", "worst", 0.93, _WORST),
    Gate("segmentation", "int8", "miou", "pooled", 0.9, _CLASSES),
    Gate("segmentation", "int8", "confidence_difference", "worst", 0.02, _CONFIDENCE),
    Gate("segmentation", "int8", "informative", "mean", 0.5, _TELLS),
    Gate("segmentation", "edgetpu", "agreement", "mean", 0.98, _COMPILED),
    Gate("quantity", "float", "raw_difference", "worst", 0.0002, _SAME),
    Gate("quantity", "int8", "fraction_difference", "mean", 0.02, _VOLUME),
    Gate("quantity", "int8", "fraction_difference", "worst", 0.05, _FUSED),
    Gate("quantity", "int8", "agreement", "mean", 0.9, _BETWEEN),
    Gate("quantity", "int8", "confidence_difference", "mean", 0.03, _CONFIDENCE),
    Gate("quantity", "edgetpu", "fraction_difference", "worst", 0.02, _COMPILED),
)
"""The table of limits, for trained weights on trays of any kind.

Measured, int8 against float: on synthetic trays, and on the worst kind of others (24 photographs of whole
trays, unlike those of training): trained midas-lite0 0.03 and 0.13 of `aligned_error`, 0.03 and 0.14 of
`raw_difference`, 0.004 and 0.015 of `area_error` on average, 0.016 and 0.033 at worst; resnet18 99.3 % and
98.3 % of `agreement`, 0.002 of `confidence_difference` at worst on both. Float stages had 2e-6 of
`raw_difference` at most. Random weights lose more, 0.25 of midas-lite0's `aligned_error` and 0.027 of its
`area_error`. Maps with nothing in common had 1 and 0.12: both are needed, for the former sees fine structure
go, and the latter what moves volumes.
"""


def transition_between(reference: str, stage: str) -> Transition:
    """Return what lies between two stages, by their names as `tflite int8` or `edgetpu`."""
    quantised = [name for name in (reference, stage) if is_quantised(name)]
    if not quantised:
        return "float"
    return "edgetpu" if len(quantised) == 2 and "edgetpu" in stage + reference else "int8"


def is_quantised(stage: str) -> bool:
    """Tell by its name whether a stage computes in integers."""
    return any(word in stage for word in ("int8", "edgetpu"))


def judge(pairs: Iterable[PairResult], gates: Gates = DEFAULT) -> tuple[GateResult, ...]:
    """Hold every pair against its gates; a value at the limit passes."""
    return tuple(
        _judged(pair, gate)
        for pair in pairs
        for gate in gates
        if (gate.meaning, gate.transition) == (pair.meaning, pair.transition)
    )


def _judged(pair: PairResult, gate: Gate) -> GateResult:
    value = getattr(pair.metrics[gate.metric], gate.statistic)
    at_least = gate.metric in HIGHER_IS_BETTER
    return GateResult(
        output=pair.output,
        reference=pair.reference,
        stage=pair.stage,
        metric=gate.metric,
        statistic=gate.statistic,
        value=value,
        limit=gate.limit,
        default_limit=next((known.limit for known in DEFAULT if _key(known) == _key(gate)), None),
        at_least=at_least,
        why=gate.why,
        passed=value >= gate.limit if at_least else value <= gate.limit,
    )


def load_gates(path: Path) -> Gates:
    """Return the default gates with the limits of a TOML file in their place or beside them.

    `[inverse_depth.int8]` with `aligned_error.mean = 0.4` sets one limit: meaning, transition, metric and
    statistic. Raises `ConvertError`, one line with the file and the key, for anything else.
    """
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConvertError(f"{path}: cannot be read ({error.strerror}); name a TOML file of limits") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise ConvertError(f"{path}: not valid TOML ({error})") from None
    wanted = {_key(gate): gate for gate in DEFAULT}
    for key, limit in _limits(path, tables, ()):
        wanted[key] = _gate(path, key, limit)
    return tuple(wanted.values())


_Key = tuple[str, ...]


def _key(gate: Gate) -> _Key:
    return (gate.meaning, gate.transition, gate.metric, gate.statistic)


def _limits(path: Path, table: Mapping[str, object], above: _Key) -> Iterable[tuple[_Key, object]]:
    for name, value in table.items():
        key = (*above, name)
        if isinstance(value, Mapping):
            yield from _limits(path, cast("Mapping[str, object]", value), key)
        else:
            yield key, value


def _gate(path: Path, key: _Key, limit: object) -> Gate:
    known: tuple[tuple[str, ...], ...] = (
        get_args(Meaning),
        get_args(Transition),
        METRICS.get(cast("Meaning", key[0]), ()),
        (*get_args(Statistic)[:3], *(("pooled",) if "miou" in key else ())),
    )
    for depth, names in enumerate(known):
        if len(key) <= depth or key[depth] not in names:
            raise ConvertError(
                f"{path}: {'.'.join(key)}: level {depth + 1} must be one of {', '.join(names)}"
            )
    if len(key) > len(known):
        raise ConvertError(f"{path}: {'.'.join(key)}: one level too many")
    if isinstance(limit, bool) or not isinstance(limit, int | float) or not 0 <= limit <= 1:
        raise ConvertError(f"{path}: {'.'.join(key)}: must be a number from 0 to 1")
    meaning, transition, metric, statistic = key
    return Gate(
        cast("Meaning", meaning),
        cast("Transition", transition),
        metric,
        cast("Statistic", statistic),
        float(limit),
        f"set by {path.name}",
    )
