"""The dishes: what they are made of, how they are heaped, what they leave behind."""

from dataclasses import dataclass

from convert.synth.pieces import Span, Style


@dataclass(frozen=True)
class Dish:
    """A dish. `kind`: rice, liquid or solid.

    `fill`: mean height of a full serving, as a share of the well's depth; `dome` mm how much it rises in the
    middle; `sauce` the colour of its film and `sauce_opacity` how strong; a liquid's `clear` is the
    extinction per mm (0.05 a clear broth, 1 milky), `oil` whether drops of fat swim on it.
    """

    name: str
    kind: str
    fill: Span
    dome: Span
    pieces: tuple[Style, ...]
    sauce: str
    sauce_opacity: Span = (0.2, 0.7)
    colour: tuple[str, ...] = ()
    clear: Span = (0.1, 0.3)
    oil: bool = False
    grain: float = 1.0


def _rice(name: str, *colours: str) -> Dish:
    return Dish(name, "rice", (0.5, 1.0), (3, 16), (), "#e8e4da", (0.08, 0.4), colours)


RICES = (
    _rice("white_rice", "#efece4", "#e6e1d4"),
    _rice("white_rice_warm", "#ece5d2", "#f2eee6"),
    _rice("multigrain_rice", "#c9b6a0", "#8b6a58", "#5a3a44", "#d9c7a8"),
    _rice("black_rice", "#a58a97", "#6d4d66", "#3c2436"),
    _rice("barley_rice", "#d8c8a6", "#c7b186", "#efe6d0"),
    _rice("fried_rice", "#d9b26a", "#c99a4c", "#c25a3a", "#7da04a", "#e9cf8e"),
    _rice("bean_rice", "#e8e0d0", "#e2d6c2", "#5b2f2a"),
)

_TOFU = Style("box", (9, 15), (9, 14), (7, 12), ("#efe3c3", "#e6d7ae"), 0.35, soft=False, mottle=0.04)
_ONION_RING = Style("ball", (4, 8), (4, 8), (1, 2), ("#5f8f35", "#86ad58", "#3f6b2b"), 0.35)
_SEAWEED = Style("leaf", (15, 45), (8, 22), (1.5, 3.5), ("#26351d", "#1c2a1a", "#364522"), 0.2)
SPROUT = Style("strand", (25, 60), (2.2, 3.4), (2, 3), ("#e9e0bd", "#dfd3a3"), 0.3, bend=0.25)
_MEAT_BIT = Style("blob", (12, 26), (8, 18), (5, 12), ("#6b4531", "#54331f", "#8a6044"), 0.4, soft=False)
POTATO = Style("box", (12, 24), (10, 20), (8, 16), ("#d8b765", "#cfa954", "#e2c87e"), 0.45, soft=False)
_RADISH = Style("box", (10, 22), (10, 20), (3, 6), ("#dfdccb", "#d5d0b8"), 0.3, soft=False)
_CABBAGE = Style("leaf", (18, 45), (10, 24), (2, 5), ("#b9a86a", "#93834a", "#d0c490"), 0.3, gradient=True)
_EGG_FLAKE = Style("leaf", (10, 30), (6, 16), (1.5, 4), ("#ecd58c", "#e9c867", "#f3e8c0"), 0.35)
MUSHROOM = Style("strip", (14, 32), (5, 9), (3, 6), ("#8a7355", "#5c4833", "#bfa987"), 0.35)
_RICE_CAKE = Style("box", (22, 45), (8, 12), (8, 11), ("#f0e9dc", "#e2cdb0"), 0.25, soft=False)
NOODLE = Style("strand", (40, 80), (2.4, 4.2), (2.2, 3.6), ("#ead9b0", "#e0c891", "#d5b679"), 0.25, bend=0.35)


def _soup(
    name: str, colours: tuple[str, ...], clear: Span, pieces: tuple[Style, ...], *, oil: bool = False
) -> Dish:
    return Dish(name, "liquid", (0.45, 0.85), (0, 0), pieces, colours[0], (0.1, 0.5), colours, clear, oil)


SOUPS = (
    _soup("doenjang_soup", ("#8f6335", "#7d5226", "#a37a46"), (0.12, 0.4), (_TOFU, _ONION_RING, POTATO)),
    _soup("miso_soup", ("#a8804d", "#b98f58"), (0.08, 0.3), (_TOFU, _SEAWEED, _ONION_RING)),
    _soup("seaweed_soup", ("#6f6b35", "#59592c"), (0.05, 0.15), (_SEAWEED, _MEAT_BIT)),
    _soup(
        "spicy_beef_soup",
        ("#a02d12", "#8c2410", "#b5421a"),
        (0.15, 0.5),
        (_MEAT_BIT, SPROUT, _ONION_RING),
        oil=True,
    ),
    _soup("kimchi_stew", ("#b0441c", "#a03515"), (0.15, 0.5), (_TOFU, _CABBAGE, _ONION_RING), oil=True),
    _soup("bone_soup", ("#e0d8c6", "#d6cbb4"), (0.3, 0.9), (_ONION_RING, _MEAT_BIT)),
    _soup("cream_soup", ("#e8d9a8", "#e3cd8d"), (0.6, 1.2), (POTATO,)),
    _soup("sprout_soup", ("#d2c48d", "#c7b77a"), (0.02, 0.08), (SPROUT, _ONION_RING)),
    _soup("radish_soup", ("#c8bd94", "#bfae7c"), (0.03, 0.1), (_RADISH, _MEAT_BIT, _ONION_RING)),
    _soup("curry", ("#b9781f", "#a8691c", "#c98a2c"), (0.6, 1.2), (POTATO, _MEAT_BIT)),
    _soup("black_bean_sauce", ("#2b1810", "#22130c"), (0.6, 1.2), (POTATO, _MEAT_BIT)),
    _soup("egg_soup", ("#d8bf72", "#cdb264"), (0.05, 0.2), (_EGG_FLAKE, _ONION_RING)),
    _soup("noodle_soup", ("#c9a765", "#b98d48"), (0.05, 0.2), (NOODLE, _ONION_RING, MUSHROOM)),
    _soup("rice_cake_soup", ("#d9d0bb", "#cabf9f"), (0.1, 0.4), (_RICE_CAKE, _EGG_FLAKE, _ONION_RING)),
    _soup("sweet_drink", ("#8a3a18", "#6b2a12", "#d8a24c"), (0.02, 0.1), ()),
)


def side(
    name: str,
    pieces: tuple[Style, ...],
    sauce: str,
    *,
    fill: Span = (0.5, 1.0),
    dome: Span = (1, 12),
    sauce_opacity: Span = (0.15, 0.6),
) -> Dish:
    """Return a solid dish."""
    return Dish(name, "solid", fill, dome, pieces, sauce, sauce_opacity)
