"""The HTTP routes: durable answers, duplicates, refusals that say whose fault it is, limits."""

from __future__ import annotations

import asyncio
import gzip
import json
import uuid
import zlib
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from litestar.exceptions import ClientException

from subtone.contracts.inbound import (
    AnswerDetected,
    ChatMessage,
    ConsentChanged,
    Intervention,
    Paused,
    Resumed,
)
from subtone.runtime.config import LimitsConfig, Scope
from subtone.runtime.journal import JournalFullError
from subtone.runtime.live.auth import Token, Tokens
from subtone.runtime.live.bodies import MAX_JSON_DEPTH, require_shallow
from support_live import SECRETS, TOKENS, Live, eventually, next_frame, run_live


async def timeline(live: Live, call_id: str, kind: str, least: int) -> list[dict[str, Any]]:
    """The items of one kind, once there are that many."""
    while True:
        page = await live.call("GET", f"/v1/calls/{call_id}/timeline", Scope.READ)
        items = [i["item"] for i in page.json().get("items", []) if i["kind"] == kind]
        if len(items) >= least:
            return items
        await asyncio.sleep(0.05)


def journalled(live: Live, call_id: str, kind: type) -> list[Any]:
    reader: Any = live.parts.reader
    return [event for event in reader.replay(call_id) if isinstance(event, kind)]


def test_a_message_is_in_the_journal_before_it_is_answered(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        taken = await live.say("c", "It's fine.", message_id="m1")
        assert (taken.status_code, taken.json()) == (202, {"message_id": "m1", "t_ms": 0})
        (message,) = journalled(live, "c", ChatMessage)
        assert (message.message_id, message.text) == ("m1", "It's fine.")
        (turn,) = await timeline(live, "c", "turn", 1)
        assert turn["turn"]["text"] == "It's fine."

    run_live(tmp_path, test)


def test_what_is_sent_again_is_taken_once_and_answered_the_same(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        key = {"Idempotency-Key": "k1"}
        body = {"messages": [{"role": "customer", "text": "one"}, {"role": "agent", "text": "two"}]}
        path = "/v1/calls/c/messages/batch"
        first = await live.call("POST", path, Scope.INGEST, json=body, headers=key)
        await asyncio.sleep(0.05)
        again = await live.call("POST", path, Scope.INGEST, json=body, headers=key)
        assert first.status_code == again.status_code == 202
        assert first.json() == again.json()
        other = {"messages": [{"role": "customer", "text": "else"}]}
        refused = await live.call("POST", path, Scope.INGEST, json=other, headers=key)
        assert (refused.status_code, refused.json()["fault"]) == (409, "client")
        assert (await live.say("c", "three", message_id="m")).status_code == 202
        assert (await live.say("c", "three", message_id="m")).status_code == 202
        assert (await live.say("c", "four", message_id="m")).status_code == 409
        texts = [m.text for m in journalled(live, "c", ChatMessage)]
        assert texts == ["one", "two", "three"]

    run_live(tmp_path, test)


def test_an_edit_is_a_new_turn_at_the_time_of_the_old_one(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("c", "I am furios", message_id="m1", t_ms=4_000)
        edit = await live.say("c", "I am furious", message_id="m2", replaces="m1")
        assert edit.json() == {"message_id": "m2", "t_ms": 4_000}
        late = await live.say("c", "before that", message_id="m0", t_ms=1_000)
        assert late.status_code == 202
        unknown = await live.say("c", "x", replaces="nobody")
        assert (unknown.status_code, unknown.json()["fault"]) == (422, "client")
        turns = await timeline(live, "c", "turn", 3)
        assert [t["turn"]["t_event_ms"] for t in turns] == [4_000, 4_000, 1_000]

    run_live(tmp_path, test)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        ({"text": ""}, 400),
        ({"text": "x" * 20_001}, 400),
        ({"role": "robot"}, 400),
        ({"t_ms": -1}, 400),
        ({"t_ms": 10**400}, 400),
        ({"t_ms": 7_200_000}, 422),
        ({"t_ms": 2_000, "end_ms": 1_000}, 422),
        ({"surprise": 1}, 400),
        ({"language": "klingon"}, 400),
    ],
)
def test_a_message_that_cannot_be_is_refused_and_begins_no_call(
    tmp_path: Path, fields: dict[str, Any], status: int
) -> None:
    async def test(live: Live) -> None:
        body = {"role": "customer", "text": "secret words", **fields}
        path = "/v1/calls/c/messages"
        refused = await live.call("POST", path, Scope.INGEST, json=body)
        assert (refused.status_code, refused.json()["fault"]) == (status, "client")
        assert refused.headers["content-type"].startswith("application/problem+json")
        assert "secret words" not in refused.text
        assert live.parts.hub.calls == {}

    run_live(tmp_path, test)


def test_what_a_person_does_is_journalled_on_the_calls_clock(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        async def operate(verb: str, body: object = None) -> int:
            path = f"/v1/calls/c/{verb}"
            return (await live.call("POST", path, Scope.OPERATE, json=body)).status_code

        assert await operate("end", {}) == 404
        await live.say("c", "hello")
        assert await operate("interventions", {"kind": "supervisor"}) == 202
        assert await operate("consent", {"is_voice_emotion_allowed": False}) == 202
        assert await operate("pause") == 202
        assert (await live.say("c", "card 4111 1111 1111 1111")).status_code == 202
        assert await operate("resume") == 202
        assert await operate("end", {"reason": "hangup"}) == 202
        assert await operate("end", {}) == 409
        for kind in (Intervention, ConsentChanged, Paused, Resumed):
            assert len(journalled(live, "c", kind)) == 1
        assert [m.text for m in journalled(live, "c", ChatMessage)] == ["hello"]
        assert (await live.say("c", "too late")).status_code == 409

    run_live(tmp_path, test)


def test_a_call_is_read_back_while_it_runs_and_after(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        async def read(path: str) -> Any:
            return (await live.call("GET", path, Scope.READ)).json()

        for second in range(5):
            await live.say("a", "This is ridiculous. I want a manager!", t_ms=second * 5_000)
        await live.say("b", "hello")
        decisions = await timeline(live, "a", "decision", 3)
        detail = await read("/v1/calls/a")
        assert detail["call"]["is_running"]
        assert detail["snapshot"]["state"] == detail["call"]["state"]
        await live.call("POST", "/v1/calls/a/end", Scope.OPERATE, json={})

        async def is_over() -> bool:
            return not (await read("/v1/calls/a"))["call"]["is_running"]

        await eventually(is_over)
        after = await read("/v1/calls/a")
        assert after["snapshot"]["moment_index"] >= detail["snapshot"]["moment_index"]
        basis = await read(f"/v1/calls/a/basis?at_ms={decisions[1]['moment']['t_event_ms'] + 10}")
        assert basis == decisions[1]["basis"]
        transitions = (await read("/v1/calls/a/transitions"))["transitions"]
        assert transitions
        assert {t["contract"] for t in transitions} == {"StateTransition"}
        assert (await live.call("GET", "/v1/calls/b/basis", Scope.READ)).status_code == 404
        page = await read("/v1/calls?limit=1")
        assert [c["call_id"] for c in page["calls"]] == ["b"]
        page = await read(f"/v1/calls?limit=1&before={page['next']}")
        assert [c["call_id"] for c in page["calls"]] == ["a"]
        ended = await read("/v1/calls?is_ended=true")
        assert [c["call_id"] for c in ended["calls"]] == ["a"]

    run_live(tmp_path, test)


def test_twilios_verdict_on_who_answered_is_journalled_and_shown(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        async def told(answered_by: str, call_id: str = "CA1") -> int:
            form = {"CallSid": call_id, "AnsweredBy": answered_by}
            path = "/v1/webhooks/twilio/amd"
            return (await live.call("POST", path, Scope.INGEST, data=form)).status_code

        assert await told("human", "CA9") == 204  # of a call that is not there
        await live.say("CA1", "hello")
        for answered_by in ("unknown", "machine_end_beep", "machine_end_beep"):
            assert await told(answered_by) == 204
        assert await told("robot") == 400
        verdicts = [e.verdict.value for e in journalled(live, "CA1", AnswerDetected)]
        assert verdicts == ["unknown", "machine", "machine"]
        assert [a["verdict"] for a in await timeline(live, "CA1", "amd", 3)] == verdicts
        amd = (await live.call("GET", "/v1/calls/CA1", Scope.READ)).json()["amd"]
        assert (amd["verdict"], amd["cause"]) == ("machine", "twilio")
        assert (amd["hint"], amd["track_id"]) == ("machine_end_beep", "customer")
        assert journalled(live, "CA9", AnswerDetected) == []

    run_live(tmp_path, test)


def test_an_erased_call_is_gone_with_a_receipt(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("c", "hello")
        running = await live.call("DELETE", "/v1/calls/c", Scope.ADMIN)
        assert running.status_code == 409
        await live.call("POST", "/v1/calls/c/end", Scope.OPERATE, json={})
        receipt = await live.call("DELETE", "/v1/calls/c", Scope.ADMIN)
        assert (receipt.status_code, len(receipt.json()["call_sha256s"])) == (200, 1)
        assert (await live.call("GET", "/v1/calls/c", Scope.READ)).status_code == 404
        for gone in ("c", "never"):
            again = await live.call("DELETE", f"/v1/calls/{gone}", Scope.ADMIN)
            assert (again.status_code, again.json()["fault"]) == (404, "client")

    run_live(tmp_path, test)


def test_a_call_under_legal_hold_stays_until_the_hold_is_lifted(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        async def admin(method: str, path: str) -> tuple[int, Any]:
            answer = await live.call(method, f"/v1/calls/{path}", Scope.ADMIN)
            return answer.status_code, answer.json()

        assert (await admin("PUT", "c/hold"))[0] == 404
        assert (await admin("DELETE", "c/hold"))[0] == 404
        await live.say("c", "hello")
        for _ in range(2):  # while it runs; twice is once
            assert await admin("PUT", "c/hold") == (200, {"call_id": "c", "is_held": True})
        await live.call("POST", "/v1/calls/c/end", Scope.OPERATE, json={})
        refused, problem = await admin("DELETE", "c")
        assert (refused, "legal hold" in problem["detail"]) == (409, True)
        detail = (await live.call("GET", "/v1/calls/c", Scope.READ)).json()
        assert detail["call"]["is_held"]
        assert await admin("DELETE", "c/hold") == (200, {"call_id": "c", "is_held": False})
        assert (await admin("DELETE", "c"))[0] == 200
        assert (await admin("PUT", "c/hold"))[0] == 404

    run_live(tmp_path, test)


def test_a_reader_sees_words_redacted_unless_the_token_says_otherwise(tmp_path: Path) -> None:
    raw = Token.of("auditor", "both", [Scope.READ, Scope.WORDS])
    tokens = Tokens((*TOKENS.tokens, raw))
    card = "4242 4242 4242 4242"

    async def test(live: Live) -> None:
        for second in range(5):
            text = f"This is ridiculous! My card is {card}, I want a manager!"
            await live.say("c", text, t_ms=second * 5_000)
        await live.call("POST", "/v1/calls/c/end", Scope.OPERATE, json={})
        await timeline(live, "c", "ended", 1)
        both = {"Authorization": "Bearer both"}
        for path in ("", "/timeline", "/transitions", "/basis"):
            redacted = await live.call("GET", f"/v1/calls/c{path}", Scope.READ)
            assert (redacted.status_code, "4242" in redacted.text) == (200, False)
            plain = await live.call("GET", f"/v1/calls/c{path}", headers=both)
            assert (card in plain.text) is (path in ("/timeline", "/transitions", "/basis"))
        alone = await live.call("GET", "/v1/calls/c/timeline", Scope.WORDS)
        assert alone.status_code == 403
        for secret, is_seen in ((SECRETS[Scope.READ], False), ("both", True)):
            headers = [("Authorization", f"Bearer {secret}")]
            async with live.socket("/v1/stream?after=0", headers=headers) as socket:
                assert (card in json.dumps(await next_frame(socket))) is is_seen
            url = f"/v1/stream?after=0&access_token={secret}"
            async with live.http.stream("GET", url) as answer:
                lines = answer.aiter_lines()
                told = await anext(line async for line in lines if line.startswith("data: "))
            assert (card in told) is is_seen

    run_live(tmp_path, test, tokens=tokens)


def test_a_body_that_says_it_is_no_json_is_refused(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        good = b'{"role":"customer","text":"hello"}'
        for kind, status in (
            ("application/json", 202),
            ("application/json; charset=utf-8", 202),
            ("application/vnd.chat+json", 202),
            (None, 202),
            ("text/plain", 415),
            ("application/x-www-form-urlencoded", 415),
            ("", 415),
        ):
            headers = {} if kind is None else {"Content-Type": kind}
            path = "/v1/calls/c/messages"
            sent = await live.call("POST", path, Scope.INGEST, content=good, headers=headers)
            assert sent.status_code == status, kind

    run_live(tmp_path, test)


def test_bodies_are_limited_before_and_after_unpacking(tmp_path: Path) -> None:
    limits = LimitsConfig(max_message_bytes=4_096, max_decompressed_bytes=8_192)

    async def test(live: Live) -> None:
        async def send(content: Any, coding: str | None = None) -> int:
            headers = {"Content-Type": "application/json"}
            if coding:
                headers["Content-Encoding"] = coding
            path = "/v1/calls/c/messages"
            sent = await live.call("POST", path, Scope.INGEST, content=content, headers=headers)
            assert sent.headers["content-type"] != "text/plain"
            return sent.status_code

        async def dribble() -> Any:
            for _ in range(9):
                yield b" " * 1_024

        good = b'{"role":"customer","text":"hello"}'
        assert await send(good) == 202
        assert await send(gzip.compress(good), "gzip") == 202
        assert await send(zlib.compress(good), "deflate") == 202
        assert await send(b" " * 4_097) == 413
        assert await send(dribble()) == 413
        assert await send(gzip.compress(bytes(1_000_000)), "gzip") == 413
        assert await send(gzip.compress(good)[:-4], "gzip") == 400
        assert await send(gzip.compress(good) + b"more", "gzip") == 400
        assert await send(b"not gzip", "gzip") == 400
        assert await send(good, "br") == 415
        assert await send(b"[" * 4_000) == 400
        assert await send(b'{"role":') == 400
        assert await send(b"\xff\xfe") == 400

    run_live(tmp_path, test, limits=limits)


def test_depth_counts_brackets_outside_of_strings_only() -> None:
    require_shallow(b'["' + b"[" * 100 + b'\\"{{"]')
    require_shallow("[" * MAX_JSON_DEPTH + "]" * MAX_JSON_DEPTH)
    for deep in ("[" * (MAX_JSON_DEPTH + 1) + "]" * (MAX_JSON_DEPTH + 1), "[", "]", "{]"):
        with pytest.raises(ClientException, match="nested"):
            require_shallow(deep)


def test_new_calls_are_refused_when_full_with_a_time_to_come_back(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        assert (await live.call("GET", "/ready")).status_code == 200
        await live.say("a", "hello")
        full = await live.say("b", "hello")
        assert (full.status_code, full.json()["fault"]) == (503, "server")
        assert int(full.headers["retry-after"]) > 0
        assert (await live.say("a", "still here")).status_code == 202
        unready = await live.call("GET", "/ready")
        assert (unready.status_code, unready.json()["is_ready"]) == (503, False)
        figures = (await live.call("GET", "/metrics", Scope.READ)).text
        assert "subtone_calls_running 1.0" in figures
        assert "subtone_calls_refused_total 1.0" in figures

    run_live(tmp_path, test, limits=LimitsConfig(max_calls=1))


def test_a_chat_widget_gets_an_answer_to_each_message(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        async with live.socket("/v1/calls/c/chat", Scope.INGEST) as socket:
            await socket.send('{"role":"customer","text":"hello","message_id":"m1"}')
            assert await next_frame(socket) == {"status": 202, "message_id": "m1", "t_ms": 0}
            for bad, status in (("{", 400), ("[" * 50, 400), ('{"role":"x","text":"y"}', 400)):
                await socket.send(bad)
                assert (await next_frame(socket))["status"] == status
            await socket.send('{"role":"customer","text":"other","message_id":"m1"}')
            assert (await next_frame(socket))["status"] == 409
            await socket.send(b'{"role":"agent","text":"hi","message_id":"m2"}')
            assert (await next_frame(socket))["message_id"] == "m2"
            await live.call("POST", "/v1/calls/c/end", Scope.OPERATE, json={})
            await socket.send('{"role":"customer","text":"bye"}')
            await asyncio.wait_for(socket.wait_closed(), 5.0)
            assert socket.close_code == 1008

    run_live(tmp_path, test)


def test_the_api_describes_itself_and_every_answer_has_the_headers(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        document = (await live.call("GET", "/schema/openapi.json")).json()
        assert document["openapi"].startswith("3.1")
        post = document["paths"]["/v1/calls/{call_id}/messages"]["post"]
        assert {"202", "400", "401", "403", "409", "413", "429", "503"} <= set(post["responses"])
        for path in ("/health", "/nowhere", "/v1/calls"):
            answer = await live.call("GET", path)
            assert answer.headers["x-content-type-options"] == "nosniff"
            assert "server" not in answer.headers
        assert (await live.call("PUT", "/v1/calls")).status_code == 405
        assert (await live.call("GET", "/v1/calls/c%2Fd", Scope.READ)).status_code in (400, 404)
        assert (await live.call("GET", "/v1/calls/%00", Scope.READ)).status_code == 400

    run_live(tmp_path, test)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=30),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"role": st.sampled_from(["customer", "agent", "x"]) | JSON, "text": st.text() | JSON},
    optional=dict.fromkeys(("message_id", "t_ms", "end_ms", "language", "replaces", "?"), JSON),
)
BODY = st.binary(max_size=200) | st.one_of(JSON, NEARLY).map(
    lambda value: json.dumps(value, ensure_ascii=True).encode()
)
SENT = st.tuples(
    st.sampled_from(["messages", "messages/batch", "consent", "interventions", "end", "pause"]),
    st.text(st.characters(codec="utf-8"), min_size=1, max_size=20),
    BODY,
    st.sampled_from(["application/json", "application/json; charset=utf-16", "text/plain", ""]),
)


@settings(
    max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(st.lists(SENT, min_size=20, max_size=40))
def test_whatever_is_sent_the_fault_is_never_ours(
    tmp_path: Path, sent: list[tuple[str, str, bytes, str]]
) -> None:
    async def test(live: Live) -> None:
        for verb, call_id, body, kind in sent:
            path = f"/v1/calls/{quote(call_id, safe='')}/{verb}"
            scope = Scope.INGEST if verb.startswith("messages") else Scope.OPERATE
            headers = {"Content-Type": kind}
            answer = await live.call("POST", path, scope, content=body, headers=headers)
            assert answer.status_code < 500, (path, body, kind, answer.text)
            if answer.status_code >= 400:
                assert answer.json()["fault"] == "client"
        assert live.parts.hub.counts.faults == 0

    limits = LimitsConfig(max_peer_requests_per_s=10_000.0)
    run_live(tmp_path / uuid.uuid4().hex, test, limits=limits)


def test_a_full_disk_is_said_and_nothing_of_it_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def test(live: Live) -> None:
        await live.say("c", "before", message_id="m0")
        journal: Any = live.parts.hub._log
        submit = journal.submit
        monkeypatch.setattr(journal, "submit", _full)
        refused = await live.say("c", "hello", message_id="m1")
        assert (refused.status_code, refused.json()["fault"]) == (507, "server")
        assert (await live.say("d", "hello")).status_code == 503
        assert (await live.call("GET", "/ready")).json()["is_journal_writable"] is False
        monkeypatch.setattr(journal, "submit", submit)
        assert (await live.say("c", "hello", message_id="m1")).status_code == 202
        assert [m.text for m in journalled(live, "c", ChatMessage)] == ["before", "hello"]

    run_live(tmp_path, test)


def _full(_events: object) -> Any:
    raise JournalFullError("the disk is full")
