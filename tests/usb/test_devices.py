from pathlib import Path

import pytest

from appliance.usb.devices import Port, behind_video, device_at, find, peer_of, port_of
from tests.usb.buses import CAMERA, CORAL, HUB, link_peers, plug


@pytest.mark.parametrize(
    ("name", "port"),
    [
        ("1-1.4", Port("1-1", 4)),
        ("1-1.4.12", Port("1-1.4", 12)),
        ("2-3", Port("usb2", 3)),
        ("usb1", None),
        ("1-1:1.0", None),
        ("", None),
    ],
)
def test_a_name_tells_the_port(name: str, port: Port | None) -> None:
    assert port_of(name) == port


def test_a_device_is_found_by_what_it_is(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", HUB, 1, 2)
    node = plug(tmp_path, "1-1.4", CORAL, 1, 14)
    found = find({CORAL}, tmp_path)
    assert found is not None
    assert (found.name, found.node) == ("1-1.4", node)
    assert node == tmp_path / "dev/bus/usb/001/014"
    assert find({CAMERA}, tmp_path) is None
    assert device_at("9-9", tmp_path) is None


def test_what_the_kernel_shows_while_a_device_leaves_is_no_device(tmp_path: Path) -> None:
    plug(tmp_path, "1-1", CORAL, 1, 2)
    (tmp_path / "sys/bus/usb/devices/1-1/devnum").write_text("")
    assert find({CORAL}, tmp_path) is None


@pytest.mark.parametrize("device", ["/dev/video0", "0", "/dev/v4l/by-id/usb-cam"])
def test_a_camera_is_found_by_its_path(tmp_path: Path, device: str) -> None:
    node = plug(tmp_path, "1-1.2", CAMERA, 1, 3)
    interface = tmp_path / "sys/devices/pci/1-1.2/1-1.2:1.0"
    interface.mkdir(parents=True)
    video = tmp_path / "sys/class/video4linux/video0"
    video.mkdir(parents=True)
    (video / "device").symlink_to(interface)
    (tmp_path / "dev/video0").touch()
    (tmp_path / "dev/v4l/by-id").mkdir(parents=True)
    (tmp_path / "dev/v4l/by-id/usb-cam").symlink_to(tmp_path / "dev/video0")
    found = behind_video(device, tmp_path)
    assert found is not None
    assert found.node == node


def test_a_camera_on_the_ribbon_has_no_usb_device(tmp_path: Path) -> None:
    video = tmp_path / "sys/class/video4linux/video0"
    video.mkdir(parents=True)
    assert behind_video("/dev/video0", tmp_path) is None


def test_a_usb_3_socket_has_two_ports(tmp_path: Path) -> None:
    link_peers(tmp_path, ("1-1:1.0", "1-1-port4"), ("2-0:1.0", "usb2-port1"))
    assert peer_of(Port("1-1", 4), tmp_path) == Port("usb2", 1)
    assert peer_of(Port("usb2", 1), tmp_path) == Port("1-1", 4)
    assert peer_of(Port("1-1", 3), tmp_path) is None
