"""`report.json`, `janban.accuracy/1`: how good the estimators and the networks are."""

from typing import Annotated, Final, Literal

from pydantic import AfterValidator, Field

from appliance.readings.model import Model

SCHEMA_ID: Final = "janban.accuracy/1"

Number = Annotated[float, AfterValidator(lambda value: round(value, 4) + 0.0)]
"""Four decimals: later digits of a sum of floats differ from one machine to the next."""

Share = Annotated[float, Field(ge=-1e-9, le=1 + 1e-9), AfterValidator(lambda value: round(value, 4) + 0.0)]


class Errors(Model):
    """Errors of leftovers, in points: hundredths of a full serving."""

    count: int = Field(ge=1, description="Wells, or trays")
    mae: Number = Field(description="Mean absolute error")
    bias: Number = Field(description="Mean of read minus true")
    within_5: Share = Field(description="Share that is off by at most 5 points")
    within_10: Share
    within_1_sigma: Share | None = Field(default=None, description="Of the stated uncertainty")
    within_2_sigma: Share | None = None


class Clean(Model):
    """What wells read of which less than 2 points are left: clean ones, with films and single grains."""

    count: int = Field(ge=1)
    mean: Number = Field(description="Mean reading in points")
    p95: Number = Field(description="What 95 of 100 stay within")
    at_most_2: Share = Field(description="Share that reads at most 2 points")


class Volumes(Model):
    """One estimator of one run on one source. `run` is empty for back projection, which has no network."""

    run: str
    estimator: str
    wells: Errors
    trays: Errors = Field(description="Of whole trays, wells weighed by the volume of their full serving")
    clean: Clean | None
    by_kind: dict[str, Errors] = Field(description="Of the dish that was served")
    by_complication: dict[str, Errors]
    by_state: dict[str, Errors] = Field(description="How what is left was left")
    by_set_up: dict[str, Errors]


class Pixels(Model):
    """Segmentation against true classes, all pixels counted together."""

    pixels: int
    miou: Share = Field(description="Mean of the classes that occur")
    iou: dict[str, Share]
    accuracy: Share = Field(description="Of all pixels")
    food_kind: Share = Field(description="Share of food pixels that are given their own kind of food")
    food_kind_by: dict[str, Share] = Field(description="The same for each kind")
    food_kind_of_found: Share = Field(description="The same, of those that are given a kind of food at all")
    confusion: tuple[tuple[int, ...], ...] = Field(description="Rows: true class; columns: given class")
    calibration_error: Share = Field(description="Expected calibration error of the confidence, 15 bins")
    reliability: tuple[tuple[Share, Share, Share], ...] = Field(
        description="Per bin: mean confidence, accuracy, share of all pixels"
    )


class Height(Model):
    """Heights in mm."""

    mae: Number
    bias: Number


class Heights(Model):
    """Depth against true heights; what is foreign or outside the tray does not count."""

    surface: Height = Field(description="Above the deck, as the network says it")
    aligned_mae: Number = Field(description="Above the deck, each picture after its best scale and shift")
    surface_by_class: dict[str, Height]
    food: Height | None = Field(description="Of food, above the map of the empty tray")
    food_by_class: dict[str, Height]


class Quantity(Model):
    """The head that judges whole trays by five classes."""

    trays: int
    top_1: Share = Field(description="Share of trays that are given their own class")
    mae: Number = Field(description="Of the expected fraction, in points, against the true mean leftover")


class OnSource(Model):
    """One run's networks on one source; nothing where the truth does not tell."""

    run: str
    segmentation: Pixels | None
    depth: Heights | None
    quantity: Quantity | None


class SourceResult(Model):
    """One source."""

    name: str
    about: str
    set_ups: int
    trays: int
    wells: int
    missed_wells: int = Field(description="Not found, and in no other figure")
    rejected: tuple[str, ...] = Field(description="Trays that were not found, and why")
    volumes: tuple[Volumes, ...]
    networks: tuple[OnSource, ...]


class NetworkResult(Model):
    """One network of a run."""

    network: str
    file: str
    sha256: str
    trained: bool | None = Field(description="False: random weights; null: not known")


class RunResult(Model):
    """What was evaluated together."""

    name: str
    networks: tuple[NetworkResult, ...]


class Promise(Model):
    """A figure that was promised, and what was found."""

    source: str
    what: str
    run: str
    value: Number
    limit: Number
    at_least: bool
    kept: bool


class Accuracy(Model):
    """The whole evaluation."""

    schema_id: Literal["janban.accuracy/1"] = Field(default=SCHEMA_ID, alias="schema")
    runs: tuple[RunResult, ...]
    sources: tuple[SourceResult, ...]
    promises: tuple[Promise, ...]
