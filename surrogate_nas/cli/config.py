"""Settings of a command from a TOML file and from flags, under the same names; a flag overrides the file."""

import tomllib
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from surrogate_nas.core import InvalidInputError, UnknownNameError

#: What a key holds, in words.
KINDS: dict[type, str] = {
    bool: "true or false",
    int: "a whole number",
    float: "a number",
    str: "text",
    list: "a list",
    dict: "a table of key = value",
}


def settings(path: Path | None, keys: Mapping[str, type], flags: Mapping[str, Any]) -> dict[str, Any]:
    """What was asked for: keys that neither the file nor a flag gives are left out.

    Args:
        path: The TOML file of ``--config``; None reads none.
        keys: The keys there are, named as the flags without their dashes ("run-dir"), with the type of each:
            one of :data:`KINDS`. In the file ``run_dir`` means the same.
        flags: Values from the command line by key; None and empty ones were not given.

    Raises:
        InvalidInputError: The file cannot be read, is not TOML, or a value is of another kind.
        UnknownNameError: The file has an unknown key; the message lists the known ones.
    """
    found = {} if path is None else _read(path, keys)
    given = {key: value for key, value in flags.items() if value is not None and value not in ([], {}, ())}
    return {**found, **given}


def assignments(flag: str, texts: Iterable[str]) -> dict[str, Any]:
    """``["a=1", "b=text"]`` as ``{"a": 1, "b": "text"}``: a value is read as in TOML, and is text where it is none.

    Args:
        flag: The flag they were given to, for the message.
        texts: One assignment each.

    Raises:
        InvalidInputError: One is not of the form ``key=value``, or a key comes twice.
    """
    found: dict[str, Any] = {}
    for text in texts:
        key, sign, value = (part.strip() for part in text.partition("="))
        if not (key and sign and value):
            raise InvalidInputError(f"{flag}: expected key=value, got {text!r}")
        if key in found:
            raise InvalidInputError(f"{flag}: expected {key!r} once, got it twice")
        found[key] = _value(value)
    return found


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"] if "\n" not in text else text
    except tomllib.TOMLDecodeError:
        return text


def _read(path: Path, keys: Mapping[str, type]) -> dict[str, Any]:
    try:
        content = tomllib.loads(path.read_bytes().decode("utf-8"))
    except OSError as error:
        raise InvalidInputError(f"--config {path}: expected a readable file ({error.strerror})") from None
    except UnicodeDecodeError:
        raise InvalidInputError(f"--config {path}: expected text in UTF-8, got other bytes") from None
    except tomllib.TOMLDecodeError as error:
        raise InvalidInputError(f"--config {path}: expected TOML ({error})") from None
    found: dict[str, Any] = {}
    for name, value in content.items():
        key = name.replace("_", "-")
        if key not in keys:
            raise UnknownNameError(f"--config {path}: {UnknownNameError.of('key', name, list(keys))}")
        if key in found:
            raise InvalidInputError(f"--config {path}: expected {key!r} once, got it as {name!r} too")
        found[key] = _checked(path, key, value, keys[key])
    return found


def _checked(path: Path, key: str, value: Any, kind: type) -> Any:
    if kind is float and isinstance(value, int) and not isinstance(value, bool):
        value = float(value)
    if isinstance(value, kind) and (kind is bool or not isinstance(value, bool)):
        return value
    raise InvalidInputError(f"--config {path}: {key}: expected {KINDS[kind]}, got {value!r:.80}")
