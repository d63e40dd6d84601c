"""The health message as Prometheus' metrics: base units, and what counts ends in `_total`."""

from collections.abc import Callable, Iterator, Mapping

from appliance.health.exposition import Metric, Sample
from appliance.health.message import Health, ProcessHealth

_MB = 1e6
_MS = 1e-3


def metrics(health: Health) -> Iterator[Metric]:
    """Yield the metrics of a health message; what is unknown has no sample."""
    yield from _state(health)
    yield from _machine(health)
    yield from _work(health)
    yield from _delivery(health)


def _state(health: Health) -> Iterator[Metric]:
    info = {
        "site": health.site,
        "device": health.device,
        "software": health.software,
        "python": health.system.python,
        "kernel": health.system.kernel,
        "board": health.system.board or "",
        "fusion": health.system.fusion,
        "variant": health.system.variant or "",
        "boot_id": str(health.boot_id),
    }
    yield Metric("janban_info", "gauge", "What the box is, in labels; always 1", (Sample(1, info),))
    yield Metric(
        "janban_artifact_info",
        "gauge",
        "An update of networks or menu in force, in labels; always 1",
        tuple(
            Sample(1, {"kind": kind, "version": version}) for kind, version in health.system.artifacts.items()
        ),
    )
    yield _gauge("able", "Whether trays can be measured", health.unable is None)
    yield _gauge("degraded_reasons", "Reasons why it is not as it should be", len(health.degraded))
    yield _gauge("uptime_seconds", "Since the service started", health.uptime_s)
    yield _gauge("machine_uptime_seconds", "Since the machine started", health.machine_uptime_s)
    yield _gauge("starts_this_boot", "Starts of the service since the machine's", health.starts_this_boot)
    yield _gauge("clock_synced", "Whether a time server has set the clock", health.clock == "synced")


def _machine(health: Health) -> Iterator[Metric]:
    yield _many("temperature_celsius", "Temperature by sensor", "sensor", health.temperatures_c)
    throttle = health.throttle
    flags = [] if throttle is None else [("now", throttle.now), ("boot", throttle.since_boot)]
    yield Metric(
        "janban_throttled",
        "gauge",
        "What the firmware complains of: now, and since boot",
        tuple(Sample(1, {"what": what, "when": when}) for when, words in flags for what in words),
    )
    memory = health.memory
    yield _gauge("memory_available_bytes", "Memory of the machine that is free", memory.available_mb, _MB)
    yield _gauge("memory_cma_free_bytes", "Contiguous memory that is free", memory.cma_free_mb, _MB)
    yield from _processes(
        memory.workers if memory.service is None else {"service": memory.service, **memory.workers}
    )
    yield _gauge("disk_free_bytes", "Room left for the state folder", health.disk.free_mb, _MB)
    yield _gauge("disk_read_only", "Whether the state folder is mounted read-only", health.disk.read_only)
    yield _gauge("store_bytes", "What the store of readings takes", health.disk.store_mb, _MB)


def _processes(processes: Mapping[str, ProcessHealth]) -> Iterator[Metric]:
    figures: dict[str, tuple[str, Callable[[ProcessHealth], float | None]]] = {
        "process_resident_memory_bytes": ("Resident memory of a process", lambda p: p.rss_mb * _MB),
        "process_threads": ("Threads of a process", lambda p: p.threads),
        "process_open_fds": ("Open file descriptors of a process", lambda p: p.descriptors),
    }
    for name, (text, figure) in figures.items():
        yield _many(name, text, "process", {role: figure(taken) for role, taken in processes.items()})


def _work(health: Health) -> Iterator[Metric]:
    yield _counter("trays", "Trays measured or rejected", health.trays_since_start)
    yield Metric(
        "janban_trays_by_path_total",
        "counter",
        "Trays measured, by path",
        tuple(Sample(count, {"path": path}) for path, count in health.paths_since_start.items()),
    )
    latency = health.latency
    yield Metric(
        "janban_tray_latency_seconds",
        "gauge",
        "Time that trays took of late, waiting not counted, by quantile",
        tuple(
            Sample(ms * _MS, {"quantile": quantile})
            for quantile, ms in (("0.5", latency.p50_ms), ("0.95", latency.p95_ms))
            if ms is not None
        ),
    )
    yield _gauge("latency_drift_ratio", "Median of late by the best lasting one", latency.drift)
    yield _gauge("queue_trays", "Trays that wait to be measured", health.queue.trays)
    yield _counter("trays_overflowed", "Trays that found the queue full", health.queue.overflowed)
    yield _counter("trays_late", "Trays for which no time was left", health.queue.late)
    yield _counter("camera_reopens", "The camera was opened again", health.camera.reopens)
    yield _counter("camera_usb_resets", "The camera's USB device was reset", health.camera.usb_resets)
    yield _gauge("edgetpus", "Edge TPUs that the kernel shows", health.edgetpus)
    yield _counter("network_faults", "Faults of the networks' process", health.tpu.faults)
    yield _counter("network_respawns", "Processes of the networks after the first", health.tpu.respawns)
    yield _counter("networks_stuck", "Processes that the kernel could not end", health.tpu.stuck)
    yield _counter("tpu_usb_resets", "USB resets of the Coral", health.tpu.usb_resets)
    yield _counter("tpu_power_cycles", "Power cycles of the Coral's port", health.tpu.power_cycles)
    yield _counter(
        "tpu_reenumerations", "The kernel took the Coral for a new device", health.tpu.reenumerations
    )
    networks = health.networks
    yield _gauge(
        "networks_ready", "Whether the networks take part", None if networks is None else networks.ready
    )
    yield Metric(
        "janban_model_info",
        "gauge",
        "A network in use, in labels; always 1",
        ()
        if networks is None
        else tuple(
            Sample(1, {"model": model, "version": version, "device": networks.device})
            for model, version in networks.versions.items()
        ),
    )


def _delivery(health: Health) -> Iterator[Metric]:
    readings, broker = health.readings, health.broker
    yield _gauge("readings_pending", "Stored, not acknowledged by the broker yet", readings.pending)
    yield _gauge("readings_sent_kept", "Acknowledged, and still kept", readings.sent)
    yield _counter("readings_lost", "Given up unsent because the store was full, ever", readings.lost)
    yield _gauge(
        "readings_waiting", "In memory alone and not sent, as the card refuses writes", readings.waiting
    )
    yield _counter("readings_lost_in_memory", "Given up before they were stored", readings.lost_in_memory)
    yield _gauge(
        "store_in_memory", "Whether readings are kept in memory, not on the card", readings.in_memory
    )
    yield _gauge("store_tight", "Whether the disk is full", readings.tight)
    yield _gauge("store_alarm", "Whether the store was damaged", readings.alarm is not None)
    yield _gauge("broker_connected", "Whether the broker is there", broker.connected)
    yield _gauge("broker_state_seconds", "For how long it has been so", broker.since_s)
    yield _counter("broker_reconnects", "Connections after the first one", broker.reconnects)


def _gauge(name: str, text: str, value: float | None, factor: float = 1) -> Metric:
    return Metric(f"janban_{name}", "gauge", text, _samples(value, factor))


def _counter(name: str, text: str, value: float | None) -> Metric:
    return Metric(f"janban_{name}_total", "counter", text, _samples(value, 1))


def _many(name: str, text: str, label: str, values: Mapping[str, float | None]) -> Metric:
    samples = tuple(Sample(value, {label: key}) for key, value in values.items() if value is not None)
    return Metric(f"janban_{name}", "gauge", text, samples)


def _samples(value: float | None, factor: float) -> tuple[Sample, ...]:
    return () if value is None else (Sample(float(value) * factor),)
