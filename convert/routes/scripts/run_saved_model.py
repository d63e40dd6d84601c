"""Run a SavedModel on pictures; run by a converter environment's Python."""

import argparse
from pathlib import Path

import numpy as np
import tensorflow as tf


def main() -> None:
    """Read the arguments, run the model picture by picture and write one .npy for each output."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--saved-model", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--input", required=True)
    parser.add_argument("--outputs", nargs="+", required=True)
    options = parser.parse_args()
    serve = tf.saved_model.load(str(options.saved_model)).signatures["serving_default"]
    found = [
        serve(**{options.input: tf.constant(picture[np.newaxis])})
        for picture in np.load(options.pictures, mmap_mode="r")
    ]
    for name in options.outputs:
        np.save(options.out / f"{name}.npy", np.concatenate([outputs[name].numpy() for outputs in found]))


if __name__ == "__main__":
    main()
