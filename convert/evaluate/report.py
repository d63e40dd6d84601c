"""The evaluation as Markdown for people."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Final

from convert.evaluate.estimators import ALONE, BACK_PROJECTION, READING
from convert.evaluate.glossary import GLOSSARY
from convert.evaluate.result import Accuracy, Errors, Height, OnSource, Promise, SourceResult, Volumes
from convert.markdown import code, table

NONE: Final = "-"


def markdown(result: Accuracy, pictures: Mapping[str, Sequence[str]]) -> str:
    """Return the report; `pictures` are the files shown below each source, by its name."""
    return "\n".join([*_lines(result, pictures), ""])


def summary(result: Accuracy) -> str:
    """Return the comparison and the promises in lines for a terminal."""
    return "\n".join(
        [
            *(line for source in result.sources for line in _summed_up(source)),
            *(_told(promise) for promise in result.promises),
        ]
    )


def _summed_up(source: SourceResult) -> Iterator[str]:
    yield f"{source.name}: {source.trays} trays, {source.wells} wells"
    for one in source.volumes:
        read = "" if one.clean is None else f", clean wells read {one.clean.mean:.1f}"
        yield f"  {_label(one):<28} MAE {one.wells.mae:5.1f}, bias {one.wells.bias:+5.1f}{read}"
    for networks in source.networks:
        pixels, heights = networks.segmentation, networks.depth
        if pixels is not None and heights is not None:
            yield (
                f"  {networks.run:<28} mean IoU {pixels.miou:.1%}, food kind {pixels.food_kind:.1%},"
                f" height {heights.surface.mae:.2f} mm"
            )


def _told(promise: Promise) -> str:
    limit = f"{'at least' if promise.at_least else 'at most'} {promise.limit:g}"
    return (
        f"{'kept' if promise.kept else 'NOT KEPT':<9}{promise.source}: {promise.what}, {promise.run}:"
        f" {_two_digits(promise.value)}, {limit}"
    )


def _lines(result: Accuracy, pictures: Mapping[str, Sequence[str]]) -> Iterator[str]:
    yield f"# Accuracy: {'; '.join(source.name for source in result.sources)}"
    yield from ("", "Errors are in points, hundredths of a full serving. All words are explained at the end.")
    yield "`wells.csv` has every well, `report.json` every figure."
    yield from runs_of(result)
    yield from comparison(result.sources)
    yield from promised(result)
    for source in result.sources:
        yield from _source(source, pictures.get(source.name, ()))
    yield from ("", "## Words", "")
    yield GLOSSARY


def runs_of(result: Accuracy) -> Iterator[str]:
    """Yield the networks of every run."""
    yield ""
    if not result.runs:
        yield "No networks: back projection alone."
        return
    rows = (
        (
            run.name,
            one.network + (" (**random weights**)" if one.trained is False else ""),
            code(one.file),
            code(one.sha256[:12]),
        )
        for run in result.runs
        for one in run.networks
    )
    yield from table(("Run", "Network", "File", "SHA-256"), rows)


def comparison(sources: Sequence[SourceResult]) -> Iterator[str]:
    """Yield a table that compares the runs on every source."""
    yield from (
        "",
        "## At a glance",
        "",
        "Mean absolute errors of wells; then what the networks say per pixel.",
        "",
    )
    estimators = list(dict.fromkeys(one.estimator for source in sources for one in source.volumes))
    networks = [name for name in estimators if name != BACK_PROJECTION]
    head = ["Source", "Run", *estimators, "clean wells read"]
    if networks:
        head += ["mean IoU", "food kind", "calibration error", "food height, mm", "quantity"]
    yield from table(head, (row for source in sources for row in _compared(source, estimators)))


def _compared(source: SourceResult, estimators: Sequence[str]) -> Iterator[list[str]]:
    for run in dict.fromkeys(one.run for one in source.volumes):
        of_run = {one.estimator: one for one in source.volumes if one.run in (run, "")}
        if run == ALONE.run and source.networks:
            continue
        maes = [f"{of_run[name].wells.mae:.1f}" if name in of_run else NONE for name in estimators]
        clean = of_run[READING if run else BACK_PROJECTION].clean
        row = [source.name, run or NONE, *maes, NONE if clean is None else f"{clean.mean:.1f}"]
        for networks in source.networks:
            if networks.run == run:
                row += _of_networks(networks)
        yield row


def coverage(sources: Sequence[SourceResult]) -> Iterator[str]:
    """Yield a table of the shares of wells within 1 and 2 stated standard deviations."""
    yield from (
        "",
        "## What the stated uncertainties hold",
        "",
        "Per cent of wells that are off by at most 1 / 2 stated standard deviations; normally 68 / 95.",
        "",
    )
    estimators = list(dict.fromkeys(one.estimator for source in sources for one in source.volumes))
    rows = []
    for source in sources:
        for run in dict.fromkeys(one.run for one in source.volumes if one.run or not source.networks):
            of_run = {one.estimator: one.wells for one in source.volumes if one.run in (run, "")}
            rows.append([source.name, run or NONE, *(_within(of_run.get(name)) for name in estimators)])
    yield from table(["Source", "Run", *estimators], rows)


def _within(errors: Errors | None) -> str:
    if errors is None or errors.within_1_sigma is None or errors.within_2_sigma is None:
        return NONE
    return f"{100 * errors.within_1_sigma:.0f} / {100 * errors.within_2_sigma:.0f}"


def _of_networks(found: OnSource) -> list[str]:
    pixels, heights, quantity = found.segmentation, found.depth, found.quantity
    food = None if heights is None else heights.food
    return [
        *(
            [NONE] * 3
            if pixels is None
            else [_percent(pixels.miou), _percent(pixels.food_kind), f"{100 * pixels.calibration_error:.1f}"]
        ),
        NONE if food is None else f"{food.mae:.2f}",
        NONE if quantity is None else _percent(quantity.top_1),
    ]


def promised(result: Accuracy) -> Iterator[str]:
    """Yield a table of the promises and whether they are kept; nothing where none applies."""
    if not result.promises:
        return
    kept = sum(promise.kept for promise in result.promises)
    yield from ("", f"## Promises: {kept} of {len(result.promises)} kept", "")
    rows = (
        (
            "kept" if promise.kept else "**not kept**",
            promise.source,
            promise.what,
            promise.run,
            _two_digits(promise.value),
            f"{'at least' if promise.at_least else 'at most'} {promise.limit:g}",
        )
        for promise in result.promises
    )
    yield from table(("", "Source", "Figure", "Run", "Value", "Limit"), rows)


def _source(source: SourceResult, pictures: Sequence[str]) -> Iterator[str]:
    yield from ("", f"## {source.name.capitalize()}", "")
    yield f"{source.about[0].upper()}{source.about[1:]}."
    set_ups = f"{source.set_ups} set-ups" if source.set_ups > 1 else "one set-up"
    yield f"{source.trays} trays of {set_ups}, {source.wells} wells."
    if source.missed_wells or source.rejected:
        yield f"Not found: {source.missed_wells} wells, and {len(source.rejected)} trays."
        yield from (f"- {code(reason)}" for reason in source.rejected)
    yield ""
    yield from table(
        (
            "Estimator",
            "MAE",
            "bias",
            "within 5",
            "within 10",
            "within 1 / 2 sigma",
            "trays' MAE",
            "clean: mean / p95",
            "clean: at most 2",
        ),
        (_estimator(one) for one in source.volumes),
    )
    first = next((one.run for one in source.volumes if one.run), "")
    shown = [one for one in source.volumes if one.run in ("", first)]
    parts: tuple[tuple[str, Callable[[Volumes], Mapping[str, Errors]]], ...] = (
        ("Kind of dish", lambda one: one.by_kind),
        ("Complication", lambda one: one.by_complication),
        ("State", lambda one: one.by_state),
        ("Set-up", lambda one: one.by_set_up),
    )
    for name, part in parts:
        if len(part(shown[0])) > 1:
            yield from ("", f"### By {name.lower()}: mean absolute error (bias)", "")
            yield from _grouped(name, [(_label(one), part(one)) for one in shown])
    yield from _networks(source.networks)
    yield from _pictures(source, pictures)


def _label(one: Volumes) -> str:
    return f"{one.run} {one.estimator}".strip()


def _estimator(one: Volumes) -> tuple[str, ...]:
    wells, clean = one.wells, one.clean
    sigmas = " / ".join(
        NONE if share is None else _percent(share) for share in (wells.within_1_sigma, wells.within_2_sigma)
    )
    return (
        _label(one),
        f"{wells.mae:.1f}",
        f"{wells.bias:+.1f}",
        _percent(wells.within_5),
        _percent(wells.within_10),
        sigmas,
        f"{one.trays.mae:.1f}",
        NONE if clean is None else f"{clean.mean:.1f} / {clean.p95:.1f}",
        NONE if clean is None else f"{_percent(clean.at_most_2)} of {clean.count}",
    )


def _grouped(name: str, columns: Sequence[tuple[str, Mapping[str, Errors]]]) -> Iterator[str]:
    """Yield a table of mean absolute errors, with the bias behind."""
    groups = columns[0][1]
    rows = (
        (
            group,
            str(errors.count),
            *(f"{part[group].mae:.1f} ({part[group].bias:+.1f})" for _, part in columns),
        )
        for group, errors in groups.items()
    )
    yield from table((name, "wells", *(label for label, _ in columns)), rows)


def _networks(found: Sequence[OnSource]) -> Iterator[str]:
    segmented = [(one.run, one.segmentation) for one in found if one.segmentation is not None]
    if segmented:
        yield from ("", "### Classes of pixels", "")
        names = list(segmented[0][1].iou)
        yield from table(
            ("Run", "mean IoU", *(f"IoU {name}" for name in names), "food kind", "of found", "accuracy"),
            (
                (
                    run,
                    *(f"{value:.3f}" for value in (one.miou, *one.iou.values())),
                    *(_percent(value) for value in (one.food_kind, one.food_kind_of_found, one.accuracy)),
                )
                for run, one in segmented
            ),
        )
    heights = [(one.run, one.depth) for one in found if one.depth is not None]
    if heights:
        yield from ("", "### Heights, mm: mean absolute error (bias)", "")
        surfaces, foods = list(heights[0][1].surface_by_class), list(heights[0][1].food_by_class)
        yield from table(
            (
                "Run",
                "surface",
                *(f"of {name}" for name in surfaces),
                "aligned",
                "food above empty",
                *(f"of {name}" for name in foods),
            ),
            (
                (
                    run,
                    _mm(one.surface),
                    *(_mm(one.surface_by_class.get(name)) for name in surfaces),
                    f"{one.aligned_mae:.2f}",
                    _mm(one.food),
                    *(_mm(one.food_by_class.get(name)) for name in foods),
                )
                for run, one in heights
            ),
        )
    judged = [(one.run, one.quantity) for one in found if one.quantity is not None]
    if judged:
        yield from ("", "### Quantity of whole trays", "")
        yield from table(
            ("Run", "trays", "right class", "MAE of the expected fraction"),
            ((run, str(one.trays), _percent(one.top_1), f"{one.mae:.1f}") for run, one in judged),
        )


def _pictures(source: SourceResult, pictures: Sequence[str]) -> Iterator[str]:
    sheets = [name for name in pictures if "worst" in name]
    for name in (name for name in pictures if name not in sheets):
        yield from ("", f"![{source.name}]({name})")
    if sheets:
        yield from ("", "### Worst trays")
        for name in sheets:
            yield from ("", f"![Worst trays, {source.name}]({name})")


def _mm(height: Height | None) -> str:
    return NONE if height is None else f"{height.mae:.2f} ({height.bias:+.2f})"


def _two_digits(value: float) -> str:
    # Adding zero turns -0.0 into 0.0.
    return f"{round(value, 2) + 0.0:.2f}"


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"
