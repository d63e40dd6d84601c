"""Whatever happens to a box, its next start finds a system that measures."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from appliance.errors import UpdateError
from appliance.update import backend
from appliance.update.autoboot import PARTITIONS, Autoboot, Slot, parse
from appliance.update.bootloader import Bootloader
from appliance.update.settle import settle
from appliance.update.trial import Verdict
from tests.update.boxes import Box, FakeMachine, PowerCutError, firmware, installer, new_box

KINDS = st.sampled_from(["sound", "deaf", "dead"])
"""Of systems: one that measures, one that does not, one that does not even start."""
CUTS = st.none() | st.tuples(st.integers(0, 4), st.booleans())
"""At which step the power fails, and whether after it."""


class Power:
    """Fails once."""

    def __init__(self) -> None:
        self.cut: tuple[int, bool] | None = None

    def step(self, work: Callable[[], object]) -> None:
        if self.cut is None:
            work()
            return
        left, after = self.cut
        if left == 0 and not after:
            raise PowerCutError
        work()
        if left == 0:
            raise PowerCutError
        self.cut = left - 1, after


class CutBootloader(Bootloader):
    """Saves as far as there is power: as a whole, or not at all."""

    def __init__(self, root: Path, power: Power) -> None:
        super().__init__(root)
        object.__setattr__(self, "power", power)

    def save(self, state: Autoboot) -> None:
        object.__getattribute__(self, "power").step(lambda: super(CutBootloader, self).save(state))


class CutMachine(FakeMachine):
    """Writes what `kind` says to the slot that does not run, as far as there is power."""

    def __init__(self, bootloader: Bootloader, power: Power, slots: dict[Slot, str], kind: str) -> None:
        super().__init__(bootloader)
        self.power, self.slots, self.kind = power, slots, kind

    def install(self, bundle: Path) -> None:
        self.installed.append(bundle.read_text())
        current = self.bootloader.current()
        spare: Slot = "B" if current == "A" else "A"
        self.bootloader.save(self.bootloader.load().marked(spare, good=False, current=current))
        self.power.step(lambda: self.slots.update({spare: "torn"}))
        self.power.step(lambda: self.slots.update({spare: self.kind}))
        self.bootloader.save(self.bootloader.load().wanting(spare))


class Life(RuleBasedStateMachine):
    """A box that is updated, restarted and cut off in any order."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = Path(tempfile.mkdtemp())
        self.box: Box = new_box(self.folder / "box")
        self.slots: dict[Slot, str] = {"A": "sound", "B": "empty"}
        self.runs: Slot = "A"
        self.asked: list[str | None] = []

    def teardown(self) -> None:
        shutil.rmtree(self.folder)

    @initialize()
    def switch_on(self) -> None:
        self.cut_off()

    @invariant()
    def the_default_measures(self) -> None:
        state = parse(self.box.text)
        number = firmware(self.box.text, tryboot=False)
        assert number == PARTITIONS[state.default]
        assert self.slots[state.default] == "sound"

    @rule(kind=KINDS, cut=CUTS, again=st.booleans())
    def install(self, kind: str, cut: tuple[int, bool] | None, again: bool) -> None:  # noqa: FBT001
        bundle = self.folder / "a.raucb"
        bundle.write_text("2")
        self._with_power(
            cut,
            lambda bootloader, machine: installer(machine, bootloader, self.folder).install(
                bundle, again=again
            ),
            kind,
        )

    @rule(cut=CUTS)
    def settle(self, cut: tuple[int, bool] | None) -> None:
        measures = self.slots[self.runs] == "sound"
        self._with_power(
            cut,
            lambda bootloader, machine: settle(bootloader, machine, lambda: Verdict(measures, "so it was")),
        )

    @rule(slot=st.sampled_from(["A", "B"]), words=st.sampled_from(["set-primary", "good", "bad"]))
    def order_by_rauc(self, slot: Slot, words: str) -> None:
        """What `rauc status mark-…` does, but calling a system good that runs and does not measure."""
        if words == "good" and slot == self.runs and self.slots[slot] != "sound":
            return
        backend.main(
            ["set-primary", slot] if words == "set-primary" else ["set-state", slot, words],
            self.box.bootloader,
        )

    @precondition(lambda self: self.asked)
    @rule()
    def restart(self) -> None:
        self._start(tryboot=self.asked[-1] == "0 tryboot")

    @rule()
    def cut_off(self) -> None:
        self._start(tryboot=False)

    @rule()
    def try_by_hand(self) -> None:
        self._start(tryboot=True)

    def _with_power(
        self,
        cut: tuple[int, bool] | None,
        work: Callable[[Bootloader, FakeMachine], str],
        kind: str = "sound",
    ) -> None:
        power = Power()
        power.cut = cut
        bootloader = CutBootloader(self.box.root, power)
        machine = CutMachine(bootloader, power, self.slots, kind)
        try:
            work(bootloader, machine)
        except PowerCutError:
            self.cut_off()
            return
        except UpdateError:
            assert self.runs != parse(self.box.text).default, "only during a trial is anything refused"
        self.asked = machine.rebooted

    def _start(self, *, tryboot: bool) -> None:
        self.asked = []
        self.runs = self.box.start(tryboot=tryboot)
        if self.slots[self.runs] not in ("sound", "deaf"):
            # The board's watchdog, or a person, restarts what does not come up.
            self.runs = self.box.start()


Life.TestCase.settings = settings(max_examples=50, stateful_step_count=25, deadline=None)
TestLife = Life.TestCase


def test_a_sound_update_stays_and_a_second_one_returns_to_the_first_slot(box: Box) -> None:
    for number, (new, old) in enumerate([("B", "A"), ("A", "B"), ("B", "A")]):
        machine = FakeMachine(box.bootloader)
        bundle = box.root / "a.raucb"
        bundle.write_text(str(number))
        assert f"in slot {new}" in installer(machine, box.bootloader, box.root).install(bundle)
        assert machine.rebooted == ["0 tryboot"]
        assert box.start(tryboot=True) == new
        said = settle(box.bootloader, machine, lambda: Verdict(stays=True, why="3 trays measured"))
        assert said == f"slot {new} stays: 3 trays measured"
        assert box.start() == new
        assert parse(box.text) == Autoboot(new, spare_good=True)  # type: ignore[arg-type]
        assert old != new


def steps() -> Iterator[tuple[int, bool]]:
    for step in range(20):
        yield step, False
        yield step, True


def test_the_file_is_whole_wherever_the_power_fails_while_it_is_written(
    box: Box, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Every call that changes the disk is a step; after the cut, none works any more."""
    before = box.bootloader.load()
    box.bootloader.save(before)
    after = before.wanting("B")
    cut = 0
    for step, late in steps():
        box.bootloader.file.write_text(before.text())
        power = Power()
        power.cut = step, late
        dead = False

        def through(work: Callable[..., object], power: Power = power) -> Callable[..., object]:
            def call(*words: object, **named: object) -> object:
                nonlocal dead
                if dead:
                    raise PowerCutError
                got: list[object] = []
                try:
                    power.step(lambda: got.append(work(*words, **named)))
                except PowerCutError:
                    dead = True
                    raise
                return got[0]

            return call

        with monkeypatch.context() as patched:
            for owner, name in ((tempfile, "mkstemp"), (os, "fchmod"), (os, "fsync"), (Path, "replace")):
                patched.setattr(owner, name, through(getattr(owner, name)))
            try:
                box.bootloader.save(after)
            except PowerCutError:
                cut += 1
            else:
                break
        assert box.text in (before.text(), after.text())
        assert box.start() == "A"
    assert cut >= 8
    assert box.text == after.text()
