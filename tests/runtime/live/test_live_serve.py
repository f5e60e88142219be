"""``subtone serve`` as a process: a whole call through real sockets, kill -9, a clean stop."""

from __future__ import annotations

import asyncio
import json
import signal
import subprocess
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import pytest
import soundfile
from click.testing import CliRunner
from websockets.exceptions import ConnectionClosed

from subtone.cli import main
from subtone.contracts.vocabulary import Role
from subtone.runtime.simulate import twilio
from subtone.runtime.simulate.packets import Packet, packets_of
from subtone.runtime.simulate.play import Play, Protocol, play_all
from support_serve import Server, served

CALLS = Path(__file__).resolve().parents[3] / "examples" / "calls"
ROLES = (Role.AGENT, Role.CUSTOMER)
LIMIT_S = 20.0
SPEED = 12.0


def bounded(test: Callable[[], Awaitable[None]]) -> None:
    async def run() -> None:
        await asyncio.wait_for(test(), LIMIT_S)

    asyncio.run(run())


async def stream(server: Server, call_id: str, packets: list[Packet], speed: float) -> int:
    """Play the packets as Twilio would, saying that the words come from elsewhere."""
    timed = twilio.messages(call_id, f"MZ{call_id}", ROLES, packets, has_text=True)
    url = server.url.replace("http", "ws", 1) + "/v1/streams"
    return await twilio.play(url, timed, speed=speed, headers=server.headers)


def write_tone(path: Path, length_s: float) -> None:
    t_s = np.arange(round(length_s * 8_000)) / 8_000
    tone = 0.3 * np.sin(2 * np.pi * 300 * t_s)
    soundfile.write(path, np.stack([tone, tone], 1), 8_000)


async def until(server: Server, call_id: str, after: int, kind: str, count: int) -> list[Any]:
    """Items of the call, or of all, until there are that many of the kind."""
    found: list[Any] = []
    path = f"/v1/stream?after={after}" + (f"&call_id={call_id}" if call_id else "")
    async with server.client() as http, http.stream("GET", path) as answer:
        async for line in answer.aiter_lines():
            if line.startswith("data: "):
                found.append(json.loads(line.removeprefix("data: ")))
                if sum(item["kind"] == kind for item in found) == count:
                    return found
    raise AssertionError(f"the stream ended with {len(found)} items")


def test_a_call_faster_than_real_time_is_found_to_hide_its_frustration(tmp_path: Path) -> None:
    async def test() -> None:
        wanted = Play(
            protocol=Protocol.TWILIO,
            call=CALLS / "hidden_frustration.en.flac",
            text=CALLS / "hidden_frustration.en.jsonl",
            target=server.url.replace("http", "ws", 1) + "/v1/streams",
            speed=SPEED,
            token=server.token,
        )
        playing = asyncio.create_task(play_all(wanted))
        found = await until(server, "", 0, "transition", 1)
        hidden = found[-1]["item"]
        assert (hidden["to_state"], hidden["masked"]) == ("hidden_frustration", True)
        assert 55_000 <= hidden["t_event_ms"] <= 75_000
        assert hidden["basis"]["voice"]
        decided = [i["item"]["moment"]["t_event_ms"] for i in found if i["kind"] == "decision"]
        assert decided == list(range(5_000, hidden["t_event_ms"] + 1, 5_000))
        assert [i for i in found if i["kind"] == "notice"] == []
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)

    with served(tmp_path) as server:
        bounded(test)


def test_after_kill_9_the_call_goes_on_where_it_was_journalled(tmp_path: Path) -> None:
    packets = list(packets_of(CALLS / "hidden_frustration.en.flac", ROLES))
    before: list[Any] = []

    async def first() -> None:
        playing = asyncio.create_task(stream(server, "CA1", packets, SPEED))
        before.extend(await until(server, "CA1", 0, "decision", 4))
        server.process.send_signal(signal.SIGKILL)
        with pytest.raises(ConnectionClosed):
            await playing

    async def second() -> None:
        again = await until(server, "CA1", 0, "decision", 4)
        assert again[: len(before)] == before
        playing = asyncio.create_task(stream(server, "CA1", packets, SPEED))  # the peer reconnects
        found = await until(server, "CA1", 0, "decision", 6)
        indices = [i["item"]["moment"]["index"] for i in found if i["kind"] == "decision"]
        assert indices == list(range(6))
        assert found[: len(before)] == before
        cursors = [item["cursor"] for item in found]
        assert cursors == sorted(set(cursors))
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
        async with server.client() as http:
            detail = (await http.get("/v1/calls/CA1")).json()
            assert detail["call"]["is_running"]
            assert len((await http.get("/v1/calls")).json()["calls"]) == 1

    with served(tmp_path) as server:
        bounded(first)
    with served(tmp_path) as server:
        bounded(second)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_it_stops_cleanly_with_followers_and_keeps_what_it_took(
    tmp_path: Path, number: signal.Signals
) -> None:
    async def test() -> None:
        async with server.client() as http:
            body = {"role": "customer", "text": "hello"}
            assert (await http.post("/v1/calls/c/messages", json=body)).status_code == 202
            async with http.stream("GET", "/v1/stream?after=0") as answer:
                server.process.send_signal(number)
                text = await answer.aread()
        assert b"event: resume" in text
        assert await asyncio.to_thread(server.process.wait, 10) == 0

    with served(tmp_path) as server:
        bounded(test)

    async def after() -> None:
        (item,) = await until(server, "c", 0, "turn", 1)
        assert item["item"]["turn"]["text"] == "hello"

    with served(tmp_path) as server:
        bounded(after)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--htp-port", "1"], "did you mean --http-port?"),
        (["--http-port"], "--http-port needs a value"),
        (["--host", "0.0.0.0"], "http.tokens"),
        (["--port", "many"], "http.port"),
        (["--config", "nowhere.toml"], "nowhere.toml"),
    ],
)
def test_what_it_cannot_serve_is_said_in_one_line(
    tmp_path: Path, words: list[str], told: str
) -> None:
    answer = CliRunner().invoke(main, ["serve", "--data", str(tmp_path), *words])
    assert answer.exit_code in (1, 2)
    assert told in answer.output
    assert answer.output.count("\n") == 1


def test_a_journal_in_use_and_a_port_in_use_are_refused(tmp_path: Path) -> None:
    with served(tmp_path / "a") as server:
        port = server.url.rpartition(":")[2]
        for folder, words, told in (
            ("a", ["--port", "0"], "another process"),
            ("b", ["--port", port], "cannot be listened on"),
        ):
            command = [sys.executable, "-m", "subtone", "serve", "--data", str(tmp_path / folder)]
            refused = subprocess.run(
                [*command, *words], capture_output=True, text=True, timeout=LIMIT_S, check=False
            )
            assert refused.returncode == 1
            assert told in refused.stderr.splitlines()[-1]


def test_simulated_peers_are_taken_and_one_without_a_token_is_told(tmp_path: Path) -> None:
    call = str(tmp_path / "call.wav")
    write_tone(Path(call), 4.0)
    with served(tmp_path) as server:
        peer = server.url.replace("http", "ws", 1)
        for protocol, path in (("audiohook", "/v1/audiohook"), ("twilio", "/v1/streams")):
            words = ["simulate", protocol, call, peer + path, "--speed", "4"]
            refused = CliRunner().invoke(main, words)
            assert (refused.exit_code, refused.stderr.count("\n")) == (1, 1)
            assert "did not take the call" in refused.stderr
            assert "401" in refused.stderr
            taken = CliRunner().invoke(main, words, env={"SUBTONE_TOKEN": server.token})
            assert taken.exit_code == 0, taken.stderr
            call_id = taken.stdout.strip()
            found = httpx.get(f"{server.url}/v1/calls/{call_id}", headers=server.headers)
            assert found.status_code == 200
    gone = CliRunner().invoke(main, ["simulate", "twilio", call, "ws://127.0.0.1:9/v1/streams"])
    assert gone.exit_code == 1
    assert gone.stderr.startswith("Error: ws://127.0.0.1:9/v1/streams did not take the call")
