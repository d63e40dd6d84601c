"""The `[mqtt]` section of the configuration."""

from pathlib import Path
from typing import Literal, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator


class TlsSettings(BaseModel):
    """How the connection is encrypted, and how broker and box know each other."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    ca: Path | None = Field(
        default=None,
        description="Certificates (PEM) of the authorities that may vouch for the broker; those of the "
        "system if not given.",
    )
    cert: Path | None = Field(
        default=None, description="This box's certificate (PEM), for brokers that ask for one."
    )
    key: Path | None = Field(
        default=None, description="The private key (PEM, not encrypted) of that certificate."
    )

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together; give both or neither")
        return self


class PublishSettings(BaseModel):
    """The broker that takes the readings."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    host: str = Field(
        default="localhost", min_length=1, max_length=253, description="Name or address of the broker."
    )
    port: int = Field(
        default=1883, ge=1, le=65535, description="Port of the broker; with TLS it usually is 8883."
    )
    tls: TlsSettings | None = Field(
        default=None, description="Encrypts the connection; without this section it is in the clear."
    )
    username: str | None = Field(
        default=None, min_length=1, max_length=255, description="Name for brokers that ask for a password."
    )
    password_file: Path | None = Field(
        default=None, description="File whose first line is the password, readable by the service alone."
    )
    protocol: Literal["auto", "5", "3.1.1"] = Field(
        default="auto", description="Version of MQTT; auto is 5, and 3.1.1 where a broker does not take 5."
    )
    keepalive_s: int = Field(
        default=30,
        ge=5,
        le=3600,
        description="Seconds of silence after which either side asks whether the other is still there. A "
        "line that was cut unnoticed counts as broken 10 seconds later.",
    )
    will_delay_s: int = Field(
        default=30,
        ge=0,
        le=3600,
        description="Seconds that a broker waits for a lost box to come back before it tells subscribers "
        "that it is offline; MQTT 5 only.",
    )
    backoff_first_s: float = Field(
        default=1.0,
        ge=0.05,
        le=60,
        allow_inf_nan=False,
        description="Seconds before the first attempt to connect again; they double from then on.",
    )
    retry_max_s: float = Field(
        default=2.0,
        ge=0.05,
        le=60,
        allow_inf_nan=False,
        description="Longest time between two attempts while the broker cannot be reached, in seconds: one "
        "that comes back is found again that soon.",
    )
    backoff_max_s: float = Field(
        default=60.0,
        ge=1,
        le=3600,
        allow_inf_nan=False,
        description="Longest time between two attempts while the broker refuses this box (its certificate, "
        "its password, an access rule), in seconds.",
    )
    in_flight: int = Field(
        default=20, ge=1, le=1000, description="Readings that may wait for the broker's acknowledgement."
    )
    historical_after_s: float = Field(
        default=60.0,
        ge=1,
        le=86_400,
        allow_inf_nan=False,
        description="Seconds after which a reading that is still to be published is marked historical.",
    )
    health_expiry_s: int = Field(
        default=300,
        ge=10,
        le=86_400,
        description="Seconds after which a broker throws an undelivered health message away; MQTT 5 only.",
    )

    @model_validator(mode="after")
    def _agree(self) -> Self:
        if self.password_file is not None and self.username is None:
            raise ValueError("password_file needs a username")
        if self.backoff_max_s < self.backoff_first_s:
            raise ValueError("backoff_max_s is less than backoff_first_s")
        return self
