"""The operator's file of alert rules, sinks and delivery, read once when the server starts."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from ipaddress import ip_network
from pathlib import Path
from typing import Any

import msgspec

from subtone.contracts.base import ContractError
from subtone.runtime.config import AlertsConfig, ConfigError, revealed
from subtone.surfaces.alerts.delivery import RetryPolicy
from subtone.surfaces.alerts.rules import AlertRules
from subtone.surfaces.alerts.sender import SenderPolicy, by_name
from subtone.surfaces.alerts.sinks import Sink, SinkKind


class DeliveryTable(RetryPolicy, frozen=True, kw_only=True):
    """How deliveries are tried, and where they may go beside public https addresses."""

    is_http_allowed: bool = False
    allowed_networks: tuple[str, ...] = ()  # e.g. "169.254.10.0/24": refused otherwise

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            self.sender_policy()
        except ValueError as error:
            raise ContractError(f"delivery.allowed_networks: {error}") from error

    def sender_policy(self) -> SenderPolicy:
        """The limits of one attempt."""
        return SenderPolicy(
            schemes=frozenset({"https", "http"} if self.is_http_allowed else {"https"}),
            allowed_networks=tuple(ip_network(text) for text in self.allowed_networks),
        )


class AlertFile(AlertRules, frozen=True, kw_only=True):
    """Everything that may stand in the file; sinks as written, their secrets not yet read."""

    sinks: tuple[dict[str, Any], ...] = ()
    delivery: DeliveryTable = DeliveryTable()


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What alerts follow and where they go; nothing of a sink's address or secret is printed."""

    rules: AlertRules
    sinks: Mapping[str, Sink]
    delivery: DeliveryTable


def read_alert_settings(
    config: AlertsConfig, environment: Mapping[str, str] | None = None
) -> AlertSettings:
    """Read the file the configuration names; without one, the default rules and no sink.

    Texts of a sink's ``url`` and ``secrets`` may be ``env:NAME`` or ``file:PATH``. A webhook
    without secrets signs with alerts.webhook_secret. Raises ConfigError.
    """
    if config.rules is None:
        return AlertSettings(AlertRules(), {}, DeliveryTable())
    try:
        found = msgspec.toml.decode(Path(config.rules).read_bytes(), type=AlertFile)
        sinks = [
            _sink(entry, config, os.environ if environment is None else environment)
            for entry in found.sinks
        ]
        rules = AlertRules(rules=found.rules, budget=found.budget, time_zone=found.time_zone)
        return AlertSettings(rules, by_name(sinks), found.delivery)
    except OSError as error:
        raise ConfigError(
            f"alerts.rules: {config.rules} cannot be read ({error.strerror}): check the path"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise ConfigError(f"alerts.rules: {config.rules} cannot be used ({error})") from error


def _sink(entry: Mapping[str, Any], config: AlertsConfig, environment: Mapping[str, str]) -> Sink:
    def read(text: object) -> object:
        if not isinstance(text, str):
            return text
        return revealed(text, environment, is_public=False).reveal()

    values = dict(entry)
    if "url" in values:
        values["url"] = read(values["url"])
    secrets = values.get("secrets", [])
    values["secrets"] = [read(text) for text in secrets] if isinstance(secrets, list) else secrets
    sink = msgspec.convert(values, Sink)
    if sink.kind is SinkKind.WEBHOOK and not sink.secrets and config.webhook_secret is not None:
        return msgspec.structs.replace(sink, secrets=(config.webhook_secret.reveal(),))
    return sink
