"""`parity.npz` as bytes: an archive of arrays as `numpy.load` reads it."""

import io
import zipfile
from collections.abc import Mapping
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from appliance.inference.parity import SCHEMA_ID

_LONG_AGO: Final = (1980, 1, 1, 0, 0, 0)
"""The first moment that an archive can tell."""

_COMPRESSION: Final = 9

Arrays = Mapping[str, npt.NDArray[Any]]


def record_bytes(arrays: Arrays) -> bytes:
    """Return the archive; the same arrays always give the same bytes."""
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w") as archive:
        archive.comment = SCHEMA_ID.encode()
        for name in sorted(arrays):
            member = io.BytesIO()
            np.lib.format.write_array(member, np.ascontiguousarray(arrays[name]), (1, 0), allow_pickle=False)
            info = zipfile.ZipInfo(f"{name}.npy", _LONG_AGO)
            info.external_attr = 0o644 << 16
            archive.writestr(info, member.getvalue(), zipfile.ZIP_DEFLATED, _COMPRESSION)
    return content.getvalue()
