"""Diffuse light: level ground gets all of it, walls cast shadows."""

import numpy as np
import pytest

from convert.synth.light import horizons, irradiance
from convert.synth.room import Lamp, Room, draw_room
from convert.synth.view import Pose

LEVEL = np.zeros((120, 140), np.float32)
WALL = np.where((np.arange(140) >= 60) & (np.arange(140) < 80), LEVEL + 25, LEVEL).astype(np.float32)
UPRIGHT = Pose(0.0, 0.0, 0.0)


def room(x: float, y: float) -> Room:
    lamp = Lamp((x, y, 1500.0), np.full(3, 2.0, np.float32), 0.04)
    dark = np.zeros((6, 192, 192, 3), np.float32)
    return Room(1500.0, dark, dark[0, 0, :64], (lamp,), np.full(3, 0.5, np.float32), (50.0, 50.0))


def test_level_ground_gets_lamps_and_ambient() -> None:
    light, sky = irradiance(LEVEL, LEVEL, LEVEL, room(900, 0), UPRIGHT)
    assert light == pytest.approx(2.5, abs=1e-4)
    assert sky == pytest.approx(1)


def test_a_wall_shades_the_side_away_from_the_lamp() -> None:
    light, sky = irradiance(WALL, LEVEL, WALL, room(3000, 0), UPRIGHT)
    assert light[60, 50, 0] < 1.2 < light[60, 90, 0]
    assert sky[60, 58] < sky[60, 10]


def test_a_turned_tray_keeps_the_lamp_in_its_place() -> None:
    turned = Pose(0.0, 0.0, float(np.pi))
    light, _ = irradiance(WALL, LEVEL, WALL, room(3000, 0), turned)
    assert light[60, 90, 0] < 1.2 < light[60, 50, 0]


def test_horizons_rise_towards_a_wall() -> None:
    wall = LEVEL.copy()
    wall[:, 100:] = 10
    east = horizons(wall, wall)[0]
    assert east[60, 95] == pytest.approx(2, rel=0.1)
    assert east[60, 20] == 0


def test_rooms_mirror_about_as_much_light_as_they_give() -> None:
    for seed in range(6):
        drawn = draw_room(np.random.default_rng(seed))
        flat = np.zeros(400, np.float32), np.zeros(400, np.float32)
        angles = np.random.default_rng(1).uniform(0, 1, (2, 400)).astype(np.float32)
        sine, turn = np.sqrt(angles[0]), 2 * np.pi * angles[1]
        way = sine * np.cos(turn), sine * np.sin(turn), np.sqrt(1 - angles[0])
        seen = drawn.radiance(flat, way, np.full(400, 0.6, np.float32)).mean()
        given = np.mean(drawn.ambient + sum(lamp.irradiance for lamp in drawn.lamps))
        assert 0.15 < seen / given < 3
