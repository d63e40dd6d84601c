"""A card's chapters on training: what a model is for, how it was trained, and what it has never seen."""

from collections.abc import Iterator, Sequence

from appliance.inference.manifest import Meaning
from appliance.inference.record import TrainingRecord
from convert.markdown import table

_USES = {
    "inverse_depth": "the height of food on canteen trays. The map is 1 + (height above the deck in mm) / 50,"
    " so that the map of a tray minus that of the empty tray is food",
    "segmentation": "what lies where on canteen trays, by the classes below",
    "quantity": "how much of the meal is left on the whole tray, by five classes",
}

_UNSEEN = (
    "plates and bowls on the tray: food lies in the tray's own wells",
    "lenses that distort, and cameras lower than 45 cm, higher than 60 cm, or tilted by over 9 degrees",
    "dishes unlike those that the program draws: rice, soups, vegetables, meat, fish, eggs, noodles, fruit",
    "hands of every shape: those it knows are all alike, bare or gloved",
)
"""What no synthetic tray shows."""


def uses(meanings: Sequence[Meaning]) -> Iterator[str]:
    """Yield what a model that was trained on trays is for, and what not."""
    yield from ("", "## What it is for", "")
    yield f"It tells {'; and '.join(_USES[meaning] for meaning in meanings)}. It takes a photograph of one"
    yield "tray from above, rectified to the tray's outline and squeezed to the input's size."
    yield ""
    yield "It is not for weights, calories, allergens or hygiene, nor for people, rooms or food elsewhere."
    yield "Alone it measures nothing: the appliance compares with the site's own empty tray and full serving."


def training(record: TrainingRecord, title: str = "How it was trained") -> Iterator[str]:
    """Yield how the weights were made, and on what; then the same of those that they began with."""
    steps = record.settings.get("steps", record.step)
    yield from ("", f"## {title}", "")
    yield f"On synthetic trays, whose volumes are known exactly: `convert synth`, {'; '.join(record.data)}."
    yield f"First weights: {record.begun_with}. These are the weights after step {record.step} of {steps},"
    yield "the best on set-ups that it was not trained on. Pictures:"
    yield ""
    yield from table(
        ("from step", "to train on", "apart, to choose the weights by"),
        ((str(one.step), str(one.pictures), str(one.validation_pictures)) for one in record.stretches),
    )
    yield ""
    yield from table(("setting", "value"), ((name, str(value)) for name, value in record.settings.items()))
    yield ""
    figures = ((name, f"{value:.4g}") for name, value in record.validation.items())
    yield from table(("figure when the weights were chosen", "value"), figures)
    if record.sources:
        yield from ("", "What others made went into it, under the licences that they declare:", "")
        yield from table(
            ("what", "used for", "licence", "from"),
            ((one.name, one.use, one.licence, one.origin) for one in record.sources),
        )
    if record.earlier is not None:
        yield from training(record.earlier, "How the weights that it began with were trained")


def unseen() -> Iterator[str]:
    """Yield what synthetic trays do not show."""
    yield "It has never seen, and may well misjudge:"
    yield ""
    for what in _UNSEEN:
        yield f"- {what}"
