"""Engines for the networks' process: they live in a module of their own because the process imports it."""

import ctypes
import os
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from appliance.errors import NoDeviceError
from appliance.inference.encode import Tensor
from appliance.inference.manifest import Device, ModelFile
from appliance.inference.selection import Network, Selection

SLOW_S = 0.5


@dataclass
class ChildEngine:
    """Gives back its input's red channel, as depth or as every class's score; obeys `orders` first."""

    file: ModelFile
    orders: Path

    def run(self, tensor: Tensor) -> tuple[npt.NDArray[Any], ...]:
        order = take(self.orders, self.file.device)
        obey(order)
        red = tensor[:, :, :, :1]
        outputs: list[npt.NDArray[Any]] = []
        for signature in self.file.outputs:
            values = red if len(signature.shape) == 4 else red.max()
            outputs.append(np.broadcast_to(values, signature.shape).astype(signature.dtype))
        if order == "garble":
            outputs = [-1 - output for output in outputs]
        if order == "nan":
            outputs[0][0, 2, 3] = np.nan
        return tuple(outputs)


def open_engines(selection: Selection, orders: Path, device: Device) -> Mapping[Network, ChildEngine]:
    if os.environ["OMP_NUM_THREADS"] != "1":
        raise AssertionError("the threads of BLAS are not limited")
    obey(take(orders.with_suffix(".open"), device))
    return {network: ChildEngine(file, orders) for network, file in selection.files(device).items()}


def take(orders: Path, device: Device) -> str:
    """Return what a file orders: "abort" once, "abort on edgetpu" each time on that device only."""
    try:
        what, *only = orders.read_text().split(" on ")
        if not only:
            orders.unlink()
    except FileNotFoundError:
        return ""
    return what if only in ([], [device]) else ""


def obey(order: str) -> None:
    match order:
        case "abort":
            os.write(2, b"F usb_driver.cc:857] transfer on tag 2 failed\n")
            os.abort()
        case "segfault":
            ctypes.string_at(0)
        case "exit":
            os._exit(3)
        case "raise":
            raise ValueError("a bug")
        case "no device":
            raise NoDeviceError("no Edge TPU answers")
        case "hang":
            time.sleep(600)
        case "be slow":
            time.sleep(SLOW_S)
        case "leak":
            hoard = [np.ones(1 << 20) for _ in range(40)]
            time.sleep(600)
            hoard.clear()
