"""Both networks, opened on one device: what the networks' process does first."""

from collections.abc import Mapping
from pathlib import Path

from appliance.inference.engine import Engine, open_model
from appliance.inference.manifest import Device
from appliance.inference.selection import Network, Selection


def open_both(selection: Selection, threads: int, root: Path, device: Device) -> Mapping[Network, Engine]:
    """Open both networks on a device. Raises `InferenceError` as `open_model` does."""
    return {
        network: open_model(
            selection.folder / file.file, device, entry=selection.entries[network], threads=threads, root=root
        )
        for network, file in selection.files(device).items()
    }
