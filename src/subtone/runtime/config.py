"""Configuration of the live runtime: one frozen tree, from defaults, file, environment, flags.

Every leaf of the tree is one setting: ``http.port`` in the file is ``SUBTONE_HTTP_PORT`` in the
environment and ``--http-port`` as a flag; later sources win. A name nobody knows is refused.
"""

from __future__ import annotations

import difflib
import json
import os
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Meta

from subtone.runtime.config_tree import (
    AlertsConfig,
    AudioHookConfig,
    AudioHookKey,
    CallsConfig,
    HttpConfig,
    JournalConfig,
    LimitsConfig,
    LogConfig,
    LogLevel,
    RtpConfig,
    RuntimeConfig,
    Scope,
    Secret,
    Section,
    SipConfig,
    SipUser,
    Token,
    TwilioConfig,
)

ENVIRONMENT_PREFIX: Final = "SUBTONE_"
FILE_VARIABLE: Final = "SUBTONE_CONFIG"
OTHER_VARIABLES: Final = frozenset({FILE_VARIABLE, "SUBTONE_TOKEN", "SUBTONE_UPDATE_DOCS"})


class ConfigError(ValueError):
    """The configuration cannot be used; the message names the setting, its source and the cure."""


@dataclass(frozen=True, slots=True)
class Setting:
    """One leaf of the tree."""

    section: str
    name: str
    kind: Any  # its annotation, with bounds
    default: Any
    meaning: str

    @property
    def path(self) -> str:
        """Name in the file and in messages."""
        return f"{self.section}.{self.name}"

    @property
    def variable(self) -> str:
        """Name in the environment."""
        return f"{ENVIRONMENT_PREFIX}{self.section}_{self.name}".upper()

    @property
    def flag(self) -> str:
        """Name on the command line."""
        return f"--{self.section}-{self.name}".replace("_", "-")

    @property
    def shown_default(self) -> str:
        """The default as the documentation shows it."""
        if self.default is None or self.default == ():
            return "none"
        if isinstance(self.default, bool):
            return "true" if self.default else "false"
        if isinstance(self.default, tuple):
            return ",".join(map(str, self.default))
        return str(self.default)


def settings() -> tuple[Setting, ...]:
    """Every setting, in the order of the tree."""
    return tuple(_SETTINGS.values())


def load_config(
    file: Path | None = None,
    environment: Mapping[str, str] | None = None,
    flags: Mapping[str, str] | None = None,
) -> RuntimeConfig:
    """Read the configuration: defaults, then the TOML file, the environment, the flags.

    Args:
        file: TOML; where None, the one SUBTONE_CONFIG names, if any.
        environment: the process's own where None.
        flags: texts by setting path, e.g. ``{"http.port": "9000"}``.

    Raises ConfigError. Secrets may be written as ``env:NAME`` or ``file:PATH``; a flag must, for
    command lines are public on their machine.

    """
    environment = os.environ if environment is None else environment
    if file is None and environment.get(FILE_VARIABLE):
        file = Path(environment[FILE_VARIABLE])
    found: dict[str, Any] = {}
    for source, path, value in (
        *_from_file(file),
        *_from_environment(environment),
        *(("flag", path, text) for path, text in (flags or {}).items()),
    ):
        setting = _SETTINGS.get(path)
        if setting is None:
            raise _unknown(source, path, _SETTINGS)
        found[path] = _converted(setting, source, value, environment)
    try:
        sections: dict[str, Any] = {name: _section(name, kind, found) for name, kind in _SECTIONS}
        return RuntimeConfig(**sections)
    except ValueError as error:
        raise ConfigError(str(error)) from error


def _section(section: str, kind: type[Section], found: Mapping[str, Any]) -> Section:
    values = {
        n: found[f"{section}.{n}"] for n in kind.__struct_fields__ if f"{section}.{n}" in found
    }
    return kind(**values)


def _from_file(file: Path | None) -> Iterator[tuple[str, str, Any]]:
    if file is None:
        return
    try:
        tree = tomllib.loads(file.read_text(encoding="utf-8"))
    except OSError as error:
        raise ConfigError(f"{file} cannot be read ({error.strerror}): check the path") from error
    except ValueError as error:
        raise ConfigError(f"{file} is no TOML ({error})") from error
    for section, values in tree.items():
        if section not in dict(_SECTIONS):
            raise _unknown(str(file), section, dict(_SECTIONS))
        if not isinstance(values, dict):
            raise ConfigError(f"{file}: {section} is a section: write [{section}]")
        for name, value in values.items():
            yield str(file), f"{section}.{name}", value


def _from_environment(environment: Mapping[str, str]) -> Iterator[tuple[str, str, str]]:
    paths = {setting.variable: setting.path for setting in _SETTINGS.values()}
    for name in sorted(environment):
        if name in paths:
            yield f"environment variable {name}", paths[name], environment[name]
        elif name.startswith(ENVIRONMENT_PREFIX) and name not in OTHER_VARIABLES:
            raise _unknown("environment", name, paths)


def _unknown(source: str, name: str, known: Mapping[str, Any]) -> ConfigError:
    near = difflib.get_close_matches(name, known, n=1, cutoff=0.0)
    return ConfigError(f"{source}: there is no setting {name!r}; did you mean {near[0]!r}?")


def _converted(setting: Setting, source: str, value: Any, environment: Mapping[str, str]) -> Any:
    """The value as the setting's type. A message never repeats it: it may be a secret."""
    is_text = source == "flag" or source.startswith("environment")

    def secret(kind: type, text: Any) -> Any:
        if kind is not Secret or not isinstance(text, str):
            raise ValueError("expected a text")
        return revealed(text, environment, is_public=source == "flag")

    try:
        if is_text and _is_list(setting.kind):
            value = json.loads(value) if value.lstrip().startswith("[") else _listed(value)
        return msgspec.convert(value, setting.kind, strict=not is_text, dec_hook=secret)
    except (msgspec.ValidationError, ValueError) as error:
        raise ConfigError(f"{source}: {setting.path} is not usable ({error})") from error


def revealed(text: str, environment: Mapping[str, str], *, is_public: bool) -> Secret:
    """The secret a text names as ``env:NAME`` or ``file:PATH``, or is. Raises ValueError.

    Where the text is public, as on a command line, it must name one.
    """
    scheme, _, rest = text.partition(":")
    if scheme == "env":
        if not environment.get(rest):
            raise ValueError(f"environment variable {rest} is not set")
        return Secret(environment[rest])
    if scheme == "file":
        try:
            return Secret(Path(rest).read_text(encoding="utf-8").strip())
        except OSError as error:
            raise ValueError(f"{rest} cannot be read: {error.strerror}") from error
    if is_public:
        raise ValueError("a secret on the command line is public: write env:NAME or file:PATH")
    if not text:
        raise ValueError("it is empty")
    return Secret(text)


def _listed(text: str) -> Sequence[str]:
    return [item.strip() for item in text.split(",") if item.strip()]


def _is_list(kind: Any) -> bool:
    return get_origin(kind) is tuple or any(get_origin(part) is tuple for part in get_args(kind))


def _meaning(kind: Any) -> str:
    return " ".join(m.description for m in get_args(kind) if isinstance(m, Meta) and m.description)


def _found_settings() -> Iterator[Setting]:
    for section, kind in _SECTIONS:
        hints = get_type_hints(kind, include_extras=True)
        for field in msgspec.structs.fields(kind):
            hint = hints[field.name]
            yield Setting(section, field.name, hint, field.default, _meaning(hint))


_SECTIONS: Final[tuple[tuple[str, type[Section]], ...]] = tuple(
    (name, kind) for name, kind in get_type_hints(RuntimeConfig).items()
)
_SETTINGS: Final = {setting.path: setting for setting in _found_settings()}

__all__ = [
    "ENVIRONMENT_PREFIX",
    "FILE_VARIABLE",
    "AlertsConfig",
    "AudioHookConfig",
    "AudioHookKey",
    "CallsConfig",
    "ConfigError",
    "HttpConfig",
    "JournalConfig",
    "LimitsConfig",
    "LogConfig",
    "LogLevel",
    "RtpConfig",
    "RuntimeConfig",
    "Scope",
    "Secret",
    "Setting",
    "SipConfig",
    "SipUser",
    "Token",
    "TwilioConfig",
    "load_config",
    "revealed",
    "settings",
]
