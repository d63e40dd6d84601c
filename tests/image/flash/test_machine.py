from pathlib import Path

import pytest

from image.flash.fault import FlashError
from image.flash.machine import look_up, refusals
from tests.image.flash.machines import MB, FakeMachine


@pytest.fixture
def machine(tmp_path: Path) -> FakeMachine:
    return FakeMachine(tmp_path)


def why_not(machine: FakeMachine, node: Path, image_bytes: int = 6 * MB) -> list[str]:
    return list(refusals(look_up(node, machine.kernel()), image_bytes))


def test_a_card_in_a_reader_is_accepted_and_told(machine: FakeMachine) -> None:
    node = machine.card(size_bytes=31_914_983_424)
    assert why_not(machine, node) == []
    assert str(look_up(node, machine.kernel())) == f"{node}: Generic Reader, serial 4C530001, 31.9 GB"


def test_a_link_to_a_card_is_followed(machine: FakeMachine) -> None:
    node = machine.card()
    link = node.with_name("reader")
    link.symlink_to(node)
    assert look_up(link, machine.kernel()).node == node


def test_a_card_in_the_boards_own_reader_is_accepted(machine: FakeMachine) -> None:
    texts = {"device__type": "SD", "device__name": "SC32G", "device__serial": "0xd34db33f"}
    node = machine.add("mmcblk0", "platform/fe340000.mmc/mmc_host/mmc0", "179:0", 32 * MB, **texts)
    assert why_not(machine, node) == []
    assert "SC32G, serial 0xd34db33f" in str(look_up(node, machine.kernel()))


def test_what_is_soldered_to_the_board_is_built_in(machine: FakeMachine) -> None:
    texts = {"device__type": "MMC", "device__name": "DG4016"}
    node = machine.add("mmcblk1", "platform/fe340000.mmc/mmc_host/mmc1", "179:8", 32 * MB, **texts)
    assert "is built in" in why_not(machine, node)[0]


def test_a_disk_on_usb_needs_no_removable_medium(machine: FakeMachine) -> None:
    assert why_not(machine, machine.card(removable="0")) == []


def test_a_disk_that_is_built_in_is_refused(machine: FakeMachine) -> None:
    node = machine.add("sda", "pci0000:00/ata1/host0/target0:0:0/0:0:0:0/block", "8:0", 500 * MB)
    assert "is built in" in why_not(machine, node)[0]


@pytest.mark.parametrize(("name", "type_"), [("loop0", "0"), ("zram0", "0"), ("dm-0", "0"), ("sr0", "5")])
def test_what_is_no_disk_of_its_own_is_refused(machine: FakeMachine, name: str, type_: str) -> None:
    where = "virtual/block" if type_ == "0" else "pci0000:00/ata2/usb1/host1/block"
    node = machine.add(name, where, "7:0", 32 * MB, removable="1", device__type=type_)
    assert "no disk of its own" in why_not(machine, node)[0]


def test_a_partition_is_refused_and_its_disk_named(machine: FakeMachine) -> None:
    machine.card()
    node = machine.part("sdb", "sdb1", "8:17")
    assert why_not(machine, node)[0] == "is a part of sdb; give the whole disk, /dev/sdb"


@pytest.mark.parametrize("number", ["8:16", "8:17"])
def test_a_mounted_card_is_refused(machine: FakeMachine, number: str) -> None:
    node = machine.card()
    machine.part("sdb", "sdb1", "8:17")
    machine.mount(number, "/dev/sdb1", r"/media/a\040card")
    assert why_not(machine, node) == ["is in use: mounted at /media/a card; unmount or detach that first"]


def test_a_mounted_btrfs_has_another_number_and_is_refused(machine: FakeMachine) -> None:
    node = machine.card()
    machine.part("sdb", "sdb1", "8:17")
    machine.mount("0:44", "/dev/sdb1", "/mnt")
    assert "mounted at /mnt" in why_not(machine, node)[0]


def test_what_is_mounted_elsewhere_does_not_matter(machine: FakeMachine) -> None:
    node = machine.card()
    machine.add("sda", "pci0000:00/ata1/block", "8:0", 500 * MB)
    machine.mount("8:0", "/dev/sda", "/")
    assert why_not(machine, node) == []


def test_a_card_that_is_swapped_to_is_refused(machine: FakeMachine) -> None:
    node = machine.card()
    machine.part("sdb", "sdb2", "8:18")
    machine.write("proc/swaps", "/dev/sdb2\tpartition\t99\t0\t-2")
    assert "swapped to as /dev/sdb2" in why_not(machine, node)[0]


def test_a_card_that_is_part_of_something_is_refused(machine: FakeMachine) -> None:
    node = machine.card()
    machine.part("sdb", "sdb1", "8:17")
    (machine.folder("sdb1") / "holders/dm-0").mkdir(parents=True)
    assert "sdb1 is part of dm-0" in why_not(machine, node)[0]


@pytest.mark.parametrize("stacked", [False, True])
def test_the_running_systems_disk_is_refused_as_such(machine: FakeMachine, stacked: bool) -> None:  # noqa: FBT001
    node = machine.card()
    machine.part("sdb", "sdb2", "8:18")
    number = "8:18"
    if stacked:
        number = "254:0"
        machine.add("dm-0", "virtual/block", number, MB)
        (machine.folder("sdb2") / "holders/dm-0").mkdir(parents=True)
    machine.mount(number, "/dev/root", "/")
    assert why_not(machine, node)[0] == "holds the running system; give another disk"


def test_an_empty_reader_is_refused(machine: FakeMachine) -> None:
    assert why_not(machine, machine.card(size="0"))[0] == "has no card in it"


def test_a_locked_card_is_refused(machine: FakeMachine) -> None:
    assert "write-protected" in why_not(machine, machine.card(ro="1"))[0]


def test_a_small_card_is_refused(machine: FakeMachine) -> None:
    assert why_not(machine, machine.card(), 17 * MB) == ["is too small: 0.02 GB for an image of 0.02 GB"]


def test_names_out_of_a_hostile_device_are_printable(machine: FakeMachine) -> None:
    node = machine.card(device__model="\x1b[2J")
    assert "\x1b" not in str(look_up(node, machine.kernel()))


def test_a_reader_without_a_serial_has_not_that_of_its_hub(machine: FakeMachine) -> None:
    node = machine.card()
    (machine.root / "sys/devices/pci0000:00/0000:00:14.0/usb1/1-2/serial").unlink()
    assert look_up(node, machine.kernel()).serial == ""


def test_what_is_no_block_device_is_refused(machine: FakeMachine) -> None:
    machine.card()
    plain = machine.node("plain")
    plain.touch()
    for named, complaint in ((plain, "is no disk"), (machine.node("sdz"), "is not there")):
        with pytest.raises(FlashError, match=complaint):
            look_up(named, machine.kernel())


def test_a_node_that_belies_its_name_is_refused(machine: FakeMachine) -> None:
    node = machine.card()
    machine.numbers["sdb"] = "8:0"
    with pytest.raises(FlashError, match="knows no disk of this name"):
        look_up(node, machine.kernel())
