"""Leftovers by back projection: the original study's method, and a better one built on the same idea.

The default (`method="ratio"`) projects back the ratio of food's and steel's histograms (`ratio`), which gives
the odds of food per pixel. What that food fills follows from the well's shape (`profile`): a liquid by the
level of its waterline (`waterline`), solids by the surface that their outline on the tapered wall spans
(`heap`). The study's own method (`method="study"`) compares areas.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from appliance.estimate.amount import (
    UNDECIDED_ODDS,
    Amount,
    DishKind,
    liquid_amount,
    pieces,
    solid_amount,
)
from appliance.estimate.appearance import Features, Floats, Gains, features, white_balance
from appliance.estimate.deck import deck_mask
from appliance.estimate.estimate import Estimate
from appliance.estimate.heap import NOMINAL_EDGE_MM, heap_volume_cm3, served_edge_mm
from appliance.estimate.parameters import BackProjectionParameters
from appliance.estimate.profile import Mask, WellProfile, well_profile
from appliance.estimate.ratio import FoodModel, Samples, food_model, not_steel_model, reference_samples
from appliance.estimate.study import StudyReference, study_mask, study_reference
from appliance.estimate.waterline import WallMap, fit_waterline, wall_map
from appliance.picture import Picture
from appliance.tray.references import Calibration

__all__ = [
    "BackProjectionParameters",
    "CompartmentEstimate",
    "References",
    "estimate",
    "prepare",
    "told_kinds",
]

_NOMINAL_LEVEL = 0.6
"""How full a well counts as served where no full reference was taken."""

_LEAST_ERROR, _FULL_ERROR, _MODEL_ERROR, _HIDDEN_ERROR, _NO_FULL_ERROR = 0.02, 0.04, 0.35, 0.3, 0.35
"""Standard deviations: of an empty well's reading; the more of a full one's; of the well's model, times
p (1 - p); of a hidden well; of not knowing a full serving. On the rendered bench 96 of 100 wells lie within
two of their sum."""

_LUMP_MM, _OTHER_ODDS, _MIXED_SHARE = 5.0, 2.0, 0.1
"""Lumps of this size are another dish where its odds are this much higher; from this share of the well on."""

_HIDDEN = 0.02
_SMOOTHING_PX = 5
_WALL_FOOT, _SERVED_ON_WALL, _SERVED_ON_FLOOR = 0.3, 0.5, 2.8
_DEMAND = 0.3
"""Food must look this much like food, relative to the served dish: films and mirrored food do not."""

_LEVEL_SECTORS, _SPREAD_PER_GRAIN, _LIQUID_ROUGHNESS = 0.8, 0.05, 2.4
"""A liquid's outline is seen almost all round; grain and 0.05 of spread of its level weigh the same."""


@dataclass(frozen=True, eq=False)
class CompartmentEstimate:
    """What is left in one compartment.

    `food_mask` marks what was taken for food, in the rectified picture's shape. `kind` is the dish's, judged
    from the full reference; `full_cm3` the estimated volume of its full serving.
    """

    estimate: Estimate
    food_mask: Mask
    kind: DishKind
    full_cm3: float


@dataclass(frozen=True, eq=False)
class Dish:
    """What the references show of one compartment.

    `demand` is the least log odds of food; `edge_mm` how high this dish stands where no wall holds it;
    `full_mask` and `full_cm3` what its full serving covers and fills.
    """

    profile: WellProfile
    wall: WallMap
    model: FoodModel
    demand: float
    kind: DishKind
    edge_mm: float
    full_mask: Mask
    full_cm3: float
    study: StudyReference | None


@dataclass(frozen=True, eq=False)
class References:
    """What `prepare` learnt from a calibration; `served` tells whether a full reference was among it."""

    parameters: BackProjectionParameters
    px_per_mm: float
    deck: Mask
    dishes: dict[int, Dish]
    served: bool


def prepare(calibration: Calibration, parameters: BackProjectionParameters) -> References:
    """Learn every dish's looks and full volume from a calibration; takes about a second on one core.

    Raises ValueError for the study's method without a full reference, which it cannot do without.
    """
    if calibration.full is None and parameters.method == "study":
        raise ValueError("the study's method needs a full reference")
    shape = (calibration.empty.shape[0], calibration.empty.shape[1])
    scale = calibration.px_per_mm
    profiles = {c.id: well_profile(c, scale, shape) for c in calibration.layout.compartments}
    openings = np.zeros(shape, np.bool_)
    for profile in profiles.values():
        openings[profile.crop] |= profile.opening
    deck = deck_mask(openings, scale, calibration.layout.corner_radius_mm)
    empty, full = calibration.empty, calibration.full
    steel = reference_samples(empty, white_balance(empty, deck), scale, openings | deck)
    if full is None:
        model = not_steel_model(steel)
        dishes = {id_: _unknown_dish(profile, model) for id_, profile in profiles.items()}
    else:
        gains = white_balance(full, deck)
        dishes = {
            id_: _served_dish(full, gains, profile, _model(full, gains, profile, steel), parameters)
            for id_, profile in profiles.items()
        }
    return References(parameters, scale, deck, dishes, full is not None)


def told_kinds(references: References, calibration: Calibration, kinds: Mapping[int, DishKind]) -> References:
    """Return references whose dishes are of the kinds that somebody else is sure of, by compartment id.

    Segmentation tells rice from a soup better than a level edge and a smooth surface do, above all on small
    or blurred pictures. `calibration` is the one that `references` were prepared from. Takes some
    milliseconds for each dish that is another kind than was thought.
    """
    full = calibration.full
    if full is None:
        return references
    gains = white_balance(full, references.deck)
    dishes = {
        id_: dish
        if kinds.get(id_, dish.kind) == dish.kind
        else _served_dish(full, gains, dish.profile, dish.model, references.parameters, kind=kinds[id_])
        for id_, dish in references.dishes.items()
    }
    return replace(references, dishes=dishes)


def estimate(rectified: Picture, valid: Mask, references: References) -> dict[int, CompartmentEstimate]:
    """Return what is left in every compartment of a rectified tray.

    `rectified` has the shape of the references, `valid` marks its pixels that the picture really shows.
    """
    gains = white_balance(rectified, references.deck & valid)
    found = {}
    for id_, dish in references.dishes.items():
        crop = dish.profile.crop
        picture, known = np.ascontiguousarray(rectified[crop]), dish.profile.opening & valid[crop]
        if dish.study is not None and references.parameters.method == "study":
            answer, mask = _study_judgement(picture, known, dish.study, references.parameters)
        else:
            seen = features(picture, gains, references.px_per_mm)
            odds = _smooth(dish.model.log_odds(seen)) - np.float32(dish.demand)
            answer, mask = _judgement(odds, known, dish, served=references.served)
            if dish.kind == "liquid" and _is_mixed(seen, odds, known, dish, references):
                answer = replace(answer, flags=(*answer.flags, "mixed"))
        food_mask = np.zeros(valid.shape, np.bool_)
        food_mask[crop] = mask
        found[id_] = CompartmentEstimate(answer, food_mask, dish.kind, dish.full_cm3)
    return found


def _smooth(odds: Floats) -> Floats:
    return cv2.blur(odds, (_SMOOTHING_PX, _SMOOTHING_PX)).astype(np.float32)


def _model(full: Picture, gains: Gains, profile: WellProfile, steel: Samples) -> FoodModel:
    served = np.ascontiguousarray(full[profile.crop])
    return food_model(reference_samples(served, gains, profile.px_per_mm, profile.floor), steel)


def _served_dish(
    full: Picture,
    gains: Gains,
    profile: WellProfile,
    model: FoodModel,
    parameters: BackProjectionParameters,
    *,
    kind: DishKind | None = None,
) -> Dish:
    served = np.ascontiguousarray(full[profile.crop])
    seen = features(served, gains, profile.px_per_mm)
    odds = _smooth(model.log_odds(seen))
    wall = wall_map(profile)
    kind = kind or _kind(seen, odds, profile, wall)
    demand = 0.0 if kind == "liquid" else _DEMAND * float(np.median(odds[profile.floor]))
    dish = Dish(
        profile=profile,
        wall=wall,
        model=model,
        demand=demand,
        kind=kind,
        edge_mm=served_edge_mm(pieces(odds - demand, profile), profile),
        full_mask=profile.opening,
        full_cm3=1.0,
        study=study_reference(served, profile.opening, parameters),
    )
    amount = _amount(odds - demand, profile.opening, dish)
    return replace(dish, full_mask=amount.mask, full_cm3=max(amount.volume_cm3, 1e-6))


def _unknown_dish(profile: WellProfile, model: FoodModel) -> Dish:
    return Dish(
        profile=profile,
        wall=wall_map(profile),
        model=model,
        demand=0.0,
        kind="solid",
        edge_mm=NOMINAL_EDGE_MM,
        full_mask=profile.opening,
        full_cm3=profile.volume_at(_NOMINAL_LEVEL),
        study=None,
    )


def _kind(seen: Features, odds: Floats, profile: WellProfile, wall: WallMap) -> DishKind:
    """Judge a served dish: a liquid ends in one level line and is smooth at least in places."""
    foot = profile.opening & (profile.level > 0) & (profile.level < _WALL_FOOT)
    # The model was learnt on this floor, so a bare floor fits it too, but not the bare wall around it.
    on_wall = float(odds[foot].mean()) if foot.any() else 0.0
    if on_wall < _SERVED_ON_WALL and float(np.median(odds[profile.floor])) < _SERVED_ON_FLOOR:
        return "unserved"
    line = fit_waterline(odds, profile.opening, wall)
    grain = float(np.percentile(seen.grain[profile.floor], 25))
    roughness = grain + line.spread / _SPREAD_PER_GRAIN
    return "liquid" if line.sectors > _LEVEL_SECTORS and roughness < _LIQUID_ROUGHNESS else "solid"


def _amount(odds: Floats, known: Mask, dish: Dish) -> Amount:
    if dish.kind == "liquid":
        return liquid_amount(odds, known, dish.profile, dish.wall)
    return solid_amount(odds, known, dish.profile, dish.edge_mm)


def _judgement(odds: Floats, known: Mask, dish: Dish, *, served: bool) -> tuple[Estimate, Mask]:
    profile = dish.profile
    hidden = 1.0 - float(np.count_nonzero(known)) / max(float(np.count_nonzero(profile.opening)), 1.0)
    seen = _amount(odds, known, dish)
    full_cm3 = dish.full_cm3
    if hidden > _HIDDEN and dish.kind != "liquid":
        # What is hidden is taken to be like the rest.
        full_cm3 = max(heap_volume_cm3(dish.full_mask & known, profile, dish.edge_mm), 0.1 * full_cm3)
    leftover = 0.0 if dish.kind == "unserved" else min(seen.volume_cm3 / full_cm3, 1.0)
    model_error = _LEAST_ERROR + _MODEL_ERROR * leftover * (1.0 - leftover) + _FULL_ERROR * leftover
    errors = [model_error, seen.error_cm3 / dish.full_cm3, _HIDDEN_ERROR * hidden]
    if not served:
        errors.append(_NO_FULL_ERROR)
    sigma = float(np.linalg.norm(errors))
    decided = float((np.abs(odds[known]) > UNDECIDED_ODDS).mean()) if known.any() else 0.0
    flags = {
        "cut": hidden > _HIDDEN,
        "no_full_reference": not served,
        "unserved": dish.kind == "unserved",
    }
    raised = tuple(flag for flag, is_raised in flags.items() if is_raised)
    return Estimate(leftover, min(sigma, 0.5), decided * (1.0 - hidden), raised), seen.mask


def _is_mixed(seen: Features, odds: Floats, known: Mask, dish: Dish, references: References) -> bool:
    """Tell whether other dishes lie in a liquid: people scrape their leftovers into the soup.

    Solids are not asked: a dish's own film and shadows look too much like another dish.
    """
    side = 2 * round(_LUMP_MM * references.px_per_mm / 2) + 1
    others = [
        cv2.blur(d.model.log_odds(seen), (side, side)) for d in references.dishes.values() if d is not dish
    ]
    if not others:
        return False
    best = np.maximum.reduce(others)
    other = known & (best > _OTHER_ODDS) & (best > cv2.blur(odds, (side, side)) + _OTHER_ODDS)
    return bool(np.count_nonzero(other) > _MIXED_SHARE * np.count_nonzero(known))


def _study_judgement(
    picture: Picture, known: Mask, study: StudyReference, parameters: BackProjectionParameters
) -> tuple[Estimate, Mask]:
    """Return the study's answer: matching area over the served well's own; it says nothing of its error."""
    mask = study_mask(picture, known, study, parameters)
    leftover = min(np.count_nonzero(mask) / max(study.area_px, 1), 1.0)
    return Estimate(leftover, 0.5, 0.5, ("area_only",)), mask
