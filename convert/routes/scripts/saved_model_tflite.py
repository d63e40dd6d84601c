"""Turn a SavedModel into TFLite, float32 and full-integer int8; run by a converter environment's Python."""

import argparse
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import tensorflow as tf
from tensorflow.lite.tools import flatbuffer_utils

SIGNATURE = "serving_default"


def float32(saved_model: Path) -> bytes:
    """Return the model as it is."""
    return bytes(_converter(saved_model).convert())


def int8(saved_model: Path, pictures: npt.NDArray[np.float32], input_name: str, io: str) -> bytes:
    """Return the model with every operator in int8; the ranges of activations are those of the pictures.

    Weights of convolutions are quantised per channel. Those of fully connected layers are not: such files
    are newer than the Edge TPU compiler, and older kernels read them wrongly. `pictures`: (N, H, W, 3),
    normalised; `io`: type of inputs and outputs, `int8`, `uint8` or `float32`.
    """

    def representative() -> Iterator[dict[str, npt.NDArray[np.float32]]]:
        for picture in pictures:
            yield {input_name: picture[np.newaxis]}

    converter = _converter(saved_model)
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    converter.representative_dataset = representative
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    converter.inference_input_type = tf.dtypes.as_dtype(io)
    converter.inference_output_type = tf.dtypes.as_dtype(io)
    converter._experimental_disable_per_channel_quantization_for_dense_layers = True  # noqa: SLF001 - no other way
    return bytes(converter.convert())


def named(model: bytes, input_name: str, output_names: list[str]) -> bytes:
    """Return the file with its input's and outputs' tensors named, and the outputs in the given order.

    The converter orders outputs at its own discretion and names them by number; its signature, which tells
    them apart, may not outlive the Edge TPU compiler, while names and order do.
    """
    content = flatbuffer_utils.convert_bytearray_to_object(bytearray(model))
    (graph,) = content.subgraphs
    (signature,) = content.signatureDefs
    index_of = {entry.name.decode(): entry.tensorIndex for entry in signature.outputs}
    graph.outputs = np.array([index_of[name] for name in output_names], np.int32)
    for name, index in ((input_name, graph.inputs[0]), *zip(output_names, graph.outputs, strict=True)):
        graph.tensors[index].name = name.encode()
    return bytes(flatbuffer_utils.convert_object_to_bytearray(content))


def _converter(saved_model: Path) -> tf.lite.TFLiteConverter:
    return tf.lite.TFLiteConverter.from_saved_model(str(saved_model), signature_keys=[SIGNATURE])


def main() -> None:
    """Read the arguments and write both files."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--saved-model", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--float32", type=Path, required=True)
    parser.add_argument("--int8", type=Path, required=True)
    parser.add_argument("--io", choices=("int8", "uint8", "float32"), required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--outputs", nargs="+", required=True)
    options = parser.parse_args()
    pictures = np.load(options.pictures, mmap_mode="r")
    options.float32.write_bytes(named(float32(options.saved_model), options.input, options.outputs))
    quantised = int8(options.saved_model, pictures, options.input, options.io)
    options.int8.write_bytes(named(quantised, options.input, options.outputs))


if __name__ == "__main__":
    main()
