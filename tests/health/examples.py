"""Health messages for tests."""

from datetime import UTC, datetime
from uuid import UUID

from appliance.health.message import (
    BrokerHealth,
    CameraHealth,
    DiskHealth,
    Health,
    LatencyHealth,
    MemoryHealth,
    NetworksHealth,
    ProcessHealth,
    QueueHealth,
    ReadingsHealth,
    SoftwareHealth,
    Throttling,
    TpuHealth,
)


def health(**changes: object) -> Health:
    """Return the message of a box with everything that there is to say."""
    values: dict[str, object] = {
        "device": "line-1",
        "site": "north",
        "boot_id": UUID("0d5a1a5e-6f8e-4a0a-9a35-3f1f7c2f9c11"),
        "at": datetime(2026, 3, 2, 3, 4, 5, 678_901, tzinfo=UTC),
        "clock": "synced",
        "state": "ok",
        "unable": None,
        "degraded": [],
        "trays_since_start": 120,
        "paths_since_start": {"full": 100, "fallback": 18},
        "uptime_s": 3600,
        "machine_uptime_s": 3700,
        "starts_this_boot": 1,
        "software": "0.1.0",
        "system": SoftwareHealth(
            python="3.11.2",
            kernel="6.6.51",
            board="Raspberry Pi 4",
            fusion="learned",
            variant=None,
            artifacts={"models": "20261129-0123456789ab"},
        ),
        "temperature_c": 48.3,
        "temperatures_c": {"cpu-thermal": 48.312, 'a "strange\\ sensor\n': 40.0},
        "throttling": ["under-voltage since boot"],
        "throttle": Throttling(raw="0x50000", now=[], since_boot=["under-voltage", "throttled"]),
        "memory": MemoryHealth(
            available_mb=900.0,
            cma_free_mb=250.0,
            service=ProcessHealth(rss_mb=150.0, threads=9, descriptors=40),
            workers={"camera": ProcessHealth(rss_mb=90.0, threads=2, descriptors=12)},
        ),
        "disk_free_mb": 2000,
        "disk": DiskHealth(free_mb=2000.4, store_mb=1.5, read_only=False),
        "latency": LatencyHealth(trays=40, p50_ms=240.0, p95_ms=410.0, drift=1.04),
        "edgetpus": 1,
        "tpu": TpuHealth(faults=2, respawns=2, usb_resets=1, power_cycles=0, stuck=0, reenumerations=1),
        "networks": NetworksHealth(
            device="edgetpu", versions={"midas": "0a1b2c3d"}, ready=True, complaints=[]
        ),
        "camera": CameraHealth(fault=None, reopens=0),
        "queue": QueueHealth(trays=0, overflowed=0, late=0),
        "readings": ReadingsHealth(
            pending=3, sent=400, lost=0, waiting=0, lost_in_memory=0, tight=False, alarm=None
        ),
        "broker": BrokerHealth(connected=True, since_s=3500, version="5", reconnects=0, fault=None),
    }
    return Health(**{**values, **changes})


def unknown() -> Health:
    """Return the message of a box of which as little as possible is known."""
    return health(
        machine_uptime_s=None,
        starts_this_boot=None,
        temperature_c=None,
        temperatures_c={},
        throttling=None,
        throttle=None,
        memory=MemoryHealth(available_mb=None, cma_free_mb=None, service=None, workers={}),
        disk_free_mb=None,
        disk=DiskHealth(free_mb=None, store_mb=0.0, read_only=None),
        latency=LatencyHealth(trays=0, p50_ms=None, p95_ms=None, drift=None),
        tpu=TpuHealth(
            faults=None, respawns=None, usb_resets=None, power_cycles=None, stuck=None, reenumerations=0
        ),
        networks=None,
        camera=CameraHealth(fault=None, reopens=0),
        readings=ReadingsHealth(
            pending=None, sent=None, lost=None, waiting=0, lost_in_memory=0, tight=None, alarm=None
        ),
    )
