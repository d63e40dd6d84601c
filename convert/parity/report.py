"""The comparison as Markdown for people."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Final

from convert.markdown import code, table
from convert.parity.metrics import HIGHER_IS_BETTER
from convert.parity.result import GateResult, MetricResult, PairResult, ParityResult

REPORT_FILE: Final = "report.md"
RESULT_FILE: Final = "report.json"

_MEANINGS: Final = {
    "aligned_error": "depth after least-squares scale and shift, in standard deviations of the reference"
    " (Ranftl et al. 2020, section 5); 0 is the same, 1 unrelated",
    "area_error": "difference of the means of a 4x4 grid after scale and shift, in shares of the reference's"
    " range; what a volume would be wrong by",
    "rank_correlation": "Spearman's; 1 is the same order of near and far",
    "correlation": "Pearson's",
    "raw_difference": "root mean square difference, nothing aligned, in standard deviations of the reference",
    "informative": "share of pictures on which the reference shows any structure",
    "agreement": "share of pixels, or of pictures, with the same highest class",
    "miou": "mean intersection over union of the classes, the reference taken for the truth",
    "confidence_difference": "difference of the mean highest probability",
    "fraction_difference": "difference of the expected leftover fraction",
}

_WORST_LISTED: Final = 8
_SUMMARISED: Final = 3
"""Metrics of each output in the summary."""


def markdown(result: ParityResult) -> str:
    """Return the report's text; pictures are linked by the names in `result.sheets`."""
    return "\n".join(_lines(result)) + "\n"


def summary(result: ParityResult, folder: Path) -> str:
    """Return the comparison with the reference in a few lines, for a terminal."""
    lines = [f"{result.network}: {len(result.pictures)} pictures ({result.picture_origin}), mean / worst:"]
    for pair in result.pairs:
        if pair.reference == result.reference:
            metrics = (
                f"{name} {metric_text(name, metric.mean)} / {metric_text(name, metric.worst)}"
                for name, metric in list(pair.metrics.items())[:_SUMMARISED]
            )
            lines.append(f"  {pair.stage} against {pair.reference}, {pair.output}: {', '.join(metrics)}")
    failed = [gate for gate in result.gates if not gate.passed]
    lines += [f"  FAILED {gate}" for gate in failed]
    if not failed:
        lines.append(f"all {len(result.gates)} gates passed" if result.gates else "no gate applies")
    return "\n".join((*lines, f"report: {folder / REPORT_FILE}"))


def metric_text(name: str, value: float) -> str:
    """Return a value as people read it: shares of agreement in percent, others with their leading digits."""
    if name in {"agreement", "miou", "informative"}:
        return f"{value:.1%}"
    return f"{value:.4f}" if value >= 0.001 or not value else f"{value:.0e}"


def _lines(result: ParityResult) -> Iterator[str]:
    failed = [gate for gate in result.gates if not gate.passed]
    verdict = f"{len(failed)} of {len(result.gates)} gates failed" if failed else "all gates passed"
    yield f"# Parity of {result.network}: {verdict if result.gates else 'no gates apply'}"
    yield ""
    height, width = result.input_px
    origin = f" ({result.picture_origin})" if result.picture_origin else ""
    count = len(result.pictures)
    yield f"{count} picture{'s' * (count > 1)}{origin}, network input {width}x{height} pixels."
    yield f"Reference: {result.reference}. Stages: {', '.join(stage.name for stage in result.stages)}."
    loosened = [gate for gate in result.gates if gate.default_limit != gate.limit]
    if loosened:
        yield ""
        yield f"**{len(loosened)} limits are not the default ones; see the column Default.**"
    yield from _gates(sorted(result.gates, key=lambda gate: gate.passed))
    yield from _agreement(result.pairs)
    yield from _sheets(result)
    yield from _worst(result)
    yield from _stages(result)
    yield from _glossary(result)


def _gates(gates: Sequence[GateResult]) -> Iterator[str]:
    yield from ("", "## Gates", "")
    if not gates:
        yield "None applies to these stages."
        return
    rows = (
        (
            "passed" if gate.passed else "**FAILED**",
            gate.stage,
            gate.reference,
            f"{gate.output}: {gate.metric}, {gate.statistic}",
            metric_text(gate.metric, gate.value),
            f"{'at least' if gate.at_least else 'at most'} {metric_text(gate.metric, gate.limit)}",
            _default(gate),
            gate.why,
        )
        for gate in gates
    )
    yield from table(("", "Stage", "Against", "What", "Value", "Limit", "Default", "Why"), rows)


def _default(gate: GateResult) -> str:
    if gate.default_limit == gate.limit:
        return ""
    return "none" if gate.default_limit is None else metric_text(gate.metric, gate.default_limit)


def _agreement(pairs: Sequence[PairResult]) -> Iterator[str]:
    for output in dict.fromkeys(pair.output for pair in pairs):
        yield from ("", f"## Agreement: {output}", "", "Mean of the pictures / worst 5 % / worst one.", "")
        chosen = [pair for pair in pairs if pair.output == output]
        rows = ((p.stage, p.reference, *(_spread(n, m) for n, m in p.metrics.items())) for p in chosen)
        yield from table(("Stage", "Against", *chosen[0].metrics), rows)


def _spread(name: str, metric: MetricResult) -> str:
    text = " / ".join(metric_text(name, value) for value in (metric.mean, metric.p5, metric.worst))
    return text if metric.pooled is None else f"{text}; pooled {metric_text(name, metric.pooled)}"


def _sheets(result: ParityResult) -> Iterator[str]:
    for output, file in result.sheets.items():
        yield from ("", f"## Pictures: {output}", "", f"![What each stage makes of {output}]({file})")


def _worst(result: ParityResult) -> Iterator[str]:
    last = result.stages[-1].name
    for pair in result.pairs:
        if (pair.reference, pair.stage) != (result.reference, last):
            continue
        yield from ("", f"## Worst pictures: {pair.output}, {last} against {result.reference}", "")
        rows = (
            (
                str(place),
                code(result.pictures[i]),
                *(metric_text(n, m.pictures[i]) for n, m in pair.metrics.items()),
            )
            for place, i in enumerate(rank_pictures(result, pair.output)[:_WORST_LISTED], 1)
        )
        yield from table(("", "Picture", *pair.metrics), rows)


def rank_pictures(result: ParityResult, output: str) -> list[int]:
    """Return the places of all pictures, those first on which the stages agree least with the reference.

    The first metric of the output's meaning decides, of the stage that differs most.
    """
    badness = [0.0] * len(result.pictures)
    for pair in result.pairs:
        if (pair.reference, pair.output) == (result.reference, output):
            name, metric = next(iter(pair.metrics.items()))
            bad = [1 - value if name in HIGHER_IS_BETTER else value for value in metric.pictures]
            badness = [max(pair_of) for pair_of in zip(badness, bad, strict=True)]
    return sorted(range(len(badness)), key=lambda place: -badness[place])


def _stages(result: ParityResult) -> Iterator[str]:
    yield from ("", "## Stages", "")
    rows = ((s.name, f"{s.time_ratio:.2f}", str(s.non_finite_pictures)) for s in result.stages)
    yield from table(("Stage", "Time against the reference", "Pictures with NaN or infinity"), rows)
    yield ""
    yield "The times are of the machine that made this report, for comparison with one another only."


def _glossary(result: ParityResult) -> Iterator[str]:
    yield from ("", "## Words", "")
    used = dict.fromkeys(name for pair in result.pairs for name in pair.metrics)
    yield from (f"- {name}: {_MEANINGS[name]}" for name in used)
    yield "- Worst 5 %: the value that all but 5 % of the pictures reach; Pooled: all pixels together"
