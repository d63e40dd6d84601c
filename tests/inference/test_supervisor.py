import logging

import pytest

from appliance.errors import BrokenRunError, InferenceError, NoDeviceError, ParityError, WrongModelError
from appliance.inference.ladder import FAILURES, FIRST_S, MOST_S, SETTLE_S, TRIAL_FIRST_S, Ladder
from appliance.inference.manifest import Device
from appliance.inference.supervisor import Supervisor
from appliance.inference.wire import Ready
from appliance.usb.care import Remedy
from tests.camera.fake_clock import FakeClock

STARTED = Ready({"depth": 9.0}, {"depth": 2.0})


class FakeProcess:
    """Starts when told, fails when told, and ends when killed, if it can be."""

    def __init__(self, device: Device) -> None:
        self.device: Device = device
        self.ready: Ready | None = None
        self.trouble: InferenceError | None = None
        self.killed = self.stopped = False
        self.unkillable = self.busy = False
        self.end: int | None = None

    def fault(self) -> InferenceError | None:
        return self.trouble

    def kill(self) -> None:
        self.killed = True

    def gone(self) -> bool:
        return self.killed and not self.unkillable

    def stop(self) -> None:
        self.stopped = True


class FakeCare:
    """Notes what is asked of it, and is done with it when told."""

    def __init__(self) -> None:
        self.begun: list[Remedy] = []
        self.done: bool | None = None
        self.resets = self.power_cycles = 0

    def begin(self, remedy: Remedy) -> bool:
        self.begun.append(remedy)
        self.resets = self.begun.count("reset")
        self.power_cycles = self.begun.count("power")
        self.done = None
        return True

    def poll(self) -> bool | None:
        return self.done


class Bench:
    """A supervisor with its clock and all processes that it has started."""

    def __init__(
        self,
        *devices: Device,
        present: bool = True,
        expected: bool = False,
        care: FakeCare | None = None,
    ) -> None:
        self.clock = FakeClock()
        self.started: list[FakeProcess] = []
        ladder = Ladder(
            devices or ("edgetpu", "cpu"), lambda: present, self.clock.now_s, lambda _low, high: high
        )
        self.supervisor = Supervisor(self.start, ladder, self.clock, care=care, expected=expected)

    def start(self, device: Device) -> FakeProcess:
        self.started.append(FakeProcess(device))
        return self.started[-1]

    def look(self, after_s: float = 0.0) -> None:
        self.clock.sleep_s(after_s)
        self.supervisor.look()

    def last_is_ready(self) -> FakeProcess:
        self.look()
        self.started[-1].ready = STARTED
        self.look()
        assert self.supervisor.serving is self.started[-1]
        return self.started[-1]

    def last_fails(self, error: InferenceError | None = None) -> None:
        self.started[-1].trouble = error or BrokenRunError("it died")
        self.look()


def test_nobody_serves_before_it_is_ready() -> None:
    bench = Bench("cpu")
    assert (bench.supervisor.serving, str(bench.supervisor.why)) == (None, "the networks are starting")
    bench.look()
    assert bench.supervisor.serving is None
    assert bench.supervisor.busy
    process = bench.last_is_ready()
    assert process.device == bench.supervisor.device == "cpu"
    assert not bench.supervisor.busy
    assert bench.supervisor.complaints() == ()


def test_a_process_that_fails_is_killed_and_another_one_takes_its_place() -> None:
    bench = Bench("cpu")
    first = bench.last_is_ready()
    bench.last_fails()
    assert first.killed
    assert bench.supervisor.serving is None
    assert "it died" in str(bench.supervisor.why)
    assert bench.supervisor.complaints() == (
        "faults of the networks within an hour: 1, last on the processor: it died",
    )
    bench.look(1.0)
    assert bench.last_is_ready() is not first
    bench.look(3601.0)
    assert bench.supervisor.complaints() == ()


def test_a_start_that_fails_again_and_again_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    bench = Bench("cpu")

    def fails(what: str) -> None:
        bench.look(MOST_S)
        bench.last_fails(WrongModelError(what))

    with caplog.at_level(logging.WARNING):
        for what in ("is missing", "is missing", "is too short", "is too short"):
            fails(what)
        bench.look(MOST_S)
        bench.last_is_ready()
        bench.last_fails(WrongModelError("is too short"))
    assert [record.getMessage() for record in caplog.records] == [
        "networks on the processor: is missing",
        "networks on the processor: is too short",
        "networks on the processor: is too short",
    ]
    assert "within an hour: 5" in bench.supervisor.complaints()[0]


def test_the_kind_of_a_fault_is_told_to_who_asks() -> None:
    bench = Bench("cpu")
    bench.look()
    bench.last_fails(NoDeviceError("no runtime"))
    assert isinstance(bench.supervisor.why, NoDeviceError)
    assert bench.supervisor.hopeless
    bench.look(1.0)
    bench.last_is_ready()
    assert not bench.supervisor.hopeless


def test_the_processor_stands_in_after_repeated_faults_of_the_edge_tpu() -> None:
    bench = Bench()
    for _ in range(FAILURES):
        assert bench.supervisor.device == "edgetpu"
        bench.look(MOST_S)
        bench.last_is_ready()
        bench.last_fails(BrokenRunError("its process died (by SIGABRT)"))
    assert bench.supervisor.device == "cpu"
    assert bench.started[-1].device == "cpu", "it was started in the same look"
    bench.last_is_ready()
    assert bench.supervisor.complaints()[0] == (
        "the processor stands in for the Edge TPU: its process died (by SIGABRT);"
        " it is tried again from time to time"
    )


def test_the_processor_serves_while_the_edge_tpu_is_tried_again() -> None:
    bench = Bench()
    bench.look()
    bench.last_fails(NoDeviceError("none answers"))
    assert not bench.supervisor.hopeless, "the processor is next"
    cpu = bench.last_is_ready()
    bench.look(TRIAL_FIRST_S)
    tpu = bench.started[-1]
    assert (tpu.device, bench.supervisor.serving) == ("edgetpu", cpu)
    bench.last_fails(NoDeviceError("none answers still"))
    assert bench.supervisor.serving is cpu
    assert not cpu.killed
    assert "none answers still" in bench.supervisor.complaints()[0]
    bench.look(2 * TRIAL_FIRST_S)
    tpu = bench.last_is_ready()
    assert (tpu.device, bench.supervisor.device, cpu.killed) == ("edgetpu", "edgetpu", True)
    assert not any("stands in" in said for said in bench.supervisor.complaints())


def test_an_edge_tpu_that_does_not_answer_is_reset_then_switched_off_and_on_while_the_processor_serves() -> (
    None
):
    care = FakeCare()
    bench = Bench(care=care)
    bench.look()
    bench.last_fails(NoDeviceError("none answers"))
    cpu = bench.last_is_ready()
    assert care.begun == ["reset"]
    assert "; it is being reset" in bench.supervisor.complaints()[0]
    for remedy in ("power", None):
        care.done, processes = True, len(bench.started)
        bench.look()
        assert len(bench.started) == processes, "the device has to settle first"
        bench.look(SETTLE_S)
        assert bench.started[-1].device == "edgetpu"
        bench.last_fails(NoDeviceError("none answers still"))
        assert care.begun[-1] == (remedy or "power")
        assert bench.supervisor.serving is cpu
    assert care.begun == ["reset", "power"]
    counts = bench.supervisor.counts()
    assert (counts.faults, counts.respawns, counts.usb_resets, counts.power_cycles) == (3, 3, 1, 1)


def test_nothing_is_done_to_a_device_that_a_process_still_holds() -> None:
    care = FakeCare()
    bench = Bench(care=care)
    bench.last_is_ready().unkillable = True
    bench.last_fails(NoDeviceError("none answers"))
    bench.look(1.0)
    assert care.begun == []
    bench.look(5.0)
    assert care.begun == ["reset"]
    assert bench.supervisor.counts().stuck == 1
    assert any("reboot" in said for said in bench.supervisor.complaints())


def test_a_wrong_model_is_no_reason_to_reset_the_device() -> None:
    care = FakeCare()
    bench = Bench(care=care)
    bench.look()
    bench.last_fails(WrongModelError("is too short"))
    bench.last_is_ready()
    assert care.begun == []


def test_who_waits_for_an_answer_gets_it_though_another_process_serves_by_then() -> None:
    bench = Bench()
    bench.look()
    bench.last_fails(NoDeviceError("none answers"))
    cpu = bench.last_is_ready()
    cpu.busy = True
    bench.look(TRIAL_FIRST_S)
    bench.last_is_ready()
    assert (bench.supervisor.device, cpu.killed) == ("edgetpu", False)
    cpu.busy = False
    bench.look(0.1)
    assert cpu.killed


def test_a_process_that_cannot_be_killed_keeps_no_other_from_the_processor() -> None:
    bench = Bench()
    bench.last_is_ready().unkillable = True
    bench.last_fails()
    bench.look(1.0)
    assert len(bench.started) == 1, "the Edge TPU is still held"
    bench.look(5.0)
    assert len(bench.started) == 2
    bench.last_fails(NoDeviceError("held"))
    assert bench.last_is_ready().device == "cpu"


@pytest.mark.parametrize(("expected", "said"), [(False, 0), (True, 1)])
def test_an_absent_edge_tpu_is_worth_a_word_only_where_it_is_expected(*, expected: bool, said: int) -> None:
    bench = Bench(present=False, expected=expected)
    bench.last_is_ready()
    assert len(bench.supervisor.complaints()) == said


def test_a_process_that_cannot_be_started_is_a_fault_like_any() -> None:
    bench = Bench("cpu")

    def start(_device: Device) -> FakeProcess:
        raise OSError(11, "Resource temporarily unavailable")

    bench.supervisor = Supervisor(start, Ladder(("cpu",), lambda: False, 0.0), bench.clock)
    bench.look()
    assert "cannot be started: Resource temporarily unavailable" in str(bench.supervisor.why)


def test_closing_ends_everyone() -> None:
    bench = Bench()
    bench.look()
    bench.last_fails(NoDeviceError("none answers"))
    bench.last_is_ready()
    bench.look(TRIAL_FIRST_S)
    bench.supervisor.close()
    assert [process.stopped for process in bench.started[-2:]] == [True, False]
    assert bench.started[-1].killed, "nobody waits for one that only starts"
    assert "closed" in str(bench.supervisor.why)


def test_networks_that_disagree_with_the_workstation_are_hopeless_and_tried_again_ever_more_rarely() -> None:
    bench = Bench("cpu")
    bench.look()
    starts = len(bench.started)
    assert starts == 1
    bench.last_fails(ParityError("depth: answers otherwise"))
    assert bench.supervisor.hopeless
    assert isinstance(bench.supervisor.why, ParityError)
    for _ in range(100):
        bench.look(FIRST_S / 200)
    assert len(bench.started) == starts
    for _ in range(3600):
        bench.look(1.0)
        if bench.started[-1].trouble is None:
            bench.last_fails(ParityError("depth: answers otherwise"))
    assert len(bench.started) - starts < 3600 / MOST_S + 10
    (said,) = bench.supervisor.complaints()
    assert "last on the processor: depth: answers otherwise" in said


def test_an_edge_tpu_that_disagrees_hands_its_work_over_at_once_and_is_reset() -> None:
    care = FakeCare()
    bench = Bench(care=care)
    bench.look()
    bench.last_fails(ParityError("depth: answers otherwise"))
    assert bench.last_is_ready().device == "cpu"
    assert care.begun == ["reset"]
    assert "the processor stands in for the Edge TPU: depth: answers otherwise" in " ".join(
        bench.supervisor.complaints()
    )


def test_networks_that_are_taken_on_trust_are_a_complaint_while_they_serve() -> None:
    bench = Bench("cpu")
    process = bench.last_is_ready()
    process.ready = Ready({}, {}, unproven="parity.npz: missing")
    (said,) = bench.supervisor.complaints()
    assert said.startswith("parity.npz: missing; meanwhile")
    bench.last_fails()
    assert "trust" not in " ".join(bench.supervisor.complaints())
