"""The reference of the configuration: `python -m appliance.config_reference` writes docs/configuration.md."""

from collections.abc import Iterator
from pathlib import Path

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from appliance.config import Settings
from appliance.config_keys import Key, either, kind_of, models_of, toml

PATH = Path(__file__).parents[1] / "docs" / "configuration.md"

_HEAD = """\
# Configuration

One TOML file, named by `appliance run --config FILE`; under systemd it is `/etc/janban/janban.toml`.
[example.toml](example.toml) is one to start from. Only the keys without a default have to be there. Paths
that do not begin with `/` start at the folder of the file. A wrong value is refused in one line that names
its key and what it accepts, and so is a key that does not exist. `appliance doctor --config FILE` checks a
file, and whether what it describes is there.

This page is written by `make reference`; change the settings' descriptions in the program, not here.
"""


def reference() -> str:
    """Return the whole page as Markdown."""
    return "\n".join([_HEAD, *_sections(Settings, "")])


def _sections(model: type[BaseModel], prefix: str) -> Iterator[str]:
    for name, field in model.model_fields.items():
        models = models_of(field)
        if models:
            yield from _section(prefix + name, field, models)


def _section(name: str, field: FieldInfo, models: tuple[type[BaseModel], ...]) -> Iterator[str]:
    yield f"## [{name}]\n"
    yield f"{field.description or _summary(models[0])}\n"
    if not field.discriminator:
        yield from _table(name, models[0], None)
        yield from _sections(models[0], f"{name}.")
        return
    kinds = [kind_of(model, field.discriminator) for model in models]
    choices = either(f"`{toml(kind)}`" for kind in kinds)
    yield f"`{name}.kind` is {choices}, and the other keys depend on it.\n"
    for kind, model in zip(kinds, models, strict=True):
        yield f"### [{name}] with kind = {toml(kind)}\n"
        yield f"{_summary(model)}\n"
        yield from _table(name, model, kind)


def _table(name: str, model: type[BaseModel], kind: str | None) -> Iterator[str]:
    yield "| key | accepts | default | what |\n|---|---|---|---|"
    for key, field in model.model_fields.items():
        if not models_of(field) and not (kind and key == "kind"):
            yield _row(Key(f"{name}.{key}", kind, field))
    yield ""


def _row(key: Key) -> str:
    default = {None: "required", "": "not set"}.get(key.default, f"`{key.default}`")
    cells = (f"`{key.name}`", key.allowed, default, key.field.description or "")
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _summary(model: type[BaseModel]) -> str:
    return (model.__doc__ or "").partition("\n\n")[0]


if __name__ == "__main__":
    PATH.write_text(reference(), encoding="utf-8")
    print(PATH)
