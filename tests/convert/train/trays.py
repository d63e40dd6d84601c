"""Tiny synthetic trays: three pictures to train on, two of a held-out set-up."""

from pathlib import Path

from convert.synth.photos import find_photos
from convert.synth.production import produce
from convert.synth.samples import save
from convert.synth.shot import Order, Studio, name

HELD_OUT = (90, 92)
"""Pictures of the first set-up that is held out: its empty tray and a returned one."""


def render(out: Path) -> Path:
    order = Order(8, (96, 72), find_photos([], []))
    produce(order, 3, out, 1)
    studio = Studio(order)
    for index in HELD_OUT:
        save(studio.take(index), out / name(index))
    return out
