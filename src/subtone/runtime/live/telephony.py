"""SIPREC and bare RTP beside the HTTP server: built from the configuration, one pair a process."""

from __future__ import annotations

import secrets
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

from subtone.ingest.siprec import DigestSettings, RoleHints, ServerSettings
from subtone.runtime.config import ConfigError, RuntimeConfig
from subtone.runtime.live.hub import Hub
from subtone.runtime.live.media_ports import MediaPorts
from subtone.runtime.live.recording_server import RecordingServer
from subtone.runtime.live.tls import server_context

SECRET_BYTES = 32


@dataclass(frozen=True, slots=True)
class Telephony:
    """What listens, and where."""

    ports: MediaPorts
    recording: RecordingServer | None  # None where no SIP address is configured
    binds: tuple[str, ...]  # as bound: transport:host:port
    media_host: str  # the address peers are told to send media to


@asynccontextmanager
async def running_telephony(
    config: RuntimeConfig, hub: Hub, now_ms: Callable[[], int]
) -> AsyncIterator[Telephony]:
    """Ports and listeners for as long as the block runs. Raises ConfigError."""
    rtp = config.rtp
    ports = MediaPorts(hub, now_ms, rtp.host, rtp.port_min, rtp.port_max)
    ports.start()
    recording: RecordingServer | None = None
    try:
        binds: list[str] = []
        if config.sip.binds:
            recording = RecordingServer(hub, ports, _settings(config), now_ms)
            binds = [await _listen(config, recording, bind) for bind in config.sip.binds]
        yield Telephony(ports, recording, tuple(binds), rtp.advertised_host or rtp.host)
    finally:
        if recording is not None:
            await recording.stop()
        await ports.stop()


async def _listen(config: RuntimeConfig, recording: RecordingServer, bind: str) -> str:
    transport, host, port = _split(bind)
    try:
        if transport == "udp":
            bound = await recording.listen_udp(host, port)
        else:
            context = _tls(config) if transport == "tls" else None
            bound = await recording.listen_tcp(host, port, context)
    except OSError as error:
        raise ConfigError(f"sip.binds: {bind} cannot be listened on ({error.strerror})") from error
    return f"{transport}:{host}:{bound}"


def _split(bind: str) -> tuple[str, str, int]:
    transport, _, rest = bind.partition(":")
    host, _, port = rest.rpartition(":")
    return transport, host.strip("[]"), int(port)


def _settings(config: RuntimeConfig) -> ServerSettings:
    sip, rtp = config.sip, config.rtp
    _, host, port = _split(sip.binds[0])
    digest = None
    if sip.users:
        digest = DigestSettings(
            realm=sip.realm, passwords={user.name: user.password.reveal() for user in sip.users}
        )
    return ServerSettings(
        host=sip.public_host or host,
        port=port,
        media_host=rtp.advertised_host or rtp.host,
        secret=secrets.token_bytes(SECRET_BYTES),
        hints=RoleHints(
            agent_patterns=sip.agent_patterns,
            customer_patterns=sip.customer_patterns,
            calling_party=sip.calling_party,
        ),
        digest=digest,
        max_recordings=config.limits.max_calls,
        call_id_from=sip.call_id_from,
    )


def _tls(config: RuntimeConfig) -> ssl.SSLContext:
    sip = config.sip
    return server_context("sip", sip.tls_certificate or "", sip.tls_key or "", sip.tls_client_ca)
