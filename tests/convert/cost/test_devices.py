import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from convert.cost.devices import USB_2, USB_3, Partition, edge_tpu_seconds, pi_4_seconds
from convert.cost.operations import Work
from convert.cost.published import LATENCIES, MODELS, SOURCES, Latency, typical_and_worst

works = st.builds(
    lambda kind, macs, moved: Work(
        "OP",
        kind,
        quantised=True,
        macs=macs if kind != "other" else 0,
        elements=0,
        moved_bytes=moved,
        parameter_bytes=0,
    ),
    st.sampled_from(["convolution", "depthwise", "matrix", "other"]),
    st.integers(0, 10**10),
    st.integers(0, 10**8),
)

FITTED_WITHIN = 1.7
"""Factor between prediction and publication, either way, for what the rates were fitted to."""

WITHIN = {
    ("DeepLab v3 MobileNet v2 513", "google"): 2.9,
    ("Inception-ResNet v2 299", "google"): 2.2,
    ("MobileNet v1 224", "x2q"): 1.6,
    ("EfficientNet-EdgeTPU-L 300", "x2q"): 1.6,
    ("MiDaS v2.1 small 256", "midas"): 1.8,
    ("MobileNet v1 224", "ncnn"): 1.8,
    ("Inception v1 224", "ncnn"): 2.4,
    ("ResNet-50 v1 224", "ncnn"): 1.8,
    ("VGG16 224", "ncnn"): 2.3,
}
"""The same for what they were not fitted to."""


@pytest.mark.parametrize("latency", LATENCIES, ids=lambda one: f"{one.model}, {one.device}, {one.source}")
def test_published_latencies_are_predicted_within_a_stated_factor(latency: Latency) -> None:
    within = FITTED_WITHIN if latency.fitted else WITHIN[latency.model, latency.source]
    assert 1 / within <= latency.ratio <= within
    assert latency.source in SOURCES


def test_predictions_are_typically_off_by_a_quarter() -> None:
    off = [math.log(one.ratio) for one in LATENCIES if one.fitted and one.device.startswith("Coral")]
    assert len(off) >= 15
    assert math.exp(math.sqrt(sum(x * x for x in off) / len(off))) < 1.26
    assert abs(sum(off) / len(off)) < 0.05


def test_the_caution_counts_all_of_them() -> None:
    typical, worst = typical_and_worst()
    assert 1.2 < typical < 1.8
    assert worst == pytest.approx(max(max(one.ratio, 1 / one.ratio) for one in LATENCIES))


def test_parameters_that_do_not_fit_cost_the_most() -> None:
    small, large = MODELS["MobileNet v2 224"], MODELS["VGG16 224"]
    for counts, streams in ((small, False), (large, True)):
        partition = Partition(counts.works(), counts.stored_bytes, 0)
        cached = edge_tpu_seconds(partition, usb_bytes_per_s=USB_3, cache_bytes=counts.stored_bytes)
        assert (edge_tpu_seconds(partition, usb_bytes_per_s=USB_3) > cached) == streams


@given(st.lists(works, max_size=5), st.integers(0, 10**8), st.integers(0, 10**7), st.integers(0, 10**7))
def test_more_work_and_a_slower_bus_never_take_less_time(
    some: list[Work], parameters: int, border: int, cache: int
) -> None:
    def seconds(usb: float, cache_bytes: int, more: int = 0) -> float:
        partition = Partition(tuple(some) + tuple(some) * more, parameters, border)
        return edge_tpu_seconds(partition, usb_bytes_per_s=usb, cache_bytes=cache_bytes)

    assert seconds(USB_2, cache) >= seconds(USB_3, cache) >= seconds(USB_3, cache + 1)
    assert seconds(USB_3, cache, more=1) >= seconds(USB_3, cache)
    assert pi_4_seconds(some * 2) == pytest.approx(2 * pi_4_seconds(some))


def test_integers_are_faster_than_floats_on_a_pi() -> None:
    counts = MODELS["ResNet-50 v1 224"]
    assert pi_4_seconds(counts.works()) < pi_4_seconds(counts.works(element_bytes=4)) / 2
