import pytest
from hypothesis import given
from hypothesis import strategies as st

from image.flash.bmap import Extent, parse
from tests.image.flash.images import BLOCK, BLOCKS, MAPPED, bmap_text, content, signed

IMAGE = content()
TEXT = bmap_text(IMAGE)


def test_a_map_says_what_has_to_be_written() -> None:
    read = parse(TEXT.encode())
    assert read.image_bytes == len(IMAGE)
    assert [(extent.start // BLOCK, extent.end // BLOCK - 1) for extent in read.extents] == list(MAPPED)
    assert read.mapped_bytes == sum(last - first + 1 for first, last in MAPPED) * BLOCK


def test_the_last_block_ends_with_the_image() -> None:
    size = len(IMAGE) - 512
    read = parse(bmap_text(IMAGE, size=size).encode())
    last = Extent((BLOCKS - 1) * BLOCK, BLOCK - 512, read.extents[-1].sha256)
    assert read.extents[-1] == last


@given(at=st.integers(0, len(TEXT) - 1), put=st.integers(1, 127))
def test_one_changed_byte_is_noticed(at: int, put: int) -> None:
    damaged = bytearray(TEXT.encode())
    if damaged[at] == put:
        return
    damaged[at] = put
    try:
        read = parse(bytes(damaged))
    except ValueError:
        return
    # Blanks around the map's own checksum are no part of what it says.
    assert read == parse(TEXT.encode())
    assert chr(TEXT.encode()[at]).isspace()


@pytest.mark.parametrize(
    ("put", "instead_of", "complaint"),
    [
        ('version="1.4"', 'version="2.0"', "no block map of version 2.0"),
        ("sha1", "sha256", "of the kind sha1"),
        ("none", f"{BLOCK}", "'none' for BlockSize"),
        ("0-9x", "2-400", "range '0-9x'"),
        ("500-400", "2-400", "out of order"),
        ("0-400", "2-400", "out of order"),
        ("9000", "1535 </Range>", "beyond the image"),
        ('chksum="f', 'chksum="', "no checksum for the range"),
    ],
)
def test_a_wrong_map_is_refused_in_words(put: str, instead_of: str, complaint: str) -> None:
    if instead_of.endswith("</Range>"):
        put += " </Range>"
    text = bmap_text(IMAGE)
    own = text.split("<BmapFileChecksum> ")[1][:64]
    wrong = signed(text.replace(own, "0" * 64).replace(instead_of, put))
    with pytest.raises(ValueError, match=complaint):
        parse(wrong.encode())


def test_a_map_of_nothing_is_refused() -> None:
    with pytest.raises(ValueError, match="maps nothing"):
        parse(bmap_text(IMAGE, mapped=()).encode())
