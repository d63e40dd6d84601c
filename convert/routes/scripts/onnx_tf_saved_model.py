"""Turn an ONNX file into a SavedModel with onnx-tf; run by its environment's Python.

Inside, onnx-tf keeps the channels first; at the border they are last, as with every other route.
"""

import argparse
from pathlib import Path

import onnx
import onnx_tf.backend
import tensorflow as tf


def saved_model(onnx_file: Path, out: Path, input_name: str, output_names: list[str]) -> None:
    """Write `out`, a SavedModel with one signature: (1, H, W, 3) float32 to the named outputs."""
    network = onnx.load(onnx_file)
    dimensions = network.graph.input[0].type.tensor_type.shape.dim
    dimensions[0].dim_value = 1
    _, _, height, width = (d.dim_value for d in dimensions)
    module = onnx_tf.backend.prepare(network).tf_module

    def serve(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        found = module(**{input_name: tf.transpose(picture, (0, 3, 1, 2))})
        return {name: _channels_last(found[name]) for name in output_names}

    module.serve = tf.function(serve, [tf.TensorSpec((1, height, width, 3), tf.float32, input_name)])
    tf.saved_model.save(module, str(out), signatures={"serving_default": module.serve})


def _channels_last(output: tf.Tensor) -> tf.Tensor:
    return tf.transpose(output, (0, 2, 3, 1)) if output.shape.rank == 4 else output


def main() -> None:
    """Read the arguments; the sample pictures, which another converter needs, are not looked at."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--onnx", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--outputs", nargs="+", required=True)
    options = parser.parse_args()
    saved_model(options.onnx, options.out, options.input, options.outputs)


if __name__ == "__main__":
    main()
