"""`appliance command` and `appliance operator-key`: what operators do from their own machine."""

import argparse
import base64
import json
from pathlib import Path

from appliance.clock import SystemClock
from appliance.config import load
from appliance.errors import CommandError
from appliance.files import write_whole
from appliance.publish.settings import PublishSettings, TlsSettings
from appliance.publish.topics import Topics
from appliance.remote.ask import ask, make_request
from appliance.remote.request import ARGUMENTS, Result
from appliance.remote.signature import key_id, load_key, new_key, public_text

_PRIVATE = 0o600
"""Of a picture, or of an archive that says much of a box."""


def command(options: argparse.Namespace) -> int:
    """Sign a command, send it, and print its result; raises `CommandError` where it is not done."""
    settings, topics = _broker(options)
    clock = SystemClock()
    request = make_request(topics, options.name, dict(options.arg), options.timeout, clock)
    result = ask(settings, request, load_key(options.key), options.timeout, clock)
    if options.out is not None and result.attachment is not None:
        _save(options.out, base64.b64decode(result.attachment.base64))
    if options.json:
        print(result.model_dump_json())
    if result.status != "done":
        raise CommandError(f"{result.command} is {result.status}: {result.detail}")
    if not options.json:
        print(_in_words(result, options.out))
    return 0


def operator_key(options: argparse.Namespace) -> int:
    """Make an operator's key pair, and print what the box's file of operators has to say of it."""
    key = new_key(options.out)
    if options.json:
        print(json.dumps({"name": options.name, "key": public_text(key), "id": key_id(key)}))
        return 0
    print("# Into the file that [commands] operators names on the box; strike out what is not to be asked.")
    print(f'[{options.name}]\nkey = "{public_text(key)}"\ncommands = {json.dumps(list(ARGUMENTS))}')
    return 0


def _broker(options: argparse.Namespace) -> tuple[PublishSettings, Topics]:
    if options.config is not None:
        settings = load(options.config)
        return settings.mqtt, Topics(
            options.site or settings.device.site, options.device or settings.device.name
        )
    if not options.site or not options.device:
        raise CommandError("say which box: --site and --device, or --config")
    tls = None
    if options.ca or options.cert:
        tls = TlsSettings(ca=options.ca, cert=options.cert, key=options.cert_key)
    try:
        return (
            PublishSettings(
                host=options.host,
                port=options.port,
                tls=tls,
                username=options.username,
                password_file=options.password_file,
            ),
            Topics(options.site, options.device),
        )
    except ValueError as error:
        raise CommandError(" ".join(str(error).split())[:200]) from None


def _save(file: Path, content: bytes) -> None:
    try:
        write_whole(file, content, mode=_PRIVATE)
    except OSError as error:
        raise CommandError(f"{file}: cannot be written: {error.strerror}") from None


def _in_words(result: Result, out: Path | None) -> str:
    words = f"{result.site}/{result.device}: {result.command} is done: {result.detail}"
    if result.attachment is None:
        return words if out is None else f"{words}; it brought nothing, {out} was not written"
    return f"{words}; wrote {out}" if out is not None else f"{words}; --out FILE keeps what it brought"
