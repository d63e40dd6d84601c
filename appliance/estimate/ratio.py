"""The odds of food against steel, as ratio histograms.

A served well says what its dish looks like, an empty tray what steel looks like, and the ratio of both
histograms what tells them apart (M. J. Swain and D. H. Ballard, "Color Indexing", International Journal of
Computer Vision 7, 1991, section 4), which is what the study's plain back projection of a served well cannot
do: its histogram holds the steel around the food too.
"""

from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from appliance.estimate.appearance import Features, Floats, Gains, features, join, log_ratios
from appliance.estimate.profile import Mask
from appliance.picture import Picture

Bins = npt.NDArray[np.int32]

_CHROMA_BINS, _LIGHT_BINS, _GRAIN_BINS = 40, 16, 16
_CHROMA_RANGE, _GRAIN_RANGE = (-3.6, 3.6), (-2.0, 6.0)
_CHROMA_FINE = np.float32(0.05)
"""Below this log ratio colours are near grey and are told apart finely, above it proportionally."""

_COLOUR_LIMIT, _SURFACE_LIMIT = 4.0, 3.0
_FLOOR_MASS = 0.02
"""Share of a histogram spread evenly, for colours that no reference showed."""

_SAMPLES = 20000
_FILM_OPACITY = (0.1, 0.7)
"""How much of a stain's colour is the food's: up to this it is a film, whose volume is nothing."""

_BALANCE_ERROR = 0.025
"""Standard error of the white balance taken from a tray's deck, as a log ratio."""

_EXPOSURES = (1.0, 1.0, 0.85, 1.25, 1.8, 2.5)
"""Relative exposures that a reference is learnt at; 1 twice, because it is the likeliest."""

_DEFOCUS_PX = 1.2


@dataclass(frozen=True, eq=False)
class Samples:
    """Pixels of a reference: their features and their balanced colours, (N, 3) float32 blue-green-red."""

    features: Features
    colours: Floats


@dataclass(frozen=True, eq=False)
class FoodModel:
    """The log odds of one dish against steel: two look-up tables, whose values are added.

    `colour` is indexed by (red_green, blue_green) bins, `surface` by (light, grain) bins; natural logarithms,
    float32, clipped to a few units so that neither rules alone.
    """

    colour: Floats
    surface: Floats

    def log_odds(self, seen: Features) -> Floats:
        """Return the log odds of food per pixel, in the features' shape."""
        odds: Floats = self.colour.ravel()[_colour_bins(seen)] + self.surface.ravel()[_surface_bins(seen)]
        return odds


def reference_samples(rectified: Picture, gains: Gains, px_per_mm: float, where: Mask) -> Samples:
    """Return the pixels of a reference as other exposures and focus would show them too.

    Lamps and the camera's exposure differ from tray to tray and a moving tray is blurred, so a reference
    stands for its neighbours.
    """
    pictures = [cv2.LUT(rectified, _tone(exposure)).astype(np.uint8) for exposure in _EXPOSURES]
    pictures.append(np.asarray(cv2.GaussianBlur(rectified, (0, 0), _DEFOCUS_PX), np.uint8))
    parts = [features(picture, gains, px_per_mm).take(where) for picture in pictures]
    colours = np.concatenate([picture[where] for picture in pictures]).astype(np.float32)
    return Samples(join(parts), colours * np.array(gains, np.float32))


def food_model(food: Samples, steel: Samples, seed: int = 0) -> FoodModel:
    """Return what tells a dish from bare steel and from a film of its own sauce on steel.

    A film is steel whose colour is partly the food's and whose grain is steel's: composites of random pairs.
    """
    random = np.random.default_rng(seed)
    i = random.integers(len(steel.colours), size=_SAMPLES)
    j = random.integers(len(food.colours), size=_SAMPLES)
    opacity = random.uniform(*_FILM_OPACITY, (_SAMPLES, 1)).astype(np.float32)
    mixed = (1 - opacity) * steel.colours[i] + opacity * food.colours[j]
    film = Features(*log_ratios(mixed), mixed.max(axis=1), steel.features.grain[i])
    bare = steel.features.take(random.integers(len(steel.colours), size=_SAMPLES))
    return _ratio(_off_balance(food.features, random), _off_balance(join([bare, film]), random))


def not_steel_model(steel: Samples) -> FoodModel:
    """Return what tells bare steel from anything else, for a tray whose dishes were never shown."""
    colour = -np.log(_density(_colour_bins(steel.features), (_CHROMA_BINS, _CHROMA_BINS)) * _CHROMA_BINS**2)
    return FoodModel(
        np.clip(colour, -_COLOUR_LIMIT, _COLOUR_LIMIT).astype(np.float32),
        np.zeros((_LIGHT_BINS, _GRAIN_BINS), np.float32),
    )


def _off_balance(sample: Features, random: np.random.Generator) -> Features:
    """Return a sample as trays show it whose white balance is a little off."""
    size = (2, *sample.light.shape)
    red, blue = random.normal(0.0, _BALANCE_ERROR, size).astype(np.float32)
    return Features(sample.red_green + red, sample.blue_green + blue, sample.light, sample.grain)


def _tone(exposure: float) -> npt.NDArray[np.uint8]:
    """Return the look-up table of another exposure: a gain in the shadows, a soft shoulder at white."""
    dark = 1.0 - np.arange(256) / 255.0
    return np.asarray(np.round(255.0 * (1.0 - dark**exposure)), np.uint8)


def _ratio(food: Features, steel: Features) -> FoodModel:
    colour, surface = (_CHROMA_BINS, _CHROMA_BINS), (_LIGHT_BINS, _GRAIN_BINS)
    colours = np.log(_density(_colour_bins(food), colour) / _density(_colour_bins(steel), colour))
    surfaces = np.log(_density(_surface_bins(food), surface) / _density(_surface_bins(steel), surface))
    return FoodModel(
        np.clip(colours, -_COLOUR_LIMIT, _COLOUR_LIMIT).astype(np.float32),
        np.clip(surfaces, -_SURFACE_LIMIT, _SURFACE_LIMIT).astype(np.float32),
    )


def _quantise(values: Floats, low: float, high: float, bins: int) -> Bins:
    scaled = (values - np.float32(low)) * np.float32(bins / (high - low))
    return np.asarray(np.clip(scaled, 0, bins - 1), np.int32)


def _colour_bins(seen: Features) -> Bins:
    red = _quantise(np.arcsinh(seen.red_green / _CHROMA_FINE), *_CHROMA_RANGE, _CHROMA_BINS)
    blue = _quantise(np.arcsinh(seen.blue_green / _CHROMA_FINE), *_CHROMA_RANGE, _CHROMA_BINS)
    return np.asarray(red * np.int32(_CHROMA_BINS) + blue, np.int32)


def _surface_bins(seen: Features) -> Bins:
    light = _quantise(seen.light, 0.0, 256.0, _LIGHT_BINS)
    grain = _quantise(seen.grain, *_GRAIN_RANGE, _GRAIN_BINS)
    return np.asarray(light * np.int32(_GRAIN_BINS) + grain, np.int32)


def _density(bins: Bins, shape: tuple[int, int]) -> Floats:
    """Return a smoothed histogram over two axes whose sum is about 1, with a little mass everywhere."""
    counts = np.bincount(bins.ravel(), minlength=shape[0] * shape[1]).reshape(shape).astype(np.float32)
    smooth = cv2.GaussianBlur(counts, (0, 0), 1.0, borderType=cv2.BORDER_REPLICATE)
    share = smooth / max(float(smooth.sum()), 1.0)
    return np.asarray((1 - _FLOOR_MASS) * share + _FLOOR_MASS / share.size, np.float32)
