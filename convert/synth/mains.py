"""Dishes of meat, fish, egg, tofu, noodles and rice cakes."""

from convert.synth.dishes import NOODLE, side
from convert.synth.pieces import Style

_SESAME = ("#e8d7a8",)
_CHILI = ("#7d1208", "#b3240f")

MAINS = (
    side(
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
    side(
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
    side(
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
    side(
        "fish_cake",
        (
            Style("leaf", (22, 40), (14, 26), (2.5, 4.5), ("#c79a5a", "#d9b67c", "#a8773a"), 0.25, soft=True),
            Style("strand", (20, 35), (3, 5), (2, 3), ("#6d8a3a", "#d0822f"), 0.3),
        ),
        "#8a5a28",
    ),
    side(
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
    side(
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
    side(
        "scrambled_egg",
        (Style("blob", (12, 26), (10, 20), (5, 11), ("#eac75c", "#e6bb48", "#f0d98c"), 0.4),),
        "#e0bf60",
        sauce_opacity=(0.02, 0.2),
    ),
    side(
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
    side(
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
    side(
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
    side(
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
    side(
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
    side(
        "sausages",
        (
            Style("box", (24, 45), (11, 15), (11, 14), ("#a8452a", "#b85a38"), 0.2, soft=False),
            Style("strip", (16, 30), (7, 11), (3, 6), ("#c8402a", "#5d8a34", "#e0d2b8"), 0.25),
        ),
        "#a83c1a",
    ),
    side(
        "rice_cakes_spicy",
        (
            Style("box", (28, 48), (10, 13), (9, 12), ("#c8431a", "#d0562a", "#b83612"), 0.12, soft=False),
            Style("leaf", (20, 34), (14, 24), (2, 4), ("#b8702e", "#c0501e"), 0.2),
        ),
        "#bc3a10",
        sauce_opacity=(0.4, 0.95),
    ),
    side(
        "noodles",
        (NOODLE, Style("strand", (18, 36), (3, 5), (2, 3), ("#d0742a", "#4f7030", "#6a4a30"), 0.3)),
        "#8a5f2c",
    ),
    side(
        "spaghetti",
        (
            Style("strand", (50, 85), (2.4, 3.4), (2.2, 3), ("#d88a42", "#d07a34", "#e0a45c"), 0.2, bend=0.4),
            Style("blob", (8, 16), (6, 12), (4, 8), ("#8a3a1c", "#a84a22"), 0.3),
        ),
        "#b04818",
        sauce_opacity=(0.3, 0.9),
    ),
)
