"""A .tflite file as a stage, and what the manifest says of it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from convert.errors import ModelFileError, ToolError
from convert.networks.spec import Output
from convert.networks.stage import Array
from convert.tflite.run import tflite_signature, tflite_stage
from tests.convert.tflite.models import CONV, Builder
from tests.convert.tflite.networks import (
    CLASSES,
    DEPTH,
    INPUT_SCALE,
    OUTPUT_SCALE,
    OUTPUT_ZERO,
    SPEC,
    tiny,
)

PAIRS = Path(__file__).parents[4] / "shared" / "data" / "edgetpu_pairs"


@pytest.fixture
def images() -> Array:
    return np.random.default_rng(0).uniform(-1, 1, (3, SPEC.height, SPEC.width, 3)).astype(np.float32)


def written(tmp_path: Path, content: bytes) -> Path:
    path = tmp_path / "tiny.tflite"
    path.write_bytes(content)
    return path


def expected(images: Array) -> tuple[Array, Array]:
    red, green, blue = np.moveaxis(images, -1, 0)
    return np.stack([red - green, blue], axis=-1), 2 * green[..., np.newaxis]


def test_a_float_file_gives_what_its_weights_say_in_the_order_of_the_spec(
    tmp_path: Path, images: Array
) -> None:
    stage = tflite_stage(written(tmp_path, tiny()), SPEC)
    assert stage.name == "tflite float32"
    for found, wanted in zip(stage.run(images), expected(images), strict=True):
        assert found.dtype == np.float32
        np.testing.assert_allclose(found, wanted, atol=1e-5)


@pytest.mark.parametrize("dtype", ["int8", "uint8"])
def test_an_integer_file_agrees_within_its_steps(tmp_path: Path, images: Array, dtype: str) -> None:
    stage = tflite_stage(written(tmp_path, tiny(dtype)), SPEC)
    assert stage.name == "tflite int8"
    for found, wanted in zip(stage.run(images), expected(images), strict=True):
        assert found.dtype == np.float32
        # Half a step of the output, and half a step of the input times the weights' sum.
        assert np.abs(found - wanted).max() <= OUTPUT_SCALE / 2 + 2 * INPUT_SCALE / 2 + 0.03
        np.testing.assert_allclose(found / OUTPUT_SCALE, np.rint(found / OUTPUT_SCALE), atol=1e-3)


def test_files_whose_names_are_lost_are_told_apart_by_shape(tmp_path: Path, images: Array) -> None:
    path = written(tmp_path, tiny(names=("PartitionedCall:1", "PartitionedCall:0")))
    scores, depth = tflite_stage(path, SPEC).run(images)
    assert scores.shape == (3, 4, 6, 2)
    np.testing.assert_allclose(depth, expected(images)[1], atol=1e-5)


def test_outputs_of_one_shape_without_names_are_refused(tmp_path: Path) -> None:
    twins = replace(SPEC, outputs=(DEPTH, replace(DEPTH, name="other_depth")))
    b = Builder()
    image = b.tensor((1, 4, 6, 3), "float32", name="image")
    outputs = [b.tensor((1, 4, 6, 1), "float32", name=f"Identity_{n}") for n in range(2)]
    for output in outputs:
        b.operator("MEAN", (image, b.constant(3)), (output,), {"type": "ReducerOptions", "keepDims": True})
    with pytest.raises(ModelFileError, match=r"several outputs could be inverse_depth 1x4x6x1"):
        tflite_stage(written(tmp_path, b.pack([image], outputs)), twins)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"height": 8}, "takes 1x4x6x3, tiny 1x8x6x3"),
        ({"outputs": (DEPTH,)}, "2 outputs, where tiny has 1"),
        ({"outputs": (DEPTH, replace(CLASSES, classes=("a", "b", "c")))}, "output segmentation is 1x4x6x2"),
        (
            {"outputs": (DEPTH, Output("quantity", "quantity", ("less", "more")))},
            "no output could be quantity 1x2",
        ),
    ],
)
def test_the_file_of_another_network_is_refused(
    tmp_path: Path, change: dict[str, object], message: str
) -> None:
    path = written(tmp_path, tiny())
    with pytest.raises(ModelFileError, match=message) as caught:
        tflite_signature(path, replace(SPEC, **change))  # type: ignore[arg-type]
    assert str(caught.value).startswith(f"{path}: ")


def test_channels_first_is_named_as_such(tmp_path: Path) -> None:
    b = Builder()
    image = b.tensor((1, 3, 4, 6), "float32", name="image")
    path = written(tmp_path, b.pack([image], [image]))
    with pytest.raises(ModelFileError, match="channels first"):
        tflite_stage(path, SPEC)


def test_the_signature_is_that_of_the_file(tmp_path: Path) -> None:
    picture, (scores, depth) = tflite_signature(written(tmp_path, tiny("int8")), SPEC)
    assert (picture.name, picture.shape, picture.dtype) == ("image", (1, 4, 6, 3), "int8")
    assert picture.scale == pytest.approx(INPUT_SCALE)
    assert (picture.mean, picture.std) == (SPEC.mean, SPEC.std)
    assert (scores.name, scores.meaning, scores.classes) == ("segmentation", "segmentation", CLASSES.classes)
    assert (depth.meaning, depth.classes, depth.zero_point) == ("inverse_depth", (), OUTPUT_ZERO)


def test_a_float_signature_has_no_scale(tmp_path: Path) -> None:
    picture, outputs = tflite_signature(written(tmp_path, tiny()), SPEC)
    assert picture.scale is picture.zero_point is None
    assert {output.dtype for output in outputs} == {"float32"}


@pytest.mark.parametrize("kept", [0, 3, 40, 0.5, 0.95])
def test_a_file_cut_off_is_one_line(tmp_path: Path, kept: float) -> None:
    content = tiny("int8")
    path = written(tmp_path, content[: int(kept * len(content)) if kept < 1 else int(kept)])
    with pytest.raises(ModelFileError, match=r"^[^\n]+tiny\.tflite: [^\n]+$"):
        tflite_stage(path, SPEC)


def test_what_the_runtime_refuses_is_one_line(tmp_path: Path) -> None:
    b = Builder()
    image = b.tensor((1, 4, 6, 3), "float32", name="image")
    depth = b.operator("no-such-operator", (image,), (b.tensor((1, 4, 6, 1), "float32"),))
    path = written(tmp_path, b.pack([image], [depth]))
    with pytest.raises(ModelFileError, match=r"cannot be run by LiteRT \([^\n]+no-such-operator[^\n]*$"):
        tflite_stage(path, replace(SPEC, outputs=(DEPTH,)))


def test_outputs_of_another_shape_than_declared_are_one_line(tmp_path: Path, images: Array) -> None:
    b = Builder()
    image = b.tensor((1, 4, 6, 3), "float32", name="image")
    kernel = b.constant(np.ones((1, 1, 1, 3)), "float32")
    depth = b.tensor((1, 4, 6, 1), "float32")
    b.operator(
        "CONV_2D", (image, kernel, b.constant(np.zeros(1), "float32")), (depth,), {**CONV, "strideW": 2}
    )
    path = written(tmp_path, b.pack([image], [depth]))
    with pytest.raises(ModelFileError, match=r"tiny\.tflite: stopped while it ran \([^\n]+\)$"):
        tflite_stage(path, replace(SPEC, outputs=(DEPTH,))).run(images)


def test_a_compiled_file_needs_the_device_and_says_so(tmp_path: Path) -> None:
    b = Builder()
    image = b.tensor((1, 4, 6, 3), name="image")
    depth = b.operator("edgetpu-custom-op", (image,), (b.tensor((1, 4, 6, 1)),))
    path = written(tmp_path, b.pack([image], [depth]))
    with pytest.raises(ToolError, match="compiled for the Edge TPU"):
        tflite_stage(path, replace(SPEC, outputs=(DEPTH,)))


@pytest.mark.skipif(not PAIRS.exists(), reason="the data beside the checkout is absent")
def test_the_signature_of_a_compiled_file_is_that_of_its_source() -> None:
    spec = replace(
        SPEC,
        height=128,
        width=128,
        outputs=(Output("classes", "quantity", tuple(f"class_{n}" for n in range(1001))),),
    )
    plain = tflite_signature(PAIRS / "mobilenet_v1_0.25_128_quant.tflite", spec)
    assert plain[0].dtype == "uint8"
    assert plain[1][0].shape == (1, 1001)
    assert tflite_signature(PAIRS / "mobilenet_v1_0.25_128_quant_edgetpu.tflite", spec) == plain
