"""The provision file: what a maintainer writes to the boot partition, checked key by key."""

from pathlib import Path
from typing import Annotated, Final, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from appliance.camera.settings import CameraSettings, PicameraSettings
from appliance.config import TopicName, load_as
from appliance.errors import ConfigError
from appliance.provision.certificate import certificates, private_key
from appliance.remote.operators import parse_operators

_EXAMPLE: Final = "docs/provision-example.toml"
_NAME: Final = 'letters, digits, "-" and "_", at most 48, beginning with a letter or digit'


def _certificates(text: str) -> str:
    certificates(text.encode())
    return text


def _key(text: str) -> str:
    private_key(text.encode())
    return text


def _operators(text: str) -> str:
    try:
        parse_operators(text, "the text")
    except ConfigError as error:
        raise ValueError(str(error)) from None
    return text


def _one_line(text: str) -> str:
    if not text.isprintable():
        raise ValueError("has a line end or a control character; write it on one line")
    return text


Certificates = Annotated[str, AfterValidator(_certificates)]
"""PEM; one certificate or more."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Broker(_Section):
    """Where readings go; the connection is always encrypted."""

    host: str = Field(
        min_length=1, max_length=253, pattern=r"^[A-Za-z0-9.:_-]+$", description="Name or address."
    )
    port: int = Field(default=8883, ge=1, le=65535, description="Its port for MQTT over TLS.")
    ca: Certificates | None = Field(
        default=None,
        description="Authorities (PEM) that vouch for the broker; the system's if not given.",
        json_schema_extra={"lines": True},
    )


class _Certified(_Section):
    ca: Certificates | None = Field(
        default=None,
        description="The authority that signs the box's certificate, if not `broker.ca`.",
        json_schema_extra={"lines": True},
    )


class Request(_Certified):
    """The box makes its own key, which never leaves it, and asks for a certificate."""

    kind: Literal["certificate_request"] = Field(description="Ask for a certificate.")


class Certificate(_Certified):
    """A certificate made elsewhere, with its key unless it is the answer to this box's own request."""

    kind: Literal["certificate"] = Field(description="Bring a certificate.")
    certificate: Certificates = Field(
        description="The box's certificate (PEM), intermediate ones after it.",
        json_schema_extra={"lines": True},
    )
    key: Annotated[str, AfterValidator(_key)] | None = Field(
        default=None,
        description="Its private key (PEM, not encrypted); that of the box's own request if not given.",
        json_schema_extra={"secret": True, "lines": True, "allowed": "a private key (PEM) as text"},
    )


class Password(_Section):
    """A user name and a password or token."""

    kind: Literal["password"] = Field(description="Bring a user name and a password.")
    username: Annotated[str, AfterValidator(_one_line)] = Field(
        min_length=1, max_length=255, description="Name that the broker knows the box by."
    )
    password: Annotated[str, AfterValidator(_one_line)] = Field(
        min_length=1,
        max_length=4096,
        description="Its password or token.",
        json_schema_extra={"secret": True, "allowed": "text of 1 to 4096 characters"},
    )


Identity = Request | Certificate | Password


class Order(_Section):
    """The whole file."""

    site: TopicName = Field(description="Name of the canteen.", json_schema_extra={"allowed": _NAME})
    device: TopicName = Field(
        description="Name of this box: the common name of its certificate.",
        json_schema_extra={"allowed": _NAME},
    )
    broker: Broker = Field(description="The broker that takes the readings.")
    identity: Annotated[Identity, Field(discriminator="kind")] = Field(
        description="How the box shows the broker who it is."
    )
    operators: Annotated[str, AfterValidator(_operators)] | None = Field(
        default=None,
        max_length=100_000,
        description="Text of the file of operators, who may give commands; without it none are taken.",
        json_schema_extra={"lines": True},
    )
    camera: CameraSettings = Field(
        default=PicameraSettings(), description="The camera, as in the configuration."
    )

    @property
    def label(self) -> str:
        """What files on the boot partition are named after."""
        return f"{self.site}-{self.device}"


def load_order(file: Path) -> Order:
    """Read and check a provision file; raises `ConfigError`, one line without any secret in it."""
    return load_as(file, Order, _EXAMPLE)
