"""Turn an ONNX file into a channels-last SavedModel with onnx2tf; run by its environment's Python."""

import argparse
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

import numpy as np
import onnx
import onnx2tf
import tensorflow as tf

SAMPLE: Final = "calibration_image_sample_data_20x128x128x3_float32.npy"
"""onnx2tf runs the network on this file to tell layouts apart, and downloads it unless it lies in the working
directory."""

MEANING_CHANGER: Final = "fuse_pad_into_pool"
"""The simplifier would move a max pool's zero padding into the pool, whose own padding is minus infinity:
no quantiser can represent that beside activations."""

RANDOM_CHECKS: Final = 1
"""Random inputs on which the simplified network has to compute what the original does."""


def saved_model(onnx_file: Path, sample: Path, out: Path, input_name: str, output_names: list[str]) -> None:
    """Write `out`, a SavedModel with one signature: (1, H, W, 3) float32 to the named outputs.

    Works in the current directory, which has to be a scratch one.
    """
    network = onnx.load(onnx_file)
    _, _, height, width = (d.dim_value for d in network.graph.input[0].type.tensor_type.shape.dim)
    # In a process of its own, for the simplifier and TensorFlow crash each other.
    subprocess.run(  # noqa: S603 - a list of words, and no shell
        [
            sys.executable, "-m", "onnxsim", onnx_file, "simple.onnx", str(RANDOM_CHECKS),
            "--skip-optimization", MEANING_CHANGER,
            "--overwrite-input-shape", f"{input_name}:1,3,{height},{width}",
        ],
        check=True,
    )  # fmt: skip
    np.save(SAMPLE, np.load(sample, mmap_mode="r")[:20])
    model = onnx2tf.convert(
        input_onnx_file_path="simple.onnx",
        output_folder_path="unused",
        not_use_onnxsim=True,
        disable_model_save=True,
        non_verbose=True,
    )

    def serve(picture: tf.Tensor) -> dict[str, tf.Tensor]:
        outputs = model(picture)
        return dict(zip(output_names, outputs if isinstance(outputs, list) else [outputs], strict=True))

    module = tf.Module()
    module.model = model
    module.serve = tf.function(serve, [tf.TensorSpec((1, height, width, 3), tf.float32, input_name)])
    tf.saved_model.save(module, str(out), signatures={"serving_default": module.serve})


def main() -> None:
    """Read the arguments and work in a folder of its own."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--onnx", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--outputs", nargs="+", required=True)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as scratch:
        os.chdir(scratch)
        saved_model(options.onnx, options.pictures, options.out, options.input, options.outputs)


if __name__ == "__main__":
    main()
