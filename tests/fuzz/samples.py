"""Valid inputs of every kind, to be damaged."""

from pathlib import Path

from PIL import Image

from appliance.inference.manifest import Manifest
from appliance.tray.curves import rounded_rectangle
from appliance.tray.layout import Compartment, Layout
from appliance.tray.layout_file import write_layout
from tests.fuzz.pictures import painted
from tests.inference.entries import two_networks
from tests.readings.examples import draft

_ROOT = Path(__file__).parents[2]

CONFIGURATION = (_ROOT / "docs" / "example.toml").read_bytes()

LAYOUT = Layout(
    (375.0, 290.0),
    40.0,
    tuple(
        Compartment(
            number,
            "밥",
            rounded_rectangle(x, 20, x + 100, 150, 20),
            rounded_rectangle(x + 10, 30, x + 90, 140, 5),
            25.0,
        )
        for number, x in ((1, 20), (2, 140))
    ),
)
LAYOUT_FILE = write_layout(LAYOUT)

MANIFEST = Manifest(models=two_networks()).model_dump_json(by_alias=True)
FUSION = (_ROOT / "models" / "fusion.json").read_text(encoding="utf-8")
READING = draft().numbered(7).to_json()
LABELS = 'image,compartment,leftover\na.jpg,1,0.5\n"b, c.jpg",2,\na.jpg,2,1\n'


def _odd_exif() -> bytes:
    """EXIF data with an orientation that is none, and a description that is no text."""
    exif = Image.Exif()
    exif[0x0112] = 65535
    exif[0x010E] = b"\xff" * 5000
    return exif.tobytes()


FLOATING_POINT = painted("TIFF", mode="F")
PICTURES = [
    *(painted(kind) for kind in ("JPEG", "PNG", "TIFF", "BMP", "WEBP", "GIF")),
    *(painted("JPEG", progressive=True), painted("JPEG", mode="CMYK"), painted("JPEG", exif=_odd_exif())),
    *(painted("PNG", mode=mode) for mode in ("1", "L", "LA", "P", "RGBA", "I;16")),
    *(painted("TIFF", mode=mode) for mode in ("1", "CMYK", "I;16", "LAB")),
    *(painted("TIFF", compression=way) for way in ("tiff_lzw", "tiff_adobe_deflate", "jpeg", "packbits")),
    *(painted("WEBP", lossless=True), painted("WEBP", mode="RGBA")),
    *(painted("PNG", exif=_odd_exif()), FLOATING_POINT),
]
