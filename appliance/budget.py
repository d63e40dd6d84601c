"""One budget of time from which every timeout of the service derives, so that they never add up beyond it.

The unit's `WatchdogSec` is a fixed figure, `WATCHDOG_S`. It is shared out:

| share | seconds | what |
|---|---|---|
| a sixth | 5 | between two feeds: systemd asks for half at most |
| a tenth | 3 | without a frame before the camera counts as stalled |
| a twelfth | 2.5 | to end its process twice, and to wait before a second attempt |
| a tenth | 3 | to reset a USB camera that does not open at the first attempt |
| a third | 10 | to open it again, warm-up included |
| a fifth | 6 | one tray, from trigger to stored reading: the most that `deadline.total_s` may be |
| the rest | 0.5 | spare |

Even if all of these follow on each other, the watchdog is fed in time; whatever lasts longer is a fault,
and a restart is the answer to it.
"""

from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field

WATCHDOG_S = 30.0
LONGEST_TRAY_S = WATCHDOG_S / 5

FEED_SHARE = 1 / 6
"""Of the watchdog's period, whatever it is: as often it is fed."""

END_STEP_S = WATCHDOG_S / 30
"""What a process or a thread may take for each step of its end: as asked, by SIGTERM, by SIGKILL."""

SLOWEST_CARD_MB_PER_S = 5.0
"""What a worn SD card still reads in a second, in megabytes; a class 4 card writes as much."""


class DeadlineSettings(BaseModel):
    """How long a tray may take."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    total_s: float = Field(
        default=5.0,
        ge=1.0,
        le=LONGEST_TRAY_S,
        allow_inf_nan=False,
        description="Seconds from the trigger to the stored reading. Subscribers are promised 5; give more "
        "only to a machine that is slower than a Raspberry Pi 4.",
    )


@dataclass(frozen=True)
class Budget:
    """Every timeout of the service, in seconds; `total_s` is a tray's way from trigger to stored reading."""

    total_s: float

    @classmethod
    def of(cls, settings: DeadlineSettings) -> "Budget":
        """Return the budget that the settings ask for."""
        return cls(settings.total_s)

    @property
    def store_s(self) -> float:
        """Kept back from `total_s` to write the reading: an SD card's fsync can take most of a second."""
        return 0.2 * self.total_s

    @property
    def measure_s(self) -> float:
        """From the trigger to the end of all measuring, time in the queue included."""
        return self.total_s - self.store_s

    @property
    def ample_s(self) -> float:
        """More than any stage of a tray takes on a machine in good health."""
        return self.measure_s / 2

    @property
    def prepare_s(self) -> float:
        """What showing the references to the networks may take at a time: a tray may have to wait for it."""
        return self.measure_s / 2

    @property
    def unhurried_s(self) -> float:
        """What a tray may take that no line waits for, as one in a file."""
        return self.watchdog_s

    @property
    def frame_wait_s(self) -> float:
        """What one `FrameSource.read` waits; short, so that a stop is obeyed soon."""
        return self.camera_stall_s / 3

    @property
    def camera_stall_s(self) -> float:
        """Without a fresh frame for this long, the camera is closed and opened again, however slow it was."""
        return self.watchdog_s / 10

    @property
    def camera_away_s(self) -> float:
        """From a camera's last frame to the next one, where only the second attempt to open it succeeds."""
        ends_s = 2 * END_STEP_S
        return self.camera_stall_s + ends_s + self.camera_retry_s + self.usb_reset_s + self.camera_open_s

    @property
    def camera_silence_s(self) -> float:
        """What a camera may be silent for in any case, however fast it was of late: a machine may be busy."""
        return 2 * self.camera_stall_s / 3

    @property
    def camera_well_s(self) -> float:
        """A camera that ran for so long was well: its next fault is a new one."""
        return self.camera_open_s

    @property
    def camera_ailing_s(self) -> float:
        """From a camera's fault until it ran well, where only the second attempt to open it succeeds."""
        return self.camera_away_s + self.camera_well_s

    @property
    def camera_retry_s(self) -> float:
        """Before a camera that failed again is opened again; it doubles up to `camera_retry_most_s`."""
        return self.camera_retry_most_s / 10

    @property
    def camera_retry_most_s(self) -> float:
        """The longest time between two attempts to open the camera."""
        return self.camera_open_s / 2

    @property
    def camera_revive_s(self) -> float:
        """Between two resets of a USB camera's device; it doubles up to `camera_revive_most_s`."""
        return 2 * self.watchdog_s

    @property
    def camera_revive_most_s(self) -> float:
        """The longest time between two resets of a camera's device."""
        return 120 * self.watchdog_s

    @property
    def camera_dark_most_s(self) -> float:
        """A camera that shows nothing but black is opened again after `camera_stall_s`, 2, 4 … times that.

        This is the most: a night has few such attempts, each of which costs contiguous memory.
        """
        return 60 * self.watchdog_s

    @property
    def camera_open_s(self) -> float:
        """From closing a stalled camera to its next frame, warm-up included."""
        return self.watchdog_s / 3

    @property
    def usb_reset_s(self) -> float:
        """What the reset of a USB device may take; a camera's is waited for before it is opened again."""
        return self.watchdog_s / 10

    @property
    def usb_power_s(self) -> float:
        """What switching a USB port off and on may take; nothing waits for it."""
        return self.watchdog_s / 3

    @property
    def feed_s(self) -> float:
        """Between two looks at whether trays can be measured, each of which feeds the watchdog."""
        return self.watchdog_s * FEED_SHARE

    @property
    def stop_s(self) -> float:
        """From SIGTERM on: the tray in hand is finished and stored, the camera's process ended."""
        return self.total_s + 3 * END_STEP_S

    @property
    def scrape_stop_s(self) -> float:
        """To end the endpoint for who scrapes."""
        return 2 * END_STEP_S

    @property
    def network_close_s(self) -> float:
        """To end the networks' processes: one step as asked, one by SIGKILL, one for who looks after them."""
        return 3 * END_STEP_S

    @property
    def shutdown_s(self) -> float:
        """From SIGTERM to the end of the process: every part takes its longest."""
        broker_s = self.broker_connect_s + self.broker_farewell_s
        return END_STEP_S + self.stop_s + self.store_s + self.scrape_stop_s + broker_s + self.network_close_s

    @property
    def store_busy_s(self) -> float:
        """How long a connection to the store waits for another one that writes."""
        return self.watchdog_s / 60

    def start_s(self, store_mb: float) -> float:
        """To start with a store of so many megabytes, all of which is read where it is damaged."""
        return self.watchdog_s + store_mb / SLOWEST_CARD_MB_PER_S

    @property
    def network_hang_s(self) -> float:
        """The most that one run of a network may take before its process counts as stuck and is killed."""
        return self.measure_s / 2

    @property
    def network_hang_least_s(self) -> float:
        """What a run may take in any case, however quick runs were of late: a machine may be busy."""
        return min(self.network_hang_s, self.watchdog_s / 40)

    @property
    def network_ping_s(self) -> float:
        """An idle process of the networks is asked for a sign of life so often."""
        return self.watchdog_s / 60

    @property
    def network_start_s(self) -> float:
        """From the start of the networks' process to its first answer; nothing waits for it meanwhile."""
        return self.watchdog_s

    @property
    def network_start_least_s(self) -> float:
        """What a start may take in any case, however quick starts were of late: the machine may be busy."""
        return self.watchdog_s / 6

    @property
    def broker_connect_s(self) -> float:
        """For the broker to take a connection: the TCP handshake, and as long again the TLS handshake.

        Linux repeats an unanswered SYN after 1 s, 3 s, 7 s: an attempt any longer would sleep through the
        return of a network instead of trying anew.
        """
        return self.watchdog_s / 10

    @property
    def broker_answer_s(self) -> float:
        """For the broker to answer CONNECT."""
        return self.watchdog_s / 6

    @property
    def broker_farewell_s(self) -> float:
        """To say goodbye to the broker, and have it acknowledged."""
        return self.watchdog_s / 15

    @property
    def broker_silence_s(self) -> float:
        """Without an acknowledgement for this long, a connection is taken for broken."""
        return self.watchdog_s / 3

    @property
    def longest_gap_s(self) -> float:
        """The longest time between two feeds of a service without fault, were all of it one after another."""
        return self.feed_s + self.camera_away_s + self.total_s

    @property
    def watchdog_s(self) -> float:
        """`WatchdogSec` of the systemd unit."""
        return WATCHDOG_S
