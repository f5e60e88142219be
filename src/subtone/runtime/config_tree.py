"""Every setting of the live runtime with its type, default and meaning: one frozen tree."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Any, Final, Literal

import msgspec
from msgspec import Meta

from subtone.contracts.vocabulary import Role
from subtone.runtime.analysis import Direction
from subtone.runtime.journal import AudioPolicy

LOOPBACK: Final = frozenset({"127.0.0.1", "::1", "localhost"})
_BIND: Final = re.compile(r"(?P<transport>udp|tcp|tls):(?P<host>.+):(?P<port>\d{1,5})")
_SHA256: Final = re.compile(r"[0-9a-f]{64}")
_CALL_ID_SOURCE: Final = re.compile(
    r"(?:sip_)?session_id|group_id|sip_call_id|(?:header|element):[A-Za-z0-9_.-]{1,100}"
)
_HTTP_URL: Final = re.compile(r"https?://[^/\s]")


class Secret:
    """A text that is never printed: ask with reveal(), where it is used and nowhere else."""

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        """The text itself."""
        return self._text

    def __repr__(self) -> str:
        return "Secret(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Secret) and self._text == other._text

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> str | tuple[Any, ...]:
        raise TypeError("a secret is not to be copied out of its process")


class Scope(StrEnum):
    """What the bearer of a token may do; none includes another."""

    INGEST = "ingest"
    READ = "read"
    WORDS = "words"
    OPERATE = "operate"
    ADMIN = "admin"


class LogLevel(StrEnum):
    """Least severe message that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A part of the tree."""


class Token(Section, frozen=True, kw_only=True):
    """One API token: kept as the SHA-256 of its text, or read as text from its reference."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    scopes: Annotated[tuple[Scope, ...], Meta(min_length=1)]
    sha256: str | None = None
    secret: Secret | None = None

    def __post_init__(self) -> None:
        if (self.sha256 is None) == (self.secret is None):
            raise ValueError(f"token {self.name!r} needs either sha256 or secret")
        if self.sha256 is not None and not _SHA256.fullmatch(self.sha256):
            raise ValueError(f"token {self.name!r} needs 64 hexadecimal digits as sha256")


class AudioHookKey(Section, frozen=True, kw_only=True):
    """One Genesys AudioHook integration: its API key, and the secret that signs its requests."""

    api_key: Secret
    client_secret: Secret | None = None  # None: requests are not signed


class SipUser(Section, frozen=True, kw_only=True):
    """One SIP digest user."""

    name: Annotated[str, Meta(min_length=1, max_length=100)]
    password: Secret


Port = Annotated[int, Meta(ge=0, le=65_535)]


class HttpConfig(Section, frozen=True, kw_only=True):
    """HTTP and WebSocket."""

    host: Annotated[str, Meta(description="address to listen on; others need tokens")] = "127.0.0.1"
    port: Annotated[Port, Meta(description="port to listen on; 0 lets the system choose")] = 8080
    public_url: Annotated[
        str | None, Meta(description="how peers reach this server; webhook signatures cover it")
    ] = None
    tls_certificate: Annotated[str | None, Meta(description="PEM file; with tls_key")] = None
    tls_key: Annotated[str | None, Meta(description="PEM file; with tls_certificate")] = None
    is_admin_remote: Annotated[
        bool, Meta(description="erase from other machines too, not from loopback only")
    ] = False
    tokens: Annotated[
        tuple[Token, ...], Meta(description="API tokens: name, scopes, and sha256 or secret")
    ] = ()


class JournalConfig(Section, frozen=True, kw_only=True):
    """The durable record."""

    path: Annotated[str, Meta(description="folder of the journal")] = "subtone-journal"
    audio: Annotated[
        AudioPolicy,
        Meta(description="`keep` audio until the retention ends, or `drop` it once not needed"),
    ] = AudioPolicy.DROP
    retention_days: Annotated[int, Meta(ge=1, le=36_500, description="calls older are erased")] = 30
    snapshot_s: Annotated[
        float, Meta(ge=1.0, le=3_600.0, description="seconds between two snapshots of a call")
    ] = 30.0
    linger_ms: Annotated[
        float, Meta(ge=0.0, le=100.0, description="how long a write waits for others to join it")
    ] = 5.0


class RtpConfig(Section, frozen=True, kw_only=True):
    """Bare RTP and the media of SIP."""

    host: Annotated[str, Meta(description="address to receive on")] = "127.0.0.1"
    advertised_host: Annotated[
        str | None, Meta(description="address peers are told, where it is another")
    ] = None
    port_min: Annotated[int, Meta(ge=1024, le=65_534, description="first port; even")] = 20_000
    port_max: Annotated[int, Meta(ge=1025, le=65_535, description="last port, inclusive")] = 20_999

    def __post_init__(self) -> None:
        if self.port_min % 2 or self.port_min >= self.port_max:
            raise ValueError("rtp.port_min must be even and below rtp.port_max")


class SipConfig(Section, frozen=True, kw_only=True):
    """The session recording server."""

    binds: Annotated[
        tuple[str, ...],
        Meta(description="addresses as `udp:host:port`, `tcp:...`, `tls:...`; none is off"),
    ] = ()
    tls_certificate: Annotated[str | None, Meta(description="PEM file; with tls_key")] = None
    tls_key: Annotated[str | None, Meta(description="PEM file; with tls_certificate")] = None
    tls_client_ca: Annotated[
        str | None, Meta(description="PEM file; peers must show a certificate of it")
    ] = None
    public_host: Annotated[
        str | None, Meta(description="address clients are told, where it is not the bound one")
    ] = None
    agent_patterns: Annotated[
        tuple[str, ...], Meta(description="`user@host` patterns of agents, like `*@agents.example`")
    ] = ()
    customer_patterns: Annotated[
        tuple[str, ...], Meta(description="`user@host` patterns of customers")
    ] = ()
    calling_party: Annotated[
        Role, Meta(description="who calls on this line: `customer`, `agent` or `unknown`")
    ] = Role.UNKNOWN
    realm: Annotated[str, Meta(description="realm of digest authentication")] = "subtone"
    users: Annotated[
        tuple[SipUser, ...], Meta(description="digest users: name and password; none asks nobody")
    ] = ()
    call_id_from: Annotated[
        tuple[str, ...],
        Meta(description="what names the call, e.g. `header:X-UCID,element:ucid`; else Call-ID"),
    ] = ()

    def __post_init__(self) -> None:
        for bind in self.binds:
            match = _BIND.fullmatch(bind)
            if match is None or int(match["port"]) > 65_535:
                raise ValueError(f"sip.binds: {bind!r} is not like udp:127.0.0.1:5060")
            if match["transport"] == "tls" and self.tls_key is None:
                raise ValueError(f"sip.binds: {bind!r} needs sip.tls_certificate and sip.tls_key")
        for name in self.call_id_from:
            if _CALL_ID_SOURCE.fullmatch(name) is None:
                raise ValueError(
                    f"sip.call_id_from: {name!r} is none of session_id, sip_session_id, group_id, "
                    "sip_call_id, header:NAME, element:NAME"
                )


class TwilioConfig(Section, frozen=True, kw_only=True):
    """Twilio and those that sign as it does."""

    auth_tokens: Annotated[
        tuple[Secret, ...], Meta(description="auth tokens; several while one is being replaced")
    ] = ()
    is_signature_required: Annotated[
        bool, Meta(description="refuse what is not signed; off only behind something that checks")
    ] = True


class AudioHookConfig(Section, frozen=True, kw_only=True):
    """Genesys AudioHook."""

    keys: Annotated[
        tuple[AudioHookKey, ...], Meta(description="integrations: api_key and client_secret")
    ] = ()


class CallsConfig(Section, frozen=True, kw_only=True):
    """How calls are judged and how long they are waited for."""

    direction: Annotated[
        Direction, Meta(description="who called: `auto`, `inbound` or `outbound`")
    ] = Direction.AUTO
    is_agent_voice_scored: Annotated[
        bool, Meta(description="score the agent's voice; needs agent_voice_purpose")
    ] = False
    agent_voice_purpose: Annotated[
        str | None, Meta(description="why the agent's voice may be scored, e.g. a written consent")
    ] = None
    is_text_expected: Annotated[
        bool, Meta(description="words of voice calls come from elsewhere: moments wait for them")
    ] = False
    calibration: Annotated[
        str | None, Meta(description="calibration file; the shipped one where unset")
    ] = None
    reconnect_s: Annotated[
        float, Meta(ge=0.0, le=3_600.0, description="a lost stream may come back this long")
    ] = 30.0
    idle_s: Annotated[
        float, Meta(ge=1.0, le=86_400.0, description="a silent voice call ends after this")
    ] = 300.0
    chat_idle_s: Annotated[
        float, Meta(ge=1.0, le=604_800.0, description="a silent chat ends after this")
    ] = 1_800.0

    def __post_init__(self) -> None:
        if self.is_agent_voice_scored and not self.agent_voice_purpose:
            raise ValueError("calls.is_agent_voice_scored needs calls.agent_voice_purpose")


class LimitsConfig(Section, frozen=True, kw_only=True):
    """What one peer, and all together, may ask for."""

    max_calls: Annotated[int, Meta(ge=1, description="running calls; new ones are refused")] = 500
    max_backlog_s: Annotated[
        float, Meta(gt=0.0, le=60.0, description="analysis further behind refuses new calls")
    ] = 2.0
    max_message_bytes: Annotated[
        int, Meta(ge=1_024, description="largest message or body, as it arrives")
    ] = 1_048_576
    max_decompressed_bytes: Annotated[
        int, Meta(ge=1_024, description="largest message or body, decompressed")
    ] = 4_194_304
    max_peer_requests_per_s: Annotated[
        float, Meta(gt=0.0, description="requests and connections of one peer, per second")
    ] = 50.0
    worker_threads: Annotated[
        int, Meta(ge=0, le=256, description="threads that analyse; 0 is one per core")
    ] = 0


class PerceptionConfig(Section, frozen=True, kw_only=True):
    """Models beside the calls: words from the voice, and what they say about how it sounds."""

    checkpoint: Annotated[
        str | None, Meta(description="Whisper checkpoint, a name or a folder; without it none runs")
    ] = None
    padding: Annotated[
        Literal["none", "window"],
        Meta(description="after an utterance: nothing, or silence up to 30 s, nine times the time"),
    ] = "none"
    tasks: Annotated[
        tuple[str, ...],
        Meta(
            description="run on each utterance: `transcription`, `language`, `emotion`, `speaker`"
        ),
    ] = ("transcription",)
    emotion_model: Annotated[
        str | None,
        Meta(description="head file, or ONNX model, of the task emotion; else the shipped one"),
    ] = None
    arousal_head: Annotated[
        str, Meta(description="contrast head file, `shipped` where there is one, or `none`")
    ] = "shipped"
    valence_head: Annotated[
        str, Meta(description="contrast head file, `shipped` where there is one, or `none`")
    ] = "shipped"
    speaker_model: Annotated[
        str | None, Meta(description="ONNX model, or voice head file, of the task speaker")
    ] = None
    threads: Annotated[int, Meta(ge=1, le=64, description="calls that are understood at once")] = 1
    max_utterance_s: Annotated[
        float, Meta(ge=2.0, le=30.0, description="longer speech is cut where it is quietest")
    ] = 6.0
    max_waiting_s: Annotated[
        float, Meta(ge=5.0, le=600.0, description="sound of one call that may wait; older goes")
    ] = 60.0


class MemoryConfig(Section, frozen=True, kw_only=True):
    """Audio memory."""

    path: Annotated[
        str | None, Meta(description="folder of the memory; without it nothing is remembered")
    ] = None
    key_file: Annotated[
        str | None, Meta(description="32 random bytes that encrypt it; given once, needed for ever")
    ] = None
    are_calls_remembered: Annotated[
        bool, Meta(description="each customer utterance becomes a memory; callers must have agreed")
    ] = False
    is_voiceprint_allowed: Annotated[
        bool, Meta(description="recognise voices: biometric data, for a stated lawful purpose only")
    ] = False
    retention_days: Annotated[int, Meta(ge=1, le=36_500, description="older is erased")] = 365


class AlertsConfig(Section, frozen=True, kw_only=True):
    """Alerts."""

    rules: Annotated[str | None, Meta(description="file of alert rules and sinks")] = None
    webhook_secret: Annotated[
        Secret | None, Meta(description="key of the signature of outgoing webhooks")
    ] = None


class LogConfig(Section, frozen=True, kw_only=True):
    """Logs and traces: ids and numbers, never words or names."""

    level: Annotated[LogLevel, Meta(description="`debug`, `info`, `warning` or `error`")] = (
        LogLevel.INFO
    )
    otlp_endpoint: Annotated[
        str | None, Meta(description="URL that takes traces by OTLP over HTTP; needs subtone[otel]")
    ] = None

    def __post_init__(self) -> None:
        if self.otlp_endpoint is not None and not _HTTP_URL.match(self.otlp_endpoint):
            raise ValueError("log.otlp_endpoint must begin with http:// or https://")


class RuntimeConfig(Section, frozen=True, kw_only=True):
    """Everything an operator decides; see docs/configuration.md."""

    http: HttpConfig = HttpConfig()
    journal: JournalConfig = JournalConfig()
    rtp: RtpConfig = RtpConfig()
    sip: SipConfig = SipConfig()
    twilio: TwilioConfig = TwilioConfig()
    audiohook: AudioHookConfig = AudioHookConfig()
    calls: CallsConfig = CallsConfig()
    limits: LimitsConfig = LimitsConfig()
    perception: PerceptionConfig = PerceptionConfig()
    memory: MemoryConfig = MemoryConfig()
    alerts: AlertsConfig = AlertsConfig()
    log: LogConfig = LogConfig()

    def __post_init__(self) -> None:
        if "speaker" in self.perception.tasks and not self.memory.is_voiceprint_allowed:
            raise ValueError("the task speaker needs memory.is_voiceprint_allowed")
        if self.memory.are_calls_remembered and None in (
            self.memory.path,
            self.perception.checkpoint,
        ):
            raise ValueError(
                "memory.are_calls_remembered needs memory.path and perception.checkpoint"
            )
        for name, section in (("http", self.http), ("sip", self.sip)):
            if (section.tls_certificate is None) != (section.tls_key is None):
                raise ValueError(f"{name}.tls_certificate and {name}.tls_key go together")
        if self.http.host not in LOOPBACK and not self.http.tokens:
            raise ValueError(
                f"http.host {self.http.host!r} is open to others: give http.tokens, or listen on "
                "127.0.0.1"
            )
