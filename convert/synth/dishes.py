"""The dishes: what they are made of, how they are heaped, what they leave behind."""

from dataclasses import dataclass

from convert.synth.pieces import Span, Style


@dataclass(frozen=True)
class Dish:
    """A dish. `kind`: rice, liquid or solid.

    `fill`: mean height of a full serving, as a share of the well's depth; `dome` mm how much it rises in the
    middle; `sauce` the colour of its film and `sauce_opacity` how strong; a liquid's `clear` is the extinction
    per mm (0.05 a clear broth, 1 milky), `oil` whether drops of fat swim on it.
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
_SPROUT = Style("strand", (25, 60), (2.2, 3.4), (2, 3), ("#e9e0bd", "#dfd3a3"), 0.3, bend=0.25)
_MEAT_BIT = Style("blob", (12, 26), (8, 18), (5, 12), ("#6b4531", "#54331f", "#8a6044"), 0.4, soft=False)
_POTATO = Style("box", (12, 24), (10, 20), (8, 16), ("#d8b765", "#cfa954", "#e2c87e"), 0.45, soft=False)
_RADISH = Style("box", (10, 22), (10, 20), (3, 6), ("#dfdccb", "#d5d0b8"), 0.3, soft=False)
_CABBAGE = Style("leaf", (18, 45), (10, 24), (2, 5), ("#b9a86a", "#93834a", "#d0c490"), 0.3, gradient=True)
_EGG_FLAKE = Style("leaf", (10, 30), (6, 16), (1.5, 4), ("#ecd58c", "#e9c867", "#f3e8c0"), 0.35)
_MUSHROOM = Style("strip", (14, 32), (5, 9), (3, 6), ("#8a7355", "#5c4833", "#bfa987"), 0.35)
_RICE_CAKE = Style("box", (22, 45), (8, 12), (8, 11), ("#f0e9dc", "#e2cdb0"), 0.25, soft=False)
_NOODLE = Style(
    "strand", (40, 80), (2.4, 4.2), (2.2, 3.6), ("#ead9b0", "#e0c891", "#d5b679"), 0.25, bend=0.35
)


def _soup(
    name: str, colours: tuple[str, ...], clear: Span, pieces: tuple[Style, ...], *, oil: bool = False
) -> Dish:
    return Dish(name, "liquid", (0.45, 0.85), (0, 0), pieces, colours[0], (0.1, 0.5), colours, clear, oil)


SOUPS = (
    _soup("doenjang_soup", ("#8f6335", "#7d5226", "#a37a46"), (0.12, 0.4), (_TOFU, _ONION_RING, _POTATO)),
    _soup("miso_soup", ("#a8804d", "#b98f58"), (0.08, 0.3), (_TOFU, _SEAWEED, _ONION_RING)),
    _soup("seaweed_soup", ("#6f6b35", "#59592c"), (0.05, 0.15), (_SEAWEED, _MEAT_BIT)),
    _soup(
        "spicy_beef_soup",
        ("#a02d12", "#8c2410", "#b5421a"),
        (0.15, 0.5),
        (_MEAT_BIT, _SPROUT, _ONION_RING),
        oil=True,
    ),
    _soup("kimchi_stew", ("#b0441c", "#a03515"), (0.15, 0.5), (_TOFU, _CABBAGE, _ONION_RING), oil=True),
    _soup("bone_soup", ("#e0d8c6", "#d6cbb4"), (0.3, 0.9), (_ONION_RING, _MEAT_BIT)),
    _soup("cream_soup", ("#e8d9a8", "#e3cd8d"), (0.6, 1.2), (_POTATO,)),
    _soup("sprout_soup", ("#d2c48d", "#c7b77a"), (0.02, 0.08), (_SPROUT, _ONION_RING)),
    _soup("radish_soup", ("#c8bd94", "#bfae7c"), (0.03, 0.1), (_RADISH, _MEAT_BIT, _ONION_RING)),
    _soup("curry", ("#b9781f", "#a8691c", "#c98a2c"), (0.6, 1.2), (_POTATO, _MEAT_BIT)),
    _soup("black_bean_sauce", ("#2b1810", "#22130c"), (0.6, 1.2), (_POTATO, _MEAT_BIT)),
    _soup("egg_soup", ("#d8bf72", "#cdb264"), (0.05, 0.2), (_EGG_FLAKE, _ONION_RING)),
    _soup("noodle_soup", ("#c9a765", "#b98d48"), (0.05, 0.2), (_NOODLE, _ONION_RING, _MUSHROOM)),
    _soup("rice_cake_soup", ("#d9d0bb", "#cabf9f"), (0.1, 0.4), (_RICE_CAKE, _EGG_FLAKE, _ONION_RING)),
    _soup("sweet_drink", ("#8a3a18", "#6b2a12", "#d8a24c"), (0.02, 0.1), ()),
)


def _side(
    name: str,
    pieces: tuple[Style, ...],
    sauce: str,
    *,
    fill: Span = (0.5, 1.0),
    dome: Span = (1, 12),
    sauce_opacity: Span = (0.15, 0.6),
) -> Dish:
    return Dish(name, "solid", fill, dome, pieces, sauce, sauce_opacity)


_SESAME = ("#e8d7a8",)
_CHILI = ("#7d1208", "#b3240f")
SIDES = (
    _side(
        "kimchi",
        (
            Style(
                "leaf",
                (20, 45),
                (12, 26),
                (3, 7),
                ("#c8401c", "#d98a4a", "#e8d6a8", "#b02c10"),
                0.2,
                gradient=True,
                flecks=_CHILI,
            ),
            Style(
                "box",
                (16, 30),
                (12, 20),
                (3, 7),
                ("#e2b98a", "#d2622e", "#efe0c0"),
                0.2,
                gradient=True,
                flecks=_CHILI,
            ),
        ),
        "#c04a1c",
        sauce_opacity=(0.2, 0.8),
    ),
    _side(
        "radish_kimchi",
        (
            Style(
                "box",
                (13, 20),
                (12, 19),
                (10, 16),
                ("#cf4a22", "#d8693c", "#e09a70"),
                0.2,
                soft=False,
                flecks=_CHILI,
            ),
        ),
        "#c2401a",
        sauce_opacity=(0.2, 0.8),
    ),
    _side(
        "spinach",
        (
            Style("leaf", (18, 40), (8, 18), (2, 5), ("#2c4d1a", "#1f3a14", "#3f6326"), 0.3, flecks=_SESAME),
            Style("strand", (25, 50), (2.5, 4), (2, 4), ("#5d8238", "#48702c"), 0.3, bend=0.3),
        ),
        "#3c4a1c",
        sauce_opacity=(0.05, 0.3),
    ),
    _side(
        "bean_sprouts",
        (_SPROUT, Style("ball", (4, 6), (4, 5), (3, 4), ("#d9b44a",), 0.35)),
        "#cdbb80",
        sauce_opacity=(0.05, 0.3),
    ),
    _side(
        "broccoli",
        (Style("floret", (20, 36), (18, 32), (12, 20), ("#3d6b23", "#54812f", "#2f5720"), 0.6, soft=False),),
        "#5d7a3a",
        sauce_opacity=(0.03, 0.2),
    ),
    _side(
        "cucumber",
        (
            Style(
                "ball",
                (24, 34),
                (22, 32),
                (4, 6),
                ("#bcc98a", "#a8bb70", "#d7dcae"),
                0.25,
                soft=False,
                flecks=_CHILI,
            ),
            Style("strip", (18, 34), (7, 11), (4, 7), ("#4d7a30", "#9fb76a"), 0.25, flecks=_CHILI),
        ),
        "#a8461f",
    ),
    _side(
        "salad",
        (
            Style("leaf", (22, 48), (14, 32), (3, 8), ("#7fa640", "#a6c464", "#5b8a2e", "#cfdc96"), 0.35),
            Style("strip", (20, 45), (3, 6), (2, 4), ("#8a3a6a", "#d8d2dc", "#e0792a"), 0.35),
            Style("ball", (14, 20), (14, 20), (12, 18), ("#c02a18",), 0.12, soft=False),
        ),
        "#d8c890",
        sauce_opacity=(0.1, 0.4),
    ),
    _side(
        "bulgogi",
        (
            Style(
                "strip",
                (22, 48),
                (10, 20),
                (2.5, 6),
                ("#5b3620", "#6f4529", "#432616"),
                0.25,
                flecks=_SESAME,
                bend=0.3,
            ),
            Style("strand", (20, 40), (3, 5), (2, 3), ("#c9a267", "#d98a3a", "#6d8a3a"), 0.3),
        ),
        "#5d3517",
    ),
    _side(
        "spicy_pork",
        (
            Style(
                "strip",
                (20, 45),
                (12, 22),
                (3, 7),
                ("#9c3a18", "#a84a22", "#7a2a12"),
                0.18,
                flecks=_SESAME,
                bend=0.3,
            ),
            Style("strip", (20, 36), (5, 9), (2, 4), ("#d89a5a", "#5f7d34"), 0.25),
        ),
        "#a8340f",
        sauce_opacity=(0.25, 0.9),
    ),
    _side(
        "anchovy",
        (
            Style(
                "strand",
                (16, 32),
                (3, 5),
                (2.5, 4),
                ("#8f6a3c", "#a98553", "#6d4b28"),
                0.25,
                flecks=_SESAME,
                bend=0.12,
            ),
        ),
        "#6b4520",
        sauce_opacity=(0.1, 0.4),
    ),
    _side(
        "fish_cake",
        (
            Style("leaf", (22, 40), (14, 26), (2.5, 4.5), ("#c79a5a", "#d9b67c", "#a8773a"), 0.25, soft=True),
            Style("strand", (20, 35), (3, 5), (2, 3), ("#6d8a3a", "#d0822f"), 0.3),
        ),
        "#8a5a28",
    ),
    _side(
        "potato_braised",
        (_POTATO, Style("box", (10, 18), (9, 16), (7, 13), ("#cf7a2e",), 0.35, soft=False)),
        "#7a4a1e",
    ),
    _side(
        "tofu",
        (
            Style(
                "box",
                (24, 42),
                (20, 34),
                (9, 14),
                ("#e5cf98", "#d9b56c", "#efe2c2"),
                0.35,
                soft=False,
                flecks=_CHILI,
            ),
        ),
        "#a85a2a",
    ),
    _side(
        "egg_roll",
        (
            Style(
                "box",
                (22, 34),
                (16, 26),
                (12, 20),
                ("#e8bf4a", "#e2b03a", "#efd27c"),
                0.4,
                soft=False,
                flecks=("#4f7a2c", "#d0602a"),
            ),
        ),
        "#d8b060",
        sauce_opacity=(0.02, 0.15),
    ),
    _side(
        "scrambled_egg",
        (Style("blob", (12, 26), (10, 20), (5, 11), ("#eac75c", "#e6bb48", "#f0d98c"), 0.4),),
        "#e0bf60",
        sauce_opacity=(0.02, 0.2),
    ),
    _side(
        "cutlet",
        (
            Style(
                "slab",
                (75, 105),
                (48, 70),
                (11, 16),
                ("#b0702c", "#9a5c22", "#c08540"),
                0.6,
                soft=False,
                mottle=0.22,
                flecks=("#d8a860", "#7a4418"),
            ),
        ),
        "#6b3616",
        fill=(0.45, 0.7),
        dome=(0, 6),
    ),
    _side(
        "nuggets",
        (
            Style(
                "slab",
                (28, 44),
                (22, 34),
                (11, 17),
                ("#c08034", "#b0702a", "#d09a50"),
                0.55,
                soft=False,
                mottle=0.2,
                flecks=("#e0b870", "#8a5420"),
            ),
        ),
        "#a06428",
        sauce_opacity=(0.02, 0.25),
    ),
    _side(
        "fried_chicken_sauce",
        (
            Style(
                "blob",
                (26, 42),
                (20, 32),
                (14, 24),
                ("#a03c14", "#8a2c0e", "#b8501c"),
                0.12,
                soft=False,
                flecks=_SESAME,
            ),
        ),
        "#a8340f",
        sauce_opacity=(0.25, 0.9),
    ),
    _side(
        "grilled_fish",
        (
            Style(
                "slab",
                (70, 105),
                (34, 52),
                (9, 15),
                ("#8d744f", "#6d5638", "#b89c70"),
                0.35,
                soft=False,
                mottle=0.3,
                gradient=True,
            ),
        ),
        "#8a6a3c",
        fill=(0.4, 0.65),
        dome=(0, 5),
    ),
    _side(
        "meatballs",
        (
            Style(
                "ball",
                (24, 34),
                (24, 32),
                (20, 26),
                ("#5f351a", "#6f4222", "#4a2712"),
                0.2,
                soft=False,
                mottle=0.2,
            ),
        ),
        "#6a2d10",
        sauce_opacity=(0.25, 0.9),
    ),
    _side(
        "sausages",
        (
            Style("box", (24, 45), (11, 15), (11, 14), ("#a8452a", "#b85a38"), 0.2, soft=False),
            Style("strip", (16, 30), (7, 11), (3, 6), ("#c8402a", "#5d8a34", "#e0d2b8"), 0.25),
        ),
        "#a83c1a",
    ),
    _side(
        "rice_cakes_spicy",
        (
            Style("box", (28, 48), (10, 13), (9, 12), ("#c8431a", "#d0562a", "#b83612"), 0.12, soft=False),
            Style("leaf", (20, 34), (14, 24), (2, 4), ("#b8702e", "#c0501e"), 0.2),
        ),
        "#bc3a10",
        sauce_opacity=(0.4, 0.95),
    ),
    _side(
        "noodles",
        (_NOODLE, Style("strand", (18, 36), (3, 5), (2, 3), ("#d0742a", "#4f7030", "#6a4a30"), 0.3)),
        "#8a5f2c",
    ),
    _side(
        "spaghetti",
        (
            Style("strand", (50, 85), (2.4, 3.4), (2.2, 3), ("#d88a42", "#d07a34", "#e0a45c"), 0.2, bend=0.4),
            Style("blob", (8, 16), (6, 12), (4, 8), ("#8a3a1c", "#a84a22"), 0.3),
        ),
        "#b04818",
        sauce_opacity=(0.3, 0.9),
    ),
    _side(
        "lotus_beans",
        (
            Style("ball", (7, 11), (6, 9), (6, 8), ("#2a1a14", "#3a241a"), 0.12, soft=False),
            Style("ball", (22, 34), (20, 32), (5, 7), ("#6b4022", "#7d4f2c"), 0.2, soft=False),
        ),
        "#43240f",
    ),
    _side(
        "pickled_radish",
        (Style("ball", (30, 40), (28, 38), (3, 5), ("#e6c93a", "#dfc02c"), 0.2, soft=False),),
        "#d8c860",
        sauce_opacity=(0.02, 0.2),
    ),
    _side(
        "eggplant",
        (Style("strip", (24, 45), (8, 14), (3, 6), ("#4a3a44", "#6b5648", "#3a2a3a"), 0.25, flecks=_SESAME),),
        "#4a3020",
    ),
    _side(
        "mushrooms",
        (_MUSHROOM, Style("strip", (16, 28), (4, 7), (2, 4), ("#c86a2a", "#5d8034"), 0.3)),
        "#6a4a24",
    ),
    _side(
        "orange",
        (
            Style(
                "wedge",
                (48, 66),
                (18, 26),
                (16, 24),
                ("#e8912a", "#e07f1c", "#f0aa50"),
                0.2,
                soft=False,
                mottle=0.18,
            ),
        ),
        "#e8b060",
        fill=(0.35, 0.65),
        dome=(0, 4),
        sauce_opacity=(0.02, 0.15),
    ),
    _side(
        "apple",
        (Style("wedge", (45, 62), (16, 24), (14, 20), ("#efe2b4", "#e8d79c", "#c03a2a"), 0.3, soft=False),),
        "#e8dfc0",
        fill=(0.35, 0.65),
        dome=(0, 4),
        sauce_opacity=(0.02, 0.12),
    ),
    _side(
        "cherry_tomatoes",
        (
            Style(
                "ball",
                (20, 28),
                (20, 26),
                (19, 25),
                ("#c42414", "#d03a1c", "#b01c10"),
                0.08,
                soft=False,
                mottle=0.05,
            ),
        ),
        "#d8a080",
        fill=(0.35, 0.7),
        sauce_opacity=(0.02, 0.1),
    ),
    _side(
        "grapes",
        (
            Style(
                "ball",
                (16, 22),
                (15, 20),
                (15, 19),
                ("#3a1a34", "#4d2440", "#8aa848"),
                0.15,
                soft=False,
                mottle=0.08,
            ),
        ),
        "#8a6a80",
        fill=(0.4, 0.75),
        sauce_opacity=(0.02, 0.1),
    ),
    _side(
        "watermelon",
        (Style("wedge", (60, 80), (34, 46), (14, 20), ("#d8402e", "#e0563c", "#3f7a34"), 0.25, soft=False),),
        "#e0a090",
        fill=(0.4, 0.65),
        dome=(0, 4),
        sauce_opacity=(0.02, 0.2),
    ),
    _side(
        "yellow_corn_salad",
        (
            Style("ball", (7, 10), (6, 9), (5, 7), ("#e6c445", "#efd468", "#d8b030"), 0.25),
            Style("box", (6, 10), (5, 9), (4, 6), ("#d85a30", "#7ba03c", "#efe6d2"), 0.3),
        ),
        "#efe6c8",
    ),
    _side(
        "mashed",
        (Style("blob", (22, 40), (18, 34), (7, 13), ("#e8d9a4", "#e2cf90", "#efe4bc"), 0.4, mottle=0.05),),
        "#e6d8a8",
        sauce_opacity=(0.2, 0.7),
    ),
)
