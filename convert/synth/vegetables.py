"""Vegetables, kimchi, salads and fruit."""

from convert.synth.dishes import MUSHROOM, POTATO, SPROUT, side
from convert.synth.pieces import Style

_SESAME = ("#e8d7a8",)
_CHILI = ("#7d1208", "#b3240f")

VEGETABLES = (
    side(
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
    side(
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
    side(
        "spinach",
        (
            Style("leaf", (18, 40), (8, 18), (2, 5), ("#2c4d1a", "#1f3a14", "#3f6326"), 0.3, flecks=_SESAME),
            Style("strand", (25, 50), (2.5, 4), (2, 4), ("#5d8238", "#48702c"), 0.3, bend=0.3),
        ),
        "#3c4a1c",
        sauce_opacity=(0.05, 0.3),
    ),
    side(
        "bean_sprouts",
        (SPROUT, Style("ball", (4, 6), (4, 5), (3, 4), ("#d9b44a",), 0.35)),
        "#cdbb80",
        sauce_opacity=(0.05, 0.3),
    ),
    side(
        "broccoli",
        (Style("floret", (20, 36), (18, 32), (12, 20), ("#3d6b23", "#54812f", "#2f5720"), 0.6, soft=False),),
        "#5d7a3a",
        sauce_opacity=(0.03, 0.2),
    ),
    side(
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
    side(
        "salad",
        (
            Style("leaf", (22, 48), (14, 32), (3, 8), ("#7fa640", "#a6c464", "#5b8a2e", "#cfdc96"), 0.35),
            Style("strip", (20, 45), (3, 6), (2, 4), ("#8a3a6a", "#d8d2dc", "#e0792a"), 0.35),
            Style("ball", (14, 20), (14, 20), (12, 18), ("#c02a18",), 0.12, soft=False),
        ),
        "#d8c890",
        sauce_opacity=(0.1, 0.4),
    ),
    side(
        "potato_braised",
        (POTATO, Style("box", (10, 18), (9, 16), (7, 13), ("#cf7a2e",), 0.35, soft=False)),
        "#7a4a1e",
    ),
    side(
        "lotus_beans",
        (
            Style("ball", (7, 11), (6, 9), (6, 8), ("#2a1a14", "#3a241a"), 0.12, soft=False),
            Style("ball", (22, 34), (20, 32), (5, 7), ("#6b4022", "#7d4f2c"), 0.2, soft=False),
        ),
        "#43240f",
    ),
    side(
        "pickled_radish",
        (Style("ball", (30, 40), (28, 38), (3, 5), ("#e6c93a", "#dfc02c"), 0.2, soft=False),),
        "#d8c860",
        sauce_opacity=(0.02, 0.2),
    ),
    side(
        "eggplant",
        (Style("strip", (24, 45), (8, 14), (3, 6), ("#4a3a44", "#6b5648", "#3a2a3a"), 0.25, flecks=_SESAME),),
        "#4a3020",
    ),
    side(
        "mushrooms",
        (MUSHROOM, Style("strip", (16, 28), (4, 7), (2, 4), ("#c86a2a", "#5d8034"), 0.3)),
        "#6a4a24",
    ),
    side(
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
    side(
        "apple",
        (Style("wedge", (45, 62), (16, 24), (14, 20), ("#efe2b4", "#e8d79c", "#c03a2a"), 0.3, soft=False),),
        "#e8dfc0",
        fill=(0.35, 0.65),
        dome=(0, 4),
        sauce_opacity=(0.02, 0.12),
    ),
    side(
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
    side(
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
    side(
        "watermelon",
        (Style("wedge", (60, 80), (34, 46), (14, 20), ("#d8402e", "#e0563c", "#3f7a34"), 0.25, soft=False),),
        "#e0a090",
        fill=(0.4, 0.65),
        dome=(0, 4),
        sauce_opacity=(0.02, 0.2),
    ),
    side(
        "yellow_corn_salad",
        (
            Style("ball", (7, 10), (6, 9), (5, 7), ("#e6c445", "#efd468", "#d8b030"), 0.25),
            Style("box", (6, 10), (5, 9), (4, 6), ("#d85a30", "#7ba03c", "#efe6d2"), 0.3),
        ),
        "#efe6c8",
    ),
    side(
        "mashed",
        (Style("blob", (22, 40), (18, 34), (7, 13), ("#e8d9a4", "#e2cf90", "#efe4bc"), 0.4, mottle=0.05),),
        "#e6d8a8",
        sauce_opacity=(0.2, 0.7),
    ),
)
