"""Who may do what: every route against every scope, rates, and what signs instead of a token."""

from __future__ import annotations

import asyncio
import base64
import logging
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from litestar.exceptions import TooManyRequestsException
from websockets.exceptions import InvalidStatus

from subtone.ingest.audiohook import UpgradeRequest, sign_upgrade
from subtone.ingest.streams.twilio_signature import sign
from subtone.runtime.config import (
    AudioHookConfig,
    AudioHookKey,
    LimitsConfig,
    Scope,
    Secret,
    TwilioConfig,
)
from subtone.runtime.live.auth import Token, Tokens
from subtone.runtime.live.rates import RateLimiter
from support_live import SECRETS, Live, run_live

ROUTES: list[tuple[str, str, Scope, object]] = [
    ("POST", "/v1/calls/c/messages", Scope.INGEST, {"role": "agent", "text": "x"}),
    (
        "POST",
        "/v1/calls/c/messages/batch",
        Scope.INGEST,
        {"messages": [{"role": "agent", "text": "x"}]},
    ),
    ("POST", "/v1/calls/c/interventions", Scope.OPERATE, {}),
    ("POST", "/v1/calls/c/consent", Scope.OPERATE, {"is_voice_emotion_allowed": True}),
    ("POST", "/v1/calls/c/pause", Scope.OPERATE, None),
    ("POST", "/v1/calls/c/resume", Scope.OPERATE, None),
    ("POST", "/v1/calls/c/end", Scope.OPERATE, {}),
    ("GET", "/v1/calls", Scope.READ, None),
    ("GET", "/v1/calls/c", Scope.READ, None),
    ("GET", "/v1/calls/c/timeline", Scope.READ, None),
    ("GET", "/v1/calls/c/transitions", Scope.READ, None),
    ("GET", "/v1/calls/c/basis", Scope.READ, None),
    ("GET", "/metrics", Scope.READ, None),
    ("PUT", "/v1/calls/c/hold", Scope.ADMIN, None),
    ("DELETE", "/v1/calls/c/hold", Scope.ADMIN, None),
    ("DELETE", "/v1/calls/c", Scope.ADMIN, None),
]
SOCKETS = [
    ("/v1/calls/c/chat", Scope.INGEST),
    ("/v1/streams", Scope.INGEST),
    ("/v1/stream", Scope.READ),
]


def test_each_route_asks_for_its_scope_and_no_other_will_do(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        for method, path, needed, body in ROUTES:
            assert (await live.call(method, path, json=body)).status_code == 401, path
            headers = {"Authorization": "Bearer nobody"}
            unknown = await live.call(method, path, json=body, headers=headers)
            assert unknown.status_code == 401, path
            assert unknown.headers["www-authenticate"].startswith("Bearer")
            for scope in Scope:
                status = (await live.call(method, path, scope, json=body)).status_code
                assert (status == 403) is (scope is not needed), (path, scope, status)
        for path in ("/health", "/ready", "/schema/openapi.json"):
            assert (await live.call("GET", path)).status_code == 200

    limits = LimitsConfig(max_peer_requests_per_s=1_000.0)
    run_live(tmp_path, test, limits=limits)


def test_sockets_ask_too_and_refuse_before_they_open(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    async def test(live: Live) -> None:
        for path, needed in SOCKETS:
            for scope in (None, *Scope):
                if scope is needed:
                    async with live.socket(path, scope):
                        pass
                    async with live.socket(f"{path}?access_token={SECRETS[scope]}"):
                        pass
                    continue
                with pytest.raises(InvalidStatus) as refused:
                    await live.socket(path, scope)
                assert refused.value.response.status_code == (401 if scope is None else 403), path

    run_live(tmp_path, test)
    assert [r for r in caplog.records if r.name.startswith("uvicorn")] == []


def test_secrets_are_never_logged(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    async def test(live: Live) -> None:
        query = f"?access_token={SECRETS[Scope.READ]}"
        assert (await live.call("GET", f"/v1/calls{query}")).status_code == 401
        async with live.socket(f"/v1/stream{query}"):
            pass
        await live.say("c", "hello")

    run_live(tmp_path, test)
    clients = ("httpcore", "httpx", "websockets.client")
    ours = [r.getMessage() for r in caplog.records if not r.name.startswith(clients)]
    assert ours
    assert not [m for m in ours for secret in SECRETS.values() if secret in m]
    assert SECRETS[Scope.READ] not in repr(Token.of("x", SECRETS[Scope.READ], [Scope.READ]))


def test_admin_routes_answer_on_loopback_only_unless_told_otherwise() -> None:
    class Elsewhere:
        class client:  # noqa: N801 - as Litestar names it
            host = "203.0.113.7"

        headers = {"authorization": "Bearer s"}  # noqa: RUF012

    token = Token.of("boss", "s", [Scope.ADMIN, Scope.READ])
    connection: Any = Elsewhere()
    assert Tokens((token,)).authorise(connection, Scope.READ) is token
    with pytest.raises(Exception, match="loopback only"):
        Tokens((token,)).authorise(connection, Scope.ADMIN)
    assert Tokens((token,), is_admin_remote=True).authorise(connection, Scope.ADMIN) is token


@given(st.text(), st.text())
def test_only_the_secret_itself_is_found(secret: str, other: str) -> None:
    try:
        tokens = Tokens((Token.of("t", secret, [Scope.READ]), Token.of("u", "u", [Scope.READ])))
    except UnicodeEncodeError:
        return  # a lone surrogate is no secret
    found = tokens.find(secret)
    assert found is not None
    assert (tokens.find(other) is not None) is (other in (secret, "u"))


@given(st.lists(st.integers(min_value=0, max_value=2_000), max_size=60))
def test_a_bucket_never_gives_more_than_its_rate(steps_ms: list[int]) -> None:
    t_ms, given_out = 0, 0
    limiter = RateLimiter(lambda: t_ms, per_s=2.0, burst_s=2.0)
    for step_ms in steps_ms:
        t_ms += step_ms
        try:
            limiter.take("peer")
        except TooManyRequestsException:
            continue
        given_out += 1
    assert given_out <= 4 + t_ms * 2 / 1000.0
    limiter.take("somebody else")


def test_too_many_requests_of_one_peer_are_told_when_to_come_back(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        answers = [await live.call("GET", "/health") for _ in range(8)]
        refused = answers[-1]
        assert (refused.status_code, refused.json()["fault"]) == (429, "client")
        assert int(refused.headers["retry-after"]) >= 1

    run_live(tmp_path, test, limits=LimitsConfig(max_peer_requests_per_s=1.0))


def test_a_webhook_of_twilio_is_taken_by_its_signature(tmp_path: Path) -> None:
    form = {
        "TranscriptionEvent": "transcription-content",
        "TranscriptionSid": "GT1",
        "CallSid": "CA1",
        "SequenceId": "2",
        "Timestamp": "2026-11-20T11:00:00Z",
        "Track": "inbound_track",
        "LanguageCode": "en-US",
        "Final": "true",
        "TranscriptionData": '{"transcript":"It is fine.","confidence":0.9}',
    }

    async def test(live: Live) -> None:
        path = "/v1/webhooks/twilio/transcription"
        url = f"http://{live.address}{path}"
        good = {"X-Twilio-Signature": sign("token", url, form.items())}
        for headers, status in (({}, 401), ({"X-Twilio-Signature": "AAAA"}, 401), (good, 204)):
            sent = await live.call("POST", path, data=form, headers=headers)
            assert sent.status_code == status
        again = await live.call("POST", path, data=form, headers=good)
        assert again.status_code == 204
        assert list(live.parts.hub.calls["CA1"].live.said) == ["GT1:2"]
        odd = {"CallSid": "CA1", "What": "ever"}
        headers = {"X-Twilio-Signature": sign("token", url, odd.items())}
        assert (await live.call("POST", path, data=odd, headers=headers)).status_code == 400
        over = {"CallSid": "CA1", "CallStatus": "completed"}
        path = "/v1/webhooks/twilio/status"
        headers = {
            "X-Twilio-Signature": sign("token", f"http://{live.address}{path}", over.items())
        }
        assert (await live.call("POST", path, data=over, headers=headers)).status_code == 204
        assert live.parts.running("CA1") is None

    run_live(tmp_path, test, twilio=TwilioConfig(auth_tokens=(Secret("token"),)))


def test_a_media_stream_of_twilio_is_let_in_by_its_signature(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        signature = sign("token", f"wss://{live.address}/v1/streams")
        async with live.socket("/v1/streams", headers=[("X-Twilio-Signature", signature)]):
            pass
        with pytest.raises(InvalidStatus) as refused:
            await live.socket("/v1/streams", headers=[("X-Twilio-Signature", signature[::-1])])
        assert refused.value.response.status_code == 401

    run_live(tmp_path, test, twilio=TwilioConfig(auth_tokens=(Secret("token"),)))


def test_audiohook_is_let_in_by_its_signature_once(tmp_path: Path) -> None:
    secret = b"0123456789abcdef"
    key = AudioHookKey(
        api_key=Secret("KEY"), client_secret=Secret(base64.b64encode(secret).decode())
    )

    async def test(live: Live) -> None:
        named = [
            ("Audiohook-Organization-Id", "d7934305-0972-4844-938e-9060eef73d05"),
            ("Audiohook-Session-Id", "e160e428-53b2-487c-977d-96989bf5c99d"),
            ("Audiohook-Correlation-Id", "e160e428-53b2-487c-977d-96989bf5c99d"),
            ("X-API-KEY", "KEY"),
        ]
        request = UpgradeRequest(target="/v1/audiohook", authority=live.address, headers=named)
        now_s = live.parts.now_ms() // 1000
        signed = sign_upgrade(
            request, secret, nonce="n" * 32, created_s=now_s, expires_s=now_s + 10
        )
        async with live.socket("/v1/audiohook", headers=[*named, *signed]):
            pass
        for headers in ([*named, *signed], named, named[:-1]):  # replayed, unsigned, unnamed
            with pytest.raises(InvalidStatus) as refused:
                await live.socket("/v1/audiohook", headers=headers)
            assert refused.value.response.status_code == 401
        await asyncio.sleep(0)

    run_live(tmp_path, test, audiohook=AudioHookConfig(keys=(key,)))
