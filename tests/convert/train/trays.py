"""Tiny synthetic trays: three pictures to train on, two to validate on."""

from pathlib import Path

from convert.synth.photos import find_photos
from convert.synth.production import produce
from convert.synth.samples import save
from convert.synth.shot import Order, Studio, name

VALIDATION = (190, 192)
"""Pictures of the first set-up to validate on: its empty tray and a returned one."""


def render(out: Path) -> Path:
    order = Order(8, (96, 72), find_photos([], []))
    produce(order, 3, out, 1)
    studio = Studio(order)
    for index in VALIDATION:
        save(studio.take(index), out / name(index))
    return out
