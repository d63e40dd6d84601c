"""Opening models with the real LiteRT, and with runtimes that fail as theirs do."""

import shutil
import subprocess
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from ai_edge_litert import interpreter as litert

from appliance.errors import BrokenRunError, NoDeviceError, WrongModelError
from appliance.inference.encode import Encoder
from appliance.inference.engine import Engine, Wanted, open_model
from appliance.inference.manifest import Device, ModelEntry, load_manifest
from appliance.inference.runtime import find_runtime
from tests.inference.entries import entry, models_folder, networks_folder, write_manifest
from tests.inference.roots import plug_in

SHIPPED = Path(__file__).resolve().parents[2] / "models"
ENTRY = next(one for one in load_manifest(SHIPPED / "manifest.json").models if one.name == "resnet")
FILE = ENTRY.files[0]


def run(engine: Engine, shade: int = 90) -> tuple[np.ndarray, ...]:
    _, height, width, _ = engine.file.input.shape
    return engine.run(Encoder(engine.file.input).encode(np.full((height, width, 3), shade, np.uint8)))


@pytest.fixture
def both(tmp_path: Path) -> Path:
    """A folder whose model has the same file for the processor and for the Edge TPU; returns the first."""
    compiled = FILE.model_copy(update={"file": "resnet.edgetpu.tflite", "device": "edgetpu"})
    write_manifest(tmp_path, ENTRY.model_copy(update={"files": (FILE, compiled)}))
    for file in (FILE, compiled):
        shutil.copyfile(SHIPPED / FILE.file, tmp_path / file.file)
    return tmp_path / FILE.file


@pytest.fixture
def plugged_in(tmp_path: Path) -> Path:
    """A root with an Edge TPU."""
    root = tmp_path / "root"
    plug_in(root, ("18d1", "9302"))
    return root


class FakeRuntime:
    """The real LiteRT, which on the Edge TPU fails as told, or runs on the processor in its place."""

    def __init__(self, failure: Exception | None = None) -> None:
        self._failure = failure

    def on_cpu(self, path: Path, threads: int) -> Any:  # noqa: ANN401
        return find_runtime().on_cpu(path, threads)

    def on_edge_tpu(self, path: Path) -> Any:  # noqa: ANN401
        if self._failure is not None:
            raise self._failure
        return self.on_cpu(path, 1)


REFUSED = ValueError("Failed to load delegate from libedgetpu.so.1")
ABSENT = OSError("libedgetpu.so.1: cannot open shared object file: No such file or directory")


def test_a_model_runs_on_the_processor_and_answers_the_same_with_more_threads(tmp_path: Path) -> None:
    one, two = (open_model(SHIPPED / FILE.file, "cpu", threads=threads) for threads in (1, 2))
    assert one.file == FILE
    outputs = run(one)
    assert [output.shape for output in outputs] == [signature.shape for signature in FILE.outputs]
    assert [output.dtype.name for output in outputs] == [signature.dtype for signature in FILE.outputs]
    assert all(np.array_equal(first, second) for first, second in zip(outputs, run(two), strict=True))
    assert not np.array_equal(outputs[0], run(one, 200)[0])
    assert open_model(SHIPPED / FILE.file, root=tmp_path).file.device == "cpu", "auto, without an Edge TPU"


def test_a_tensor_of_another_shape_is_a_broken_run() -> None:
    with pytest.raises(BrokenRunError, match="stopped while it ran"):
        open_model(SHIPPED / FILE.file, "cpu").run(np.zeros((1, 8, 8, 3), np.int8))


@pytest.mark.parametrize(
    ("wanted", "failure", "device"),
    [
        ("auto", None, "edgetpu"),
        ("auto", REFUSED, "cpu"),
        ("auto", ABSENT, "cpu"),
        ("edgetpu", None, "edgetpu"),
        ("cpu", REFUSED, "cpu"),
    ],
)
def test_the_file_for_the_device_is_taken(
    both: Path, plugged_in: Path, wanted: Wanted, failure: Exception | None, device: Device
) -> None:
    engine = open_model(both, wanted, root=plugged_in, runtime=FakeRuntime(failure))
    assert engine.file.device == device
    assert run(engine)[0].any()


def test_auto_leaves_the_library_alone_where_no_edge_tpu_is(both: Path, tmp_path: Path) -> None:
    broken = FakeRuntime(AssertionError("the Edge TPU was asked"))
    assert open_model(both, root=tmp_path / "nothing", runtime=broken).file.device == "cpu"


@pytest.mark.parametrize(
    ("failure", "there", "node", "message"),
    [
        (ABSENT, True, True, "cannot be loaded .*; install a libedgetpu1-std"),
        (REFUSED, False, True, "no Edge TPU is plugged in; plug it"),
        (REFUSED, True, False, "may not be opened; install systemd/udev"),
        (REFUSED, True, True, "does not answer; another process may hold it"),
    ],
    ids=["no library", "not plugged in", "not allowed", "held"],
)
def test_why_there_is_no_edge_tpu_and_what_to_do(
    both: Path, tmp_path: Path, failure: Exception, *, there: bool, node: bool, message: str
) -> None:
    if there:
        plug_in(tmp_path, ("1a6e", "089a"), node=node)
    with pytest.raises(NoDeviceError, match=message):
        open_model(both, "edgetpu", root=tmp_path, runtime=FakeRuntime(failure))


def test_the_edge_tpu_library_is_really_absent_here(both: Path) -> None:
    with pytest.raises(NoDeviceError, match="cannot be loaded"):
        open_model(both, "edgetpu", runtime=find_runtime("libnothing-of-this-name.so.1"))


def changed(one: ModelEntry, **output: object) -> ModelEntry:
    first, *others = one.files[0].outputs
    outputs = (first.model_copy(update=output), *others)
    return one.model_copy(update={"files": (one.files[0].model_copy(update={"outputs": outputs}),)})


@pytest.mark.parametrize(
    ("output", "message"),
    [
        ({"scale": 0.5}, "output segmentation has scale"),
        ({"zero_point": 1}, "output segmentation has zero point"),
        ({"name": "classes"}, "no output classes; unknown output segmentation"),
    ],
)
def test_tensors_that_differ_from_the_manifest_are_refused(output: dict[str, Any], message: str) -> None:
    with pytest.raises(WrongModelError, match=message):
        open_model(SHIPPED / FILE.file, "cpu", entry=changed(ENTRY, **output))


def test_a_file_of_another_content_is_not_opened(both: Path) -> None:
    content = bytearray(both.read_bytes())
    content[len(content) // 2] ^= 1
    both.write_bytes(content)
    with pytest.raises(WrongModelError, match="SHA-256 is"):
        open_model(both, "cpu")


def test_what_the_manifest_does_not_name_is_not_run(both: Path, tmp_path: Path) -> None:
    shutil.copyfile(both, tmp_path / "other.tflite")
    with pytest.raises(WrongModelError, match=r"does not name it"):
        open_model(tmp_path / "other.tflite")
    (tmp_path / "manifest.json").unlink()
    with pytest.raises(WrongModelError, match=r"manifest\.json: missing"):
        open_model(both)


def test_a_file_that_is_no_model(tmp_path: Path) -> None:
    folder = models_folder(tmp_path / "models", entry(b"one"))
    with pytest.raises(WrongModelError, match=r"cannot be read .*; convert it again"):
        open_model(folder / "depth.tflite", "cpu")


def test_a_model_without_a_file_for_the_device(tmp_path: Path) -> None:
    folder = networks_folder(tmp_path / "models", devices=("cpu",))
    with pytest.raises(WrongModelError, match="no file for the Edge TPU; compile"):
        open_model(folder / "depth.cpu.tflite", "edgetpu")


def test_tflite_runtime_serves_where_litert_is_not(monkeypatch: pytest.MonkeyPatch) -> None:
    """It has the same interface; LiteRT itself stands for it here."""
    monkeypatch.setitem(sys.modules, "ai_edge_litert.interpreter", None)
    with pytest.raises(NoDeviceError, match="pip install"):
        open_model(SHIPPED / FILE.file, "cpu")
    monkeypatch.setitem(sys.modules, "tflite_runtime", ModuleType("tflite_runtime"))
    monkeypatch.setitem(sys.modules, "tflite_runtime.interpreter", litert)
    assert run(open_model(SHIPPED / FILE.file, "cpu"))[0].any()


@pytest.fixture
def pycoral(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    edgetpu: Any = ModuleType("pycoral.utils.edgetpu")
    edgetpu.listed = [{"type": "usb", "path": "/sys/bus/usb/devices/2-1"}]
    edgetpu.list_edge_tpus = lambda: edgetpu.listed
    edgetpu.make_interpreter = litert.Interpreter
    for name in ("pycoral", "pycoral.utils"):
        monkeypatch.setitem(sys.modules, name, ModuleType(name))
    monkeypatch.setitem(sys.modules, "pycoral.utils.edgetpu", edgetpu)
    return edgetpu  # type: ignore[no-any-return]


def test_pycoral_opens_the_edge_tpu_where_a_site_has_it(both: Path, pycoral: Any) -> None:  # noqa: ANN401
    engine = open_model(both, "edgetpu")
    assert engine.file.device == "edgetpu"
    assert run(engine)[0].any()
    pycoral.listed.clear()
    with pytest.raises(NoDeviceError, match="pycoral lists no Edge TPU"):
        open_model(both, "edgetpu")
    assert open_model(both, "cpu").file.device == "cpu"


def test_another_package_of_that_name_is_left_alone(pycoral: Any) -> None:  # noqa: ANN401
    del pycoral.make_interpreter
    assert run(open_model(SHIPPED / FILE.file, "cpu"))[0].any()


_DELEGATE = """
#include <stdint.h>
#include <stddef.h>
typedef struct {
    void *data; int (*prepare)(void *, void *); void *rest[3]; int64_t flags; void *builder;
} Delegate;
static int prepare(void *context, void *delegate) { return 0; }
static Delegate idle = { .prepare = prepare };
void *tflite_plugin_create_delegate(char **keys, char **values, size_t n, void (*report)(const char *)) {
#ifdef REFUSES
    report("no device answers"); return NULL;
#else
    return &idle;
#endif
}
void tflite_plugin_destroy_delegate(void *delegate) {}
"""


@pytest.mark.skipif(shutil.which("cc") is None, reason="no C compiler")
@pytest.mark.parametrize("how", ["-DWORKS", "-DREFUSES"])
def test_a_delegate_is_loaded_and_its_refusal_understood(both: Path, tmp_path: Path, how: str) -> None:
    """A library with the interface of libedgetpu, which leaves all operators to the processor."""
    (tmp_path / "delegate.c").write_text(_DELEGATE)
    library = tmp_path / "libdelegate.so"
    subprocess.run(["cc", "-shared", "-fPIC", how, "-o", library, tmp_path / "delegate.c"], check=True)
    runtime = find_runtime(str(library))
    if how == "-DWORKS":
        assert run(open_model(both, "edgetpu", runtime=runtime))[0].any()
    else:
        with pytest.raises(NoDeviceError, match="no device answers"):
            open_model(both, "edgetpu", runtime=runtime)
