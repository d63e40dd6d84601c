"""What is written beside the pictures, for whoever opens the folder."""

from convert.networks.spec import TRAY_CLASSES

_CLASSES = ", ".join(f"{i} {name}" for i, name in enumerate(TRAY_CLASSES))

README = f"""# Synthetic trays with exact ground truth

Made by `convert synth`; made again with the same seed, size and photographs it gives the same pictures.

    set-up-00012/empty/          the clean tray of that canteen
    set-up-00012/full/           that day's menu, one full serving of each dish
    set-up-00012/return-03/      a returned tray of the same menu
    data.json                    seed, size, format

A set-up shares tray, camera, lamps, counter and menu. Keep training and evaluation apart by set-up: every
tenth (9, 19, ...; `held_out` in `truth.json`) is for evaluation only, and shows photographs and dishes that
no other has. Of these, 19, 39, ... are to choose and calibrate weights by, and 9, 29, ... to report on.
(`empty` and `full` lie nearly upright, returned trays at any angle.)

## Files of a picture

All maps are on the picture's pixels, one ray through the middle of each.

| file | format | meaning |
|---|---|---|
| `picture.jpg` | RGB | what the camera saw |
| `class.png` | 8 bit | {_CLASSES} |
| `compartment.png` | 8 bit | the well's id, 0 for none; below what covers the tray, the well there |
| `height.png` | 16 bit, /100 = mm | height of visible food above the empty tray straight below it, else 0 |
| `depth.png` | 16 bit, /50 = mm | camera depth (along the axis) of the first surface |
| `class-under.png`, `height-under.png` | same | without cutlery, napkins, hands; only where there are such |
| `truth.json` | | the numbers below |

`residue` is a film of opacity above 0.15 that can be seen, or single grains and crumbs; a film has no
height. Liquid includes what swims in it. Foreign is cutlery, napkins, packages, cups, hands.

## `truth.json`

Lengths in mm, volumes in cm3. Pixel (0, 0) is the centre of the first pixel. Tray millimetres have their
origin at the top left corner of the rim's bounding rectangle, x to the right, y down, in the plane of the
deck (the flat between the wells).

* `complications`: utensils, napkin, package, cup, hand, dump (leftovers scraped into one well), glare, cut,
  blur.
* `tray.picture_from_tray`: homography from tray millimetres (deck plane) to pixels; `corners_px` its four
  corners, `outline_px` the rim, `outside_picture` the share of the tray that the picture cuts off,
  `counter_mm` the height of the counter (the deck is 0).
* `camera`: `intrinsics` K; `rotation`, `translation_mm` take (x, y, -height), measured from the tray's
  centre on the deck plane, to camera coordinates (x right, y down, z forward).
* `wells[]`: `id`, `role`, `dish`, `dish_kind` (rice, liquid, solid), `state`, `opening_mm`, `floor_mm`,
  `depth_mm`, `opening_px`, `photographed` (the surface shows a photograph);
  `fraction` = `volume_cm3` / `full_volume_cm3`: the volume between what is seen straight from above and the
  empty tray, against that of the set-up's `full` picture (it can pass 1; in a dumped well it counts all
  that lies there); `contents_cm3`: that volume by the class seen from above; `area_fraction`: share of the
  opening under food thicker than 1 mm; `occluded`, `occluded_food`: share of the well's (food's) pixels that
  something covers; `outside_picture`: share of the opening that the picture cuts off.
* `state`: untouched, level, push, hollow, bites, clumps, thin, waterline, dump; spotless, film, grains
  count as 0.
"""
