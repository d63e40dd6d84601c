"""The health message, `janban.health/1`: how the box is, told to whoever subscribes."""

from typing import Annotated, Final, Literal
from uuid import UUID

from pydantic import AfterValidator, Field, NonNegativeFloat, NonNegativeInt

from appliance.readings.model import Milliseconds, Model, Name
from appliance.readings.reading import ClockState, UtcTime

SCHEMA_ID: Final = "janban.health/1"

State = Literal["ok", "degraded", "unable"]
"""`degraded`: it measures, but not as it should. `unable`: it does not, and systemd will restart it."""

Tenths = Annotated[float, AfterValidator(lambda value: round(value, 1) + 0.0)]
Ratio = Annotated[float, Field(ge=0), AfterValidator(lambda value: round(value, 2))]
Megabytes = Annotated[NonNegativeFloat, AfterValidator(lambda value: round(value, 1))]


class Throttling(Model):
    """What the firmware says of supply and clock."""

    raw: str = Field(
        pattern=r"^0x[0-9a-f]+$", description="The firmware's bits now, as vcgencmd get_throttled has them"
    )
    now: list[str] = Field(description="What holds now, in words")
    since_boot: list[str] = Field(description="What has been since boot, in words, as far as it was seen")


class ProcessHealth(Model):
    """What one process takes."""

    rss_mb: Megabytes = Field(description="Resident memory, MB")
    threads: NonNegativeInt = Field(description="Threads")
    descriptors: NonNegativeInt | None = Field(description="Open file descriptors")


class MemoryHealth(Model):
    """Memory of the machine, and what this software takes of it."""

    available_mb: Megabytes | None = Field(description="Memory that could be had without swapping, MB")
    cma_free_mb: Megabytes | None = Field(description="Contiguous memory left for cameras, MB")
    service: ProcessHealth | None = Field(description="The service's own process")
    workers: dict[str, ProcessHealth] = Field(
        description='Its processes for "camera" and "networks", as far as they run'
    )


class DiskHealth(Model):
    """The file system of the state folder."""

    free_mb: Megabytes | None = Field(description="Room left, MB; null if it does not answer")
    store_mb: Megabytes = Field(description="What the store of readings takes, MB")
    read_only: bool | None = Field(
        description="Whether it is mounted read-only, so that nothing can be stored"
    )


class LatencyHealth(Model):
    """How long trays took of late: the last 40 at most, of the last 10 minutes."""

    trays: NonNegativeInt = Field(description="Trays of late, those alone that were measured as the last one")
    p50_ms: Milliseconds | None = Field(description="Median, ms, time in the queue not counted")
    p95_ms: Milliseconds | None = Field(description="95th percentile, ms")
    drift: Ratio | None = Field(
        description="Median of late by the best median of 40 trays on end since the start; 1 is its best"
    )


class TpuHealth(Model):
    """What went wrong with the networks and their Coral since the start."""

    faults: NonNegativeInt | None = Field(description="Faults of the networks' process: died, hung, nonsense")
    respawns: NonNegativeInt | None = Field(description="Processes of the networks after the first one")
    usb_resets: NonNegativeInt | None = Field(description="USB resets of the Coral by this service")
    power_cycles: NonNegativeInt | None = Field(description="Power cycles of its USB port by this service")
    stuck: NonNegativeInt | None = Field(
        description="Processes that the kernel could not end: a driver hangs"
    )
    reenumerations: NonNegativeInt = Field(
        description="How often the kernel took the Coral for a new device: its cable, its supply, or a reset"
    )


class CameraHealth(Model):
    """The camera."""

    fault: str | None = Field(description="Why there are no usable frames now")
    reopens: NonNegativeInt = Field(description="How often it was opened again since the start")
    usb_resets: NonNegativeInt = Field(
        default=0, description="How often its USB device was reset since the start, as it did not open"
    )


class ReadingsHealth(Model):
    """Where the readings are."""

    pending: NonNegativeInt | None = Field(description="Stored, and not acknowledged by the broker yet")
    sent: NonNegativeInt | None = Field(description="Acknowledged, and still kept")
    lost: NonNegativeInt | None = Field(description="Given up unsent because the store was full, ever")
    waiting: NonNegativeInt = Field(description="In memory alone and not sent, as the card refuses writes")
    lost_in_memory: NonNegativeInt = Field(
        description="Given up before they could be stored, since the start"
    )
    in_memory: bool = Field(
        default=False,
        description="Whether the card takes none, so that they are kept in memory, and sent from there",
    )
    tight: bool | None = Field(
        description="Whether the disk is full, and sent readings make room for new ones"
    )
    alarm: str | None = Field(description="Set if the store was damaged since the start: what became of it")


class QueueHealth(Model):
    """Trays on their way to being measured."""

    trays: NonNegativeInt = Field(description="Trays that wait to be measured now")
    overflowed: NonNegativeInt = Field(description="Rejected since the start as the queue was full")
    late: NonNegativeInt = Field(description="Rejected since the start as no time was left")


class BrokerHealth(Model):
    """The connection to the broker."""

    connected: bool = Field(description="Whether the broker is there; in a message it was, when it was sent")
    since_s: NonNegativeInt = Field(description="Seconds for which it has been so")
    version: str | None = Field(description="Version of MQTT that is spoken")
    reconnects: NonNegativeInt = Field(description="Connections after the first one, since the start")
    fault: str | None = Field(description="What ended the last connection, or prevented it, since the start")


class NetworksHealth(Model):
    """The networks."""

    device: str = Field(description='Where they run: "edgetpu" or "cpu"')
    versions: dict[str, str] = Field(description="Model → what tells its file from every other")
    ready: bool = Field(description="Whether they take part in measuring")
    complaints: list[str] = Field(description="What a maintainer should know of them")


class SoftwareHealth(Model):
    """What runs, and on what."""

    python: str = Field(description="Version of Python")
    kernel: str = Field(description="Release of the kernel")
    board: str | None = Field(description="Model of the board")
    fusion: Literal["study", "learned"] = Field(description="The rule that joins the estimates")
    variant: str | None = Field(description="Name of the settings under test")
    artifacts: dict[str, str] = Field(
        description="models, menu → version of the update of its own that is in force instead of the system's"
    )


class Health(Model):
    """How the box is. Null is unknown; what counts begins anew with the service, unless said otherwise."""

    schema_id: Literal["janban.health/1"] = Field(default=SCHEMA_ID, alias="schema")
    device: Name = Field(description="The box")
    site: Name = Field(description="Its site")
    boot_id: UUID = Field(description="The boot of the machine that speaks")
    at: UtcTime = Field(
        description="When this was written, in UTC; a retained message may be old",
        json_schema_extra={"format": "date-time"},
    )
    clock: ClockState = Field(description="unsynced: no time server has set the clock, `at` may be wrong")
    state: State = Field(description="ok; degraded: it measures, but not as it should; unable: it does not")
    unable: str | None = Field(description="Why trays cannot be measured now")
    degraded: list[str] = Field(description="What is not as it should be, a line each")
    trays_since_start: NonNegativeInt = Field(description="Trays measured or rejected")
    paths_since_start: dict[str, NonNegativeInt] = Field(
        description="Trays measured, by path: full, fallback"
    )
    uptime_s: NonNegativeInt = Field(description="Seconds since the service started")
    machine_uptime_s: NonNegativeInt | None = Field(description="Seconds since the machine started")
    starts_this_boot: NonNegativeInt | None = Field(description="Starts of the service since the machine's")
    software: str = Field(description="Version of this software")
    system: SoftwareHealth = Field(description="What runs, and on what")
    temperature_c: Tenths | None = Field(description="The hottest thermal zone, °C")
    temperatures_c: dict[str, Tenths] = Field(description="Every sensor, °C, by its name")
    throttling: list[str] | None = Field(description="What the firmware says, in words; null if it does not")
    throttle: Throttling | None = Field(description="The same, apart: now, and since boot")
    memory: MemoryHealth = Field(description="Memory")
    disk_free_mb: NonNegativeInt | None = Field(description="Room left for the state folder, MB")
    disk: DiskHealth = Field(description="The state folder's file system")
    latency: LatencyHealth = Field(description="How long trays take")
    edgetpus: NonNegativeInt = Field(description="Edge TPUs that the kernel shows")
    tpu: TpuHealth = Field(description="What went wrong with the networks and their Coral")
    networks: NetworksHealth | None = Field(description="The networks; null if there are none")
    camera: CameraHealth = Field(description="The camera")
    queue: QueueHealth = Field(description="Trays that wait")
    readings: ReadingsHealth = Field(description="Where the readings are")
    broker: BrokerHealth = Field(description="The connection to the broker")

    def to_json(self) -> str:
        """Return the payload: compact JSON in the schema's order."""
        return self.model_dump_json()
