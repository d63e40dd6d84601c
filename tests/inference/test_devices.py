from pathlib import Path

import pytest

from appliance.inference.devices import EdgeTpu, edge_tpus
from tests.inference.roots import plug_in, plug_in_pcie, put


@pytest.mark.parametrize("identity", [("1a6e", "089a"), ("18d1", "9302")])
@pytest.mark.parametrize(("speed", "link"), [("5000", "USB 3"), ("10000", "USB 3"), ("480", "USB 2")])
def test_coral_is_found_before_and_after_its_firmware(
    tmp_path: Path, identity: tuple[str, str], speed: str, link: str
) -> None:
    plug_in(tmp_path, identity, speed=speed)
    (found,) = edge_tpus(tmp_path)
    assert found.node == tmp_path / "dev/bus/usb/002/007"
    assert (found.usable, found.link) == (True, link)


def test_coral_on_pcie(tmp_path: Path) -> None:
    plug_in_pcie(tmp_path)
    assert edge_tpus(tmp_path) == [EdgeTpu(tmp_path / "dev/apex_0", usable=True, link="PCIe")]


def test_both_are_listed_the_usb_first(tmp_path: Path) -> None:
    plug_in_pcie(tmp_path)
    plug_in(tmp_path, ("18d1", "9302"))
    assert [found.link for found in edge_tpus(tmp_path)] == ["USB 3", "PCIe"]


def test_coral_without_a_node_cannot_be_used(tmp_path: Path) -> None:
    plug_in(tmp_path, ("1a6e", "089a"), node=False)
    plug_in_pcie(tmp_path, node=False)
    assert [found.usable for found in edge_tpus(tmp_path)] == [False, False]


def test_other_usb_devices_are_no_coral(tmp_path: Path) -> None:
    plug_in(tmp_path, ("1a6e", "9302"))
    put(tmp_path, "sys/bus/usb/devices/usb1/idVendor", "1d6b")
    assert edge_tpus(tmp_path) == []
