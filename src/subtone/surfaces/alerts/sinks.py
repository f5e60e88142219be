"""Where alerts go, and what is posted there: pure renderers to one HTTP request each.

What a customer said is quoted in chats, so nothing in it may become a mention, a link or a
line of its own: markup is escaped or made full-width, and every quote is one line.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

import subtone
from subtone.contracts.base import Contract, ContractError, Name
from subtone.contracts.session_state import LocalText
from subtone.surfaces.alerts.alert import Alert, AlertChange
from subtone.surfaces.alerts.rules import AlertSeverity
from subtone.surfaces.alerts.signature import sign
from subtone.surfaces.report.words import SIGNALS, STATES, UiLanguage, clock, say, visible

FORMAT = "subtone.alert"
FORMAT_VERSION = 1
SIGNATURE_HEADER = "Subtone-Signature"
SLACK_HEADER_CHARS = 150
SLACK_TEXT_CHARS = 3_000


class SinkKind(StrEnum):
    """What stands at the other end."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    TEAMS = "teams"
    FEISHU = "feishu"
    DINGTALK = "dingtalk"
    WECOM = "wecom"


class Sink(Contract, frozen=True, kw_only=True):
    """One receiver and which alerts it wants.

    ``secrets`` sign: a webhook may have several (to change them), Feishu and DingTalk take
    the first. The address of a chat is itself a secret, so neither is ever printed.
    """

    name: Name
    kind: SinkKind
    url: str
    secrets: tuple[str, ...] = ()
    language: UiLanguage = "en"
    min_severity: AlertSeverity = AlertSeverity.INFO
    tenants: tuple[Name, ...] = ()  # none means all
    teams: tuple[Name, ...] = ()
    supervisors: tuple[Name, ...] = ()

    def __post_init__(self) -> None:
        super().__post_init__()
        try:
            parts = urlsplit(self.url)
            is_whole = bool(parts.scheme and parts.hostname) and parts.port != 0
        except ValueError:  # brackets or a port that cannot be
            is_whole = False
        if not is_whole or not self.url.isascii() or not self.url.isprintable() or " " in self.url:
            raise ContractError(f"sink {self.name!r} needs a whole address, scheme and host")

    def __repr__(self) -> str:
        return f"Sink(name={self.name!r}, kind={self.kind.value!r})"

    def wants(self, alert: Alert) -> bool:
        """Whether this alert goes here."""
        return (
            alert.severity.rank >= self.min_severity.rank
            and (not self.tenants or alert.tenant in self.tenants)
            and (not self.teams or alert.team in self.teams)
            and (not self.supervisors or alert.supervisor in self.supervisors)
        )


@dataclass(frozen=True, slots=True)
class Request:
    """One HTTP request, ready to send."""

    method: str
    url: str
    headers: tuple[tuple[str, str], ...]
    body: bytes


def render(sink: Sink, alert: Alert, delivery_id: str, t_ms: int) -> Request:
    """The request that tells this alert there.

    Args:
        sink: the receiver.
        alert: redacted already.
        delivery_id: the idempotency key; a webhook's body is the same bytes on every attempt.
        t_ms: wall time of the attempt in milliseconds, which signatures carry.

    """
    body, extra_headers, query = _RENDERERS[sink.kind](sink, alert, delivery_id, t_ms)
    separator = "&" if urlsplit(sink.url).query else "?"
    return Request(
        method="POST",
        url=sink.url + (separator + urlencode(query) if query else ""),
        headers=(
            ("Content-Type", "application/json; charset=utf-8"),
            ("User-Agent", f"subtone/{subtone.__version__}"),
            ("Idempotency-Key", delivery_id),
            *extra_headers,
        ),
        body=body,
    )


# --- the words of a chat message -------------------------------------------------------------

_CHANGES: Mapping[AlertChange, LocalText] = MappingProxyType(
    {
        AlertChange.RAISED: LocalText(en="Alert", zh="告警"),
        AlertChange.ESCALATED: LocalText(en="Escalated", zh="告警升级"),
        AlertChange.RETRACTED: LocalText(en="Retracted, over already", zh="告警撤回，情况已解除"),
        AlertChange.CLEARED: LocalText(en="Cleared", zh="已解除"),
        AlertChange.CALL_ENDED: LocalText(en="Call ended", zh="通话已结束"),
        AlertChange.ACKNOWLEDGED: LocalText(en="Acknowledged", zh="已接手"),
        AlertChange.DISMISSED: LocalText(en="Dismissed", zh="已忽略"),
    }
)
_SEVERITIES: Mapping[AlertSeverity, LocalText] = MappingProxyType(
    {
        AlertSeverity.INFO: LocalText(en="info", zh="提示"),
        AlertSeverity.WARNING: LocalText(en="warning", zh="警告"),
        AlertSeverity.CRITICAL: LocalText(en="critical", zh="紧急"),
    }
)
_CALL = LocalText(en="Call", zh="通话")
_DOMINANT = LocalText(en="dominant signal", zh="主导信号")
_CALLS = LocalText(en="calls concerned", zh="涉及通话数")


def title(alert: Alert, language: UiLanguage) -> str:
    """One line: how severe, what changed, which state, which score."""
    severity, change = _SEVERITIES[alert.severity], _CHANGES[alert.change]
    state = STATES[alert.state]
    return (
        f"[{say(severity, language)}] {say(change, language)}: "
        f"{say(state, language)} ({alert.score:.2f})"
    )


def lines(alert: Alert, language: UiLanguage) -> list[str]:
    """What follows the title, most important first; each entry is one line."""
    signal = say(SIGNALS[alert.dominant_signal], language)
    where = f"{say(_CALL, language)} {alert.call_id} · {clock(alert.t_event_ms)}"
    found = [f"{where} · {say(_DOMINANT, language)}: {signal}", say(alert.advice, language)]
    if alert.call_count > 1:
        found.append(f"{say(_CALLS, language)}: {alert.call_count}")
    found += [say(c.sentence, language) for c in alert.counterfactuals]
    for item in alert.evidence:
        said = "" if item.quote is None else f"“{item.quote}”"
        seen = "" if item.observation is None else say(item.observation, language)
        stretch = f"{clock(item.t_start_ms)}-{clock(item.t_end_ms)}"
        found.append(f"{stretch} {said or seen}")
    found.append(f"{alert.alert_id} · {alert.revision} · {alert.calibration_version}")
    return [_one_line(line) for line in found]


def _one_line(text: str) -> str:
    """Without line breaks, and with what hides or turns text around made visible."""
    return visible(" ".join(text.split()))


def _flat(text: str) -> str:
    """Without the brackets that some chats read as mentions."""
    return text.replace("<", "＜").replace(">", "＞")


def _cut(text: str, max_chars: int) -> str:
    return text if len(text) <= max_chars else text[: max_chars - 1] + "…"


def _cut_bytes(text: str, max_bytes: int) -> str:
    raw = text.encode()
    if len(raw) <= max_bytes:
        return text
    return raw[: max_bytes - len("…".encode())].decode("utf-8", "ignore") + "…"


# --- one renderer a kind ---------------------------------------------------------------------

_Rendered = tuple[bytes, tuple[tuple[str, str], ...], dict[str, str]]  # body, headers, query


def _webhook(sink: Sink, alert: Alert, delivery_id: str, t_ms: int) -> _Rendered:
    body = msgspec.json.encode(
        {
            "format": FORMAT,
            "format_version": FORMAT_VERSION,
            "delivery_id": delivery_id,
            "alert": _untagged(msgspec.to_builtins(alert)),
        }
    )
    if not sink.secrets:
        return body, (), {}
    return body, ((SIGNATURE_HEADER, sign(body, t_ms // 1_000, sink.secrets)),), {}


def _untagged(value: Any) -> Any:
    if isinstance(value, dict):
        return {k: _untagged(v) for k, v in value.items() if k != "contract"}
    if isinstance(value, list | tuple):
        return [_untagged(v) for v in value]
    return value


def _slack(sink: Sink, alert: Alert, _delivery_id: str, _t_ms: int) -> _Rendered:
    head, *rest = (
        line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
        for line in (title(alert, sink.language), *lines(alert, sink.language))
    )
    text = _cut("\n".join(rest), SLACK_TEXT_CHARS)
    blocks = [
        {"type": "header", "text": {"type": "plain_text", "text": _cut(head, SLACK_HEADER_CHARS)}},
        # verbatim: an address somebody said must not become a link
        {"type": "section", "text": {"type": "mrkdwn", "text": text, "verbatim": True}},
    ]
    return msgspec.json.encode({"text": head, "blocks": blocks}), (), {}


def _teams(sink: Sink, alert: Alert, _delivery_id: str, _t_ms: int) -> _Rendered:
    def block(text: str, weight: str) -> dict[str, Any]:
        # a TextRun shows its text as it is; a TextBlock would read Markdown
        run = {"type": "TextRun", "text": text, "weight": weight}
        return {"type": "RichTextBlock", "inlines": [run]}

    card = {
        "$schema": "http://adaptivecards.io/schemas/adaptive-card.json",
        "type": "AdaptiveCard",
        "version": "1.4",
        "body": [
            block(title(alert, sink.language), "bolder"),
            *(block(_cut_bytes(line, 1_000), "default") for line in lines(alert, sink.language)),
        ][:20],
    }
    attachment = {"contentType": "application/vnd.microsoft.card.adaptive", "content": card}
    return msgspec.json.encode({"type": "message", "attachments": [attachment]}), (), {}


def _plain_text(sink: Sink, alert: Alert, max_bytes: int) -> str:
    text = "\n".join([title(alert, sink.language), *lines(alert, sink.language)])
    return _cut_bytes(_flat(text), max_bytes)


def _feishu(sink: Sink, alert: Alert, _delivery_id: str, t_ms: int) -> _Rendered:
    said = {"msg_type": "text", "content": {"text": _plain_text(sink, alert, 15_000)}}
    if sink.secrets:
        t_s = str(t_ms // 1_000)
        said |= {"timestamp": t_s, "sign": _mark(f"{t_s}\n{sink.secrets[0]}", "")}
    return msgspec.json.encode(said), (), {}


def _dingtalk(sink: Sink, alert: Alert, _delivery_id: str, t_ms: int) -> _Rendered:
    said = {"msgtype": "text", "text": {"content": _plain_text(sink, alert, 15_000)}}
    query = {}
    if sink.secrets:
        secret = sink.secrets[0]
        query = {"timestamp": str(t_ms), "sign": _mark(secret, f"{t_ms}\n{secret}")}
    return msgspec.json.encode(said), (), query


def _wecom(sink: Sink, alert: Alert, _delivery_id: str, _t_ms: int) -> _Rendered:
    said = {"msgtype": "text", "text": {"content": _plain_text(sink, alert, 2_000)}}
    return msgspec.json.encode(said), (), {}


def _mark(key: str, signed: str) -> str:
    digest = hmac.new(key.encode(), signed.encode(), hashlib.sha256).digest()
    return base64.b64encode(digest).decode()


_RENDERERS: Mapping[SinkKind, Callable[[Sink, Alert, str, int], _Rendered]] = MappingProxyType(
    {
        SinkKind.WEBHOOK: _webhook,
        SinkKind.SLACK: _slack,
        SinkKind.TEAMS: _teams,
        SinkKind.FEISHU: _feishu,
        SinkKind.DINGTALK: _dingtalk,
        SinkKind.WECOM: _wecom,
    }
)
