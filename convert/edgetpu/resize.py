"""Which image interpolations compiler 16 maps; documented only as "depending on input/output size".

Seen in public compiled models and published operator tables: bilinear doubling with half-pixel centres from
6x6 to 48x48 (64 channels), and from 64x64 to 128x128 (32 channels), are mapped; nearest-neighbour from 3x3 to
5x5 and from 40x40 to 80x80 (128 channels) too. Not mapped: bilinear 1x1 to 33x33, 33x33 to 513x513 with
aligned corners, 256x256 to 512x512 (6 and 32 channels); nearest-neighbour 512x512 to 1024x1024 (3 channels).
"""

from typing import Final

from convert.edgetpu.obstacle import Case, Obstacle, by_axes, limitation
from convert.edgetpu.status import Status

LARGEST_OUTPUT_BYTES: Final = 2_000_000
"""Of the result, channels rounded up to 8; the largest one seen mapped has 0.8 million, the smallest refused
one 2.1 million."""

LARGEST_FACTOR: Final = 8
"""Of a bilinear enlargement; 16 is the smallest that was seen refused."""


def resize(case: Case) -> Obstacle | None:
    """Return what stops a RESIZE_BILINEAR or RESIZE_NEAREST_NEIGHBOR, or None."""
    source, result, size = case.input(0), case.outputs[0], case.input(1)
    if source is None or len(source.shape) != 4 or len(result.shape) != 4:
        return limitation("not a picture of four dimensions")
    if size is not None and not size.is_constant:
        return Obstacle(Status.NOT_CONSTANT, "the size is computed, not stored in the file")
    return None if source.shape == result.shape else _interpolation(case, source.shape, result.shape)


def _interpolation(case: Case, source: tuple[int, ...], result: tuple[int, ...]) -> Obstacle | None:
    _, height, width, channels = result
    if height * width * (-(-channels // 8) * 8) > LARGEST_OUTPUT_BYTES:
        return limitation(f"the result of {by_axes(result)} is too large for an interpolation")
    if case.operator.name == "RESIZE_NEAREST_NEIGHBOR":
        return None
    aligned = bool(case.option("align_corners"))
    for before, after in zip(source[1:3], result[1:3], strict=True):
        if not _precise(before, after, aligned=aligned):
            return Obstacle(
                Status.IMPRECISE,
                f"{by_axes(source[1:3])} to {by_axes(result[1:3])}: only whole factors up to"
                f" {LARGEST_FACTOR} are precise enough",
            )
    return None


def _precise(before: int, after: int, *, aligned: bool) -> bool:
    """Tell whether weights between neighbours are few and exact: a whole factor, or its inverse."""
    if before == after:
        return True
    if before == 1 or after == 1:
        return False
    near, far = (before - 1, after - 1) if aligned else (before, after)
    small, large = sorted((near, far))
    return large % small == 0 and large // small <= LARGEST_FACTOR
