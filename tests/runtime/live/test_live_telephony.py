"""SIPREC and bare RTP through the whole server: ports asked for, media heard, roles kept."""

from __future__ import annotations

from pathlib import Path

import httpx
import pytest

from subtone.contracts.vocabulary import Role
from subtone.runtime.config import (
    CallsConfig,
    ConfigError,
    RtpConfig,
    RuntimeConfig,
    Scope,
    SipConfig,
)
from subtone.runtime.live.telephony import running_telephony
from subtone.runtime.simulate import rtp, siprec
from subtone.runtime.simulate.packets import Packet, packets_of
from support_live import Live, eventually, run_live

CALL = Path(__file__).resolve().parents[3] / "examples" / "calls" / "hidden_frustration.en.flac"
ROLES = (Role.AGENT, Role.CUSTOMER)
RTP = RtpConfig(port_min=32_000, port_max=32_400)
SIP = SipConfig(
    binds=("udp:127.0.0.1:0",),
    agent_patterns=("*@centre.example",),
    customer_patterns=("*@caller.example",),
)


def packets(seconds: int) -> list[Packet]:
    return [p for p in packets_of(CALL, ROLES) if p.t_ms < seconds * 1000]


async def timeline(live: Live, call_id: str) -> list[dict[str, object]]:
    answer = await live.call("GET", f"/v1/calls/{call_id}/timeline", Scope.READ)
    items: list[dict[str, object]] = answer.json()["items"] if answer.status_code == 200 else []
    return items


def test_rtp_ports_are_given_heard_and_closed(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        tracks = [{"role": "agent"}, {"role": "customer"}]
        path = "/v1/calls/r1/rtp"
        opened = await live.call("POST", path, Scope.INGEST, json={"tracks": tracks})
        assert opened.status_code == 201
        assert [p["track_id"] for p in opened.json()] == ["agent", "customer"]
        targets = [(p["host"], p["port"]) for p in opened.json()]
        await rtp.play(targets, rtp.datagrams(packets(20)), speed=4.0)

        async def has_heard() -> bool:
            return len(await timeline(live, "r1")) >= 3

        await eventually(has_heard)
        running = live.parts.hub.calls["r1"].state.hearing
        assert {t.track.track_id: t.track.role for t in running.tracks} == {
            "agent": Role.AGENT,
            "customer": Role.CUSTOMER,
        }
        assert (await live.call("DELETE", path, Scope.INGEST)).status_code == 204
        assert live.parts.telephony is not None
        assert live.parts.telephony.ports.of_call("r1") == ()

    run_live(tmp_path, test, rtp=RTP)


@pytest.mark.parametrize(
    ("tracks", "status", "cause"),
    [
        ([], 400, "tracks"),
        ([{"role": "customer"}, {"role": "customer"}], 422, "one name"),
        ([{"role": "customer", "formats": [{"name": "AMR-WB"}]}], 422, "amr-wb"),
        (
            [{"role": "customer", "srtp_suite": "AES_CM_128_HMAC_SHA1_80", "srtp_key": "x"}],
            422,
            "",
        ),
    ],
)
def test_what_cannot_be_opened_is_refused_and_no_port_stays(
    tmp_path: Path, tracks: list[dict[str, object]], status: int, cause: str
) -> None:
    async def test(live: Live) -> None:
        answer = await live.call("POST", "/v1/calls/r1/rtp", Scope.INGEST, json={"tracks": tracks})
        assert answer.status_code == status
        assert cause in answer.text
        assert "r1" not in live.parts.hub.calls
        unauthorized = await live.call("POST", "/v1/calls/r1/rtp", json={"tracks": tracks})
        assert unauthorized.status_code == 401

    run_live(tmp_path, test, rtp=RTP)


def test_a_siprec_recording_becomes_a_call_with_roles_from_its_metadata(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        assert live.parts.telephony is not None
        (bind,) = live.parts.telephony.binds
        server = ("127.0.0.1", int(bind.rsplit(":", 1)[1]))
        timed = rtp.datagrams(packets(16))
        await siprec.play(server, "rec-1", ROLES, timed, speed=4.0)

        async def is_known() -> bool:
            answer: httpx.Response = await live.call("GET", "/v1/calls", Scope.READ)
            return bool(answer.json()["calls"])

        await eventually(is_known)
        call_id = (await live.call("GET", "/v1/calls", Scope.READ)).json()["calls"][0]["call_id"]

        async def is_over() -> bool:
            return call_id not in live.parts.hub.calls and len(await timeline(live, call_id)) >= 3

        await eventually(is_over)

    run_live(tmp_path, test, rtp=RTP, sip=SIP, calls=CallsConfig(reconnect_s=0.5))


def test_an_address_that_is_taken_is_refused_in_words(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        assert live.parts.telephony is not None
        (bind,) = live.parts.telephony.binds
        again = RtpConfig(port_min=32_500, port_max=32_600)
        taken = RuntimeConfig(rtp=again, sip=SipConfig(binds=(bind,)))
        with pytest.raises(ConfigError, match="cannot be listened on"):
            async with running_telephony(taken, live.parts.hub, live.parts.now_ms):
                pass

    run_live(tmp_path, test, rtp=RTP, sip=SIP)
