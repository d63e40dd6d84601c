import contextlib
import os
import subprocess
import sys
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from appliance.errors import PictureError
from appliance.picture import LONGEST_SIDE_PX, has_colour, load_picture, save_picture
from tests.fuzz.pictures import claiming, many_scans, painted, scan_by_scan

SIZE = (160, 120)


def colours() -> Image.Image:
    """Red top left, green top right, blue bottom left, white bottom right."""
    image = Image.new("RGB", SIZE, "white")
    image.paste("red", (0, 0, 80, 60))
    image.paste("lime", (80, 0, 160, 60))
    image.paste("blue", (0, 60, 80, 120))
    return image


def assert_upright(path: Path, tolerance: int = 12) -> None:
    picture = load_picture(path)
    assert picture.dtype == np.uint8
    assert picture.shape == (120, 160, 3)
    assert picture.flags["C_CONTIGUOUS"]
    for (x, y), bgr in {(30, 30): (0, 0, 255), (130, 30): (0, 255, 0), (30, 90): (255, 0, 0)}.items():
        assert np.abs(picture[y, x].astype(int) - bgr).max() <= tolerance


@pytest.mark.parametrize(
    ("name", "convert"),
    [
        ("plain.png", lambda image: image),
        ("plain.jpg", lambda image: image),
        ("plain.bmp", lambda image: image),
        ("plain.webp", lambda image: image),
        ("plain.tif", lambda image: image),
        ("palette.png", lambda image: image.quantize(16)),
        ("palette.gif", lambda image: image.quantize(16)),
        ("alpha.png", lambda image: image.convert("RGBA")),
        ("cmyk.jpg", lambda image: image.convert("CMYK")),
        ("cmyk.tif", lambda image: image.convert("CMYK")),
    ],
)
def test_colours_survive(tmp_path: Path, name: str, convert: Callable[[Image.Image], Image.Image]) -> None:
    path = tmp_path / name
    convert(colours()).save(path, quality=95)
    assert_upright(path)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_exif_orientation(tmp_path: Path, orientation: int) -> None:
    undo = {
        2: Image.Transpose.FLIP_LEFT_RIGHT,
        3: Image.Transpose.ROTATE_180,
        4: Image.Transpose.FLIP_TOP_BOTTOM,
        5: Image.Transpose.TRANSPOSE,
        6: Image.Transpose.ROTATE_90,
        7: Image.Transpose.TRANSVERSE,
        8: Image.Transpose.ROTATE_270,
    }
    image = colours()
    if orientation in undo:
        image = image.transpose(undo[orientation])
    exif = Image.Exif()
    exif[0x0112] = orientation
    for name in ("turned.jpg", "turned.png", "turned.tif"):
        image.save(tmp_path / name, exif=exif, quality=95)
        assert_upright(tmp_path / name)


def test_sixteen_bit_greyscale_keeps_its_range(tmp_path: Path) -> None:
    ramp = np.tile(np.linspace(0, 65535, 160).astype(np.uint16), (120, 1))
    for name in ("deep.png", "deep.tif"):
        Image.fromarray(ramp).save(tmp_path / name)
        picture = load_picture(tmp_path / name)
        assert (picture[:, :, 0] == picture[:, :, 2]).all()
        assert picture[0, 0, 0] == 0
        assert picture[0, -1, 0] == 255
        assert abs(int(picture[0, 80, 0]) - 128) <= 2


def test_eight_bit_values_in_a_sixteen_bit_file_stay(tmp_path: Path) -> None:
    Image.fromarray(np.full((120, 160), 200, np.uint16)).save(tmp_path / "shallow.png")
    assert (load_picture(tmp_path / "shallow.png") == 200).all()


def test_sixteen_bit_colour(tmp_path: Path) -> None:
    cv2 = pytest.importorskip("cv2")
    deep = np.zeros((120, 160, 3), np.uint16)
    deep[:, :] = (10_000, 30_000, 65_535)
    assert cv2.imwrite(str(tmp_path / "deep.png"), deep)
    assert np.abs(load_picture(tmp_path / "deep.png")[60, 80].astype(int) - (39, 117, 255)).max() <= 1


def test_transparent_parts_become_white(tmp_path: Path) -> None:
    Image.new("RGBA", SIZE, (255, 0, 0, 0)).save(tmp_path / "clear.png")
    assert (load_picture(tmp_path / "clear.png") == 255).all()


def test_bilevel_and_grey(tmp_path: Path) -> None:
    for mode in ("1", "L", "LA"):
        Image.new(mode, SIZE, "white").save(tmp_path / "grey.png")
        assert (load_picture(tmp_path / "grey.png") == 255).all()


def test_large_pictures_are_reduced(tmp_path: Path) -> None:
    for name in ("large.jpg", "large.png"):
        Image.new("RGB", (4000, 1000), "red").save(tmp_path / name)
        height, width, _ = load_picture(tmp_path / name).shape
        assert (width, height) == (LONGEST_SIDE_PX, 640)


def test_a_phone_picture_with_a_second_image_behind_it(tmp_path: Path) -> None:
    path = tmp_path / "phone.jpg"
    colours().save(path, format="MPO", save_all=True, append_images=[Image.new("RGB", SIZE)], quality=95)
    assert_upright(path)


def test_sixty_megapixels_within_memory(tmp_path: Path) -> None:
    path = tmp_path / "huge.jpg"
    Image.new("RGB", (9000, 6700), (10, 120, 200)).save(path)
    code = (
        "import re, sys; from pathlib import Path; from appliance.picture import load_picture;"
        "picture = load_picture(Path(sys.argv[1]));"
        "status = Path('/proc/self/status').read_text();"
        "print(picture.shape[1], int(re.search(r'VmHWM:\\s+(\\d+) kB', status)[1]) // 1024)"
    )
    shown = subprocess.run(
        [sys.executable, "-c", code, str(path)], capture_output=True, text=True, check=True
    )
    width, peak_mb = map(int, shown.stdout.split())
    assert width == LONGEST_SIDE_PX
    assert peak_mb < 250


def _truncated(path: Path) -> None:
    colours().resize((640, 480)).effect_spread(40).save(path, quality=95)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def _bad_files() -> dict[str, tuple[str, Callable[[Path], object]]]:
    animation = [Image.new("RGB", SIZE, c) for c in ("red", "blue")]
    return {
        "missing": ("a.jpg", lambda _: None),
        "folder": ("a.jpg", lambda p: p.mkdir()),
        "empty file": ("a.jpg", lambda p: p.write_bytes(b"")),
        "text": ("a.jpg", lambda p: p.write_text("this is no picture")),
        "only a JPEG header": ("a.jpg", lambda p: p.write_bytes(b"\xff\xd8\xff\xe0\x00\x10JFIF\x00")),
        "truncated JPEG": ("a.jpg", _truncated),
        "truncated PNG": ("a.png", _truncated),
        "truncated TIFF": ("a.tif", _truncated),
        "one pixel": ("a.png", lambda p: Image.new("RGB", (1, 1)).save(p)),
        "a line": ("a.png", lambda p: Image.new("RGB", (5000, 8)).save(p)),
        "animated GIF": ("a.gif", lambda p: animation[0].save(p, save_all=True, append_images=animation[1:])),
        "animated PNG": ("a.png", lambda p: animation[0].save(p, save_all=True, append_images=animation[1:])),
        "two pages": ("a.tif", lambda p: animation[0].save(p, save_all=True, append_images=animation[1:])),
        "floating point": ("a.tif", lambda p: Image.new("F", SIZE).save(p)),
        "large PNG": ("a.png", lambda p: Image.new("1", (6000, 6000)).save(p)),
        "large progressive JPEG": ("a.jpg", lambda p: Image.new("L", (6000, 6000)).save(p, progressive=True)),
        "decompression bomb": ("a.png", lambda p: Image.new("1", (30000, 30000)).save(p)),
        "a strip": ("a.jpg", lambda p: p.write_bytes(claiming(painted("JPEG"), 65_500, 64))),
        "scan by scan": ("a.jpg", lambda p: p.write_bytes(scan_by_scan(5000, 4000))),
        "hundreds of scans": ("a.jpg", lambda p: p.write_bytes(many_scans(200))),
        "PNM in letters": ("a.ppm", lambda p: p.write_bytes(b"P3 80 80 255\n" + b"1 " * 19_200)),
        "a pipe": ("a.jpg", os.mkfifo),
        "a program": ("a.eps", lambda p: p.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\n")),
    }


@pytest.mark.parametrize("kind", _bad_files())
def test_bad_files_give_one_clear_line(tmp_path: Path, kind: str) -> None:
    name, make = _bad_files()[kind]
    path = tmp_path / name
    make(path)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(PictureError) as caught:
            load_picture(path)
    message = str(caught.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert caught.value.__cause__ is None


@pytest.mark.parametrize("seed", range(60))
def test_damaged_files_never_escape(tmp_path: Path, seed: int) -> None:
    rng = np.random.default_rng(seed)
    path = tmp_path / ("a.png", "a.jpg", "a.webp", "a.gif", "a.tif", "a.bmp")[seed % 6]
    colours().save(path)
    data = bytearray(path.read_bytes())
    for at in rng.integers(0, len(data), 1 + seed % 9):
        data[at] = rng.integers(256)
    path.write_bytes(bytes(data))
    with contextlib.suppress(PictureError):
        assert load_picture(path).ndim == 3


@pytest.mark.parametrize("name", ["kept.png", "kept.jpg"])
def test_saved_pictures_load_again(tmp_path: Path, name: str) -> None:
    picture = np.full((100, 140, 3), (200, 90, 30), np.uint8)
    save_picture(tmp_path / name, picture)
    assert np.abs(load_picture(tmp_path / name).astype(int) - picture).max() <= 4
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_failed_save_leaves_the_old_picture(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "last.png"
    save_picture(path, np.zeros((64, 64, 3), np.uint8))
    before = path.read_bytes()

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(PictureError, match="No space left on device"):
        save_picture(path, np.ones((64, 64, 3), np.uint8))
    assert path.read_bytes() == before
    assert [one.name for one in tmp_path.iterdir()] == ["last.png"]


def test_saving_to_impossible_places(tmp_path: Path) -> None:
    picture = np.zeros((64, 64, 3), np.uint8)
    with pytest.raises(PictureError, match=r"\.png or \.jpg"):
        save_picture(tmp_path / "a.txt", picture)
    with pytest.raises(PictureError, match="cannot be written"):
        save_picture(tmp_path / "no" / "a.png", picture)


def test_a_greyscale_file_has_no_colour_and_a_coloured_one_has(tmp_path: Path) -> None:
    colours().save(tmp_path / "coloured.png")
    colours().convert("L").save(tmp_path / "grey.jpg")
    assert has_colour(load_picture(tmp_path / "coloured.png"))
    assert not has_colour(load_picture(tmp_path / "grey.jpg"))
