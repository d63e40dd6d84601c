"""From a squeezed view to a network's input tensor.

The device and `convert`, which calibrates the models, take their pictures from here, so that both are the
same to the bit.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from appliance.inference.manifest import InputSignature, Rgb
from appliance.inference.quantisation import quantise

Pixels = npt.NDArray[np.uint8]
Tensor = npt.NDArray[np.float32] | npt.NDArray[np.int8] | npt.NDArray[np.uint8]

_EVERY_VALUE: Final = np.repeat(np.arange(256, dtype=np.uint8)[:, None], 3, axis=1)[:, None, :]


def normalise(pixels: Pixels, mean: Rgb, std: Rgb) -> npt.NDArray[np.float32]:
    """Return pixels (H, W, 3; blue, green, red) as red, green, blue, (value / 255 - mean) / std: float32."""
    rgb = pixels[:, :, ::-1].astype(np.float32) / 255
    return ((rgb - np.array(mean, np.float32)) / np.array(std, np.float32)).astype(np.float32)


class Encoder:
    """Makes the input tensor of one model: normalised, and quantised where the model takes integers.

    A pixel has 256 values, so both are looked up rather than computed: 3 tables, one a channel.
    """

    def __init__(self, signature: InputSignature) -> None:
        self._shape = signature.shape
        real = normalise(_EVERY_VALUE, signature.mean, signature.std)
        values: Tensor = real
        if signature.scale is not None and signature.zero_point is not None:
            values = quantise(real, signature.scale, signature.zero_point, signature.dtype)
        self._tables = np.ascontiguousarray(values[:, 0].T)

    def encode(self, pixels: Pixels) -> Tensor:
        """Return the tensor (1, H, W, 3) of pixels (H, W, 3; blue, green, red)."""
        tensor = np.empty(self._shape, self._tables.dtype)
        for channel, table in enumerate(self._tables):
            tensor[0, :, :, channel] = table[pixels[:, :, 2 - channel]]
        return tensor
