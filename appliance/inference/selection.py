"""Which of a folder's models are the depth and the segmentation network, and their files for a device."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

from appliance.errors import ModelError
from appliance.inference.manifest import FILE_NAME, Device, Meaning, ModelEntry, ModelFile, load_manifest

Network = Literal["depth", "segmentation"]

CLASSES: Final = ("outside", "clean", "residue", "rice", "liquid", "solid", "foreign")
"""Of the segmentation, in the order of its channels; the same as `estimate.contents` has them."""

_GIVES: Final[Mapping[Network, Meaning]] = {"depth": "inverse_depth", "segmentation": "segmentation"}


@dataclass(frozen=True)
class Selection:
    """The two networks of a models folder."""

    folder: Path
    entries: Mapping[Network, ModelEntry]

    @property
    def devices(self) -> tuple[Device, ...]:
        """Return the devices that both have files for, the Edge TPU first."""
        order: tuple[Device, ...] = ("edgetpu", "cpu")
        return tuple(device for device in order if len(self.files(device)) == len(self.entries))

    def files(self, device: Device) -> dict[Network, ModelFile]:
        """Return the first file for a device of each network that has one."""
        return {
            network: next(file for file in entry.files if file.device == device)
            for network, entry in self.entries.items()
            if any(file.device == device for file in entry.files)
        }

    @property
    def names(self) -> dict[Network, str]:
        """Return each network's name in the manifest."""
        return {network: entry.name for network, entry in self.entries.items()}

    def versions(self, device: Device) -> dict[str, str]:
        """Return what tells the files for a device from every other, by the models' names."""
        return {self.entries[network].name: file.version for network, file in self.files(device).items()}


def select(folder: Path) -> Selection:
    """Choose from the folder's manifest; its files are not looked at.

    Raises `ModelError` where the manifest is absent or damaged, where not exactly one model gives depth and
    one segmentation, where the segmentation has other classes than `CLASSES`, or where no device could run
    both.
    """
    manifest = folder / FILE_NAME
    models = load_manifest(manifest).models
    selection = Selection(folder, {network: _only(models, network, manifest) for network in _GIVES})
    segmentation = selection.entries["segmentation"].files[0].outputs
    for output in segmentation:
        if output.meaning == "segmentation" and output.classes != CLASSES:
            raise ModelError(
                f"{manifest}: its segmentation has the classes {', '.join(output.classes)}, not"
                f" {', '.join(CLASSES)}; copy a models folder of this version"
            )
    if not selection.devices:
        raise ModelError(f"{manifest}: no device can run both networks; make them for the same one")
    return selection


def _only(models: tuple[ModelEntry, ...], network: Network, manifest: Path) -> ModelEntry:
    found = list(_giving(models, _GIVES[network]))
    if len(found) != 1:
        raise ModelError(
            f"{manifest}: {len(found) or 'no'} models give {network}; one for depth and one for segmentation"
            " are needed"
        )
    return found[0]


def _giving(models: tuple[ModelEntry, ...], meaning: Meaning) -> Iterator[ModelEntry]:
    for model in models:
        if any(output.meaning == meaning for output in model.files[0].outputs):
            yield model
