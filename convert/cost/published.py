"""Published latencies, and how far off the model of `devices.py` is for each of them.

The architectures were built with random weights and converted to int8; only their counts are kept here. Where
a publication leaves the variant open, the one that was assumed is in the model's name.
"""

import math
from dataclasses import dataclass
from typing import Final

from convert.cost.devices import USB_3, Partition, edge_tpu_seconds, pi_4_seconds
from convert.cost.operations import CONVOLUTION, DEPTHWISE, MATRIX, OTHER, Work

CORAL: Final = "Coral, USB 3"
PI_4: Final = "Pi 4, int8"
PI_4_FLOAT: Final = "Pi 4, float32"

SOURCES: Final = {
    "google": "Coral's page of benchmarks, table 1: desktop with USB Accelerator (USB 3.0), C++, model only",
    "x2q": "x2q.net, Google Coral Edge TPU experiments (2026): desktop with USB Accelerator, from Python",
    "xnnpack": "XNNPACK's README, Raspberry Pi, 8 February 2022: BCM2711, 64 bit, all threads",
    "midas": "a user of Midasv2_1_small-TFLite-Inference (2024): about one picture a second, whole program",
    "ncnn": "ncnn's benchmark/README: Raspberry Pi 4 B, 1.5 GHz, 4 threads; another runtime than LiteRT",
}


@dataclass(frozen=True)
class Counts:
    """What a model in int8 does on the Edge TPU: MACs by kind, bytes.

    `stored_bytes` are the parameters as the Edge TPU keeps them, `border_bytes` what goes in and comes out.
    """

    convolution: int
    depthwise: int
    matrix: int
    moved_bytes: int
    parameter_bytes: int
    stored_bytes: int
    border_bytes: int

    def works(self, *, element_bytes: int = 1) -> tuple[Work, ...]:
        """Return the counts as operators, whose times add up to the model's."""
        macs = {CONVOLUTION: self.convolution, DEPTHWISE: self.depthwise, MATRIX: self.matrix}
        quantised = element_bytes == 1
        moved, parameters = self.moved_bytes * element_bytes, self.parameter_bytes * element_bytes
        return (
            Work(OTHER, OTHER, quantised, 0, 0, moved, parameters),
            *(Work(kind, kind, quantised, count, 0, 0, 0) for kind, count in macs.items() if count),
        )


MODELS: Final = {
    "U-Net MobileNet v2 128": Counts(578748416, 6764544, 0, 8673280, 6501744, 6920280, 98304),
    # Without the last seven operators, a resize to 513x513 and what goes with it, which stay on the CPU.
    "DeepLab v3 MobileNet v2 513": Counts(2454974176, 137143008, 0, 88395339, 2009152, 2403392, 1068547),
    "DenseNet-121 224": Counts(2833137664, 0, 1024000, 67530336, 7952104, 8049952, 151528),
    "Inception v1 224": Counts(1498377216, 0, 0, 15011245, 6643500, 6741960, 151529),
    "Inception v4 299": Counts(12252438624, 0, 1537536, 72511534, 42743528, 42892360, 269204),
    "Inception-ResNet v2 299": Counts(13154258016, 0, 1536000, 115217609, 56040296, 56368448, 269203),
    "MiDaS v2.1 small 256": Counts(4381704192, 87634944, 0, 57142784, 16689100, 17192384, 262144),
    "MobileNet v1 224": Counts(551354368, 17385984, 0, 10544008, 4256880, 4539776, 151528),
    "MobileNet v2 224": Counts(278777856, 20716416, 1280000, 14464520, 3537992, 3953536, 151528),
    "ResNet-50 v1 224": Counts(3855925248, 0, 2048000, 40675680, 25609224, 25780544, 151528),
    "ResNet-50 v1 299": Counts(7209827072, 0, 2048000, 73691977, 25609192, 25780544, 269203),
    "ResNet-50 v2 299": Counts(6534163200, 0, 2048000, 82164041, 25613096, 25784448, 269203),
    "ResNet-152 v2 299": Counts(20208773888, 0, 2048000, 194541897, 60347176, 60715136, 269203),
    "SqueezeNet 1.0 224": Counts(777221152, 0, 0, 15476296, 1260360, 1341504, 151528),
    "VGG16 224": Counts(15346630656, 0, 123633664, 30628744, 138361032, 138491712, 151528),
    "VGG19 224": Counts(19508428800, 0, 123633664, 33237896, 143674568, 143810368, 151528),
    "EfficientNet-EdgeTPU-S 224": Counts(1746526208, 40924800, 1281280, 19055629, 5490120, 6924296, 151529),
    "EfficientNet-EdgeTPU-M 240": Counts(2951282688, 60758400, 1281280, 31204749, 6967592, 8874184, 173801),
    "EfficientNet-EdgeTPU-L 300": Counts(
        7797562848, 136984000, 1537536, 66592365, 10682464, 13605256, 271001
    ),
}


@dataclass(frozen=True)
class Latency:
    """One published latency in milliseconds; `fitted`: the rates of `devices.py` were fitted to it."""

    model: str
    device: str
    published_ms: float
    source: str
    fitted: bool = False

    @property
    def predicted_ms(self) -> float:
        """What the model of `devices.py` says."""
        counts = MODELS[self.model]
        if self.device != CORAL:
            return pi_4_seconds(counts.works(element_bytes=4 if self.device == PI_4_FLOAT else 1)) * 1000
        partition = Partition(counts.works(), counts.stored_bytes, counts.border_bytes)
        return edge_tpu_seconds(partition, usb_bytes_per_s=USB_3) * 1000

    @property
    def ratio(self) -> float:
        """Predicted over published: above 1, the model is too careful."""
        return self.predicted_ms / self.published_ms


LATENCIES: Final[tuple[Latency, ...]] = (
    Latency("U-Net MobileNet v2 128", CORAL, 3.3, "google", fitted=True),
    Latency("DenseNet-121 224", CORAL, 20, "google", fitted=True),
    Latency("Inception v1 224", CORAL, 3.4, "google", fitted=True),
    Latency("Inception v4 299", CORAL, 85, "google", fitted=True),
    Latency("MobileNet v1 224", CORAL, 2.4, "google", fitted=True),
    Latency("MobileNet v2 224", CORAL, 2.6, "google", fitted=True),
    Latency("ResNet-50 v1 299", CORAL, 49, "google", fitted=True),
    Latency("ResNet-50 v2 299", CORAL, 50, "google", fitted=True),
    Latency("ResNet-152 v2 299", CORAL, 128, "google", fitted=True),
    Latency("SqueezeNet 1.0 224", CORAL, 2.1, "google", fitted=True),
    Latency("VGG16 224", CORAL, 296, "google", fitted=True),
    Latency("VGG19 224", CORAL, 308, "google", fitted=True),
    Latency("EfficientNet-EdgeTPU-S 224", CORAL, 5.1, "google", fitted=True),
    Latency("EfficientNet-EdgeTPU-M 240", CORAL, 8.7, "google", fitted=True),
    Latency("EfficientNet-EdgeTPU-L 300", CORAL, 25.3, "google", fitted=True),
    # Its published time is shorter than USB 3 needs for the parameters of this architecture.
    Latency("Inception-ResNet v2 299", CORAL, 57, "google"),
    # The published time contains the last operators on a desktop's processor, the prediction does not.
    Latency("DeepLab v3 MobileNet v2 513", CORAL, 52, "google"),
    Latency("MobileNet v1 224", CORAL, 3.9, "x2q"),
    Latency("EfficientNet-EdgeTPU-L 300", CORAL, 31, "x2q"),
    Latency("MobileNet v1 224", PI_4, 24, "xnnpack", fitted=True),
    Latency("MobileNet v2 224", PI_4, 17, "xnnpack", fitted=True),
    Latency("MobileNet v1 224", PI_4_FLOAT, 77, "xnnpack", fitted=True),
    Latency("MobileNet v2 224", PI_4_FLOAT, 46, "xnnpack", fitted=True),
    Latency("MiDaS v2.1 small 256", PI_4_FLOAT, 1000, "midas"),
    Latency("MobileNet v1 224", PI_4, 40.3, "ncnn"),
    Latency("Inception v1 224", PI_4, 118.8, "ncnn"),
    Latency("ResNet-50 v1 224", PI_4, 236.4, "ncnn"),
    Latency("VGG16 224", PI_4, 456.8, "ncnn"),
    Latency("ResNet-50 v1 224", PI_4_FLOAT, 335.3, "ncnn"),
    Latency("VGG16 224", PI_4_FLOAT, 873.7, "ncnn"),
)


def typical_and_worst() -> tuple[float, float]:
    """Return by which factor predictions are off, either way: geometric standard deviation, and largest."""
    off = [abs(math.log(one.ratio)) for one in LATENCIES]
    return math.exp(math.sqrt(sum(x * x for x in off) / len(off))), math.exp(max(off))
