"""Deliveries of the running server: a receiver that answers nothing delays nobody else."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from pathlib import Path

from subtone.runtime.journal import AudioPolicy, SqliteJournal
from subtone.runtime.journal.alert_store import SqliteAlertStore
from subtone.runtime.live.alert_settings import AlertSettings, DeliveryTable
from subtone.runtime.live.metrics import Metrics
from subtone.runtime.live.outbox import Outbox
from subtone.surfaces.alerts.alert import Alert
from subtone.surfaces.alerts.delivery import Delivery, DeliveryStatus, plan
from subtone.surfaces.alerts.rules import AlertRules
from subtone.surfaces.alerts.sender import by_name
from subtone.surfaces.alerts.sinks import Sink, SinkKind
from support_alerts import NOON_MS, Desk, S, decision, replace, rule

LIMIT_S = 30.0


class Receiver:
    """A webhook's other end: notes what it heard, and answers only once it may."""

    def __init__(self) -> None:
        self.heard: asyncio.Queue[bytes] = asyncio.Queue()
        self.may_answer = asyncio.Event()

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.heard.put_nowait(await reader.readuntil(b"\r\n\r\n"))
        await self.may_answer.wait()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()


@asynccontextmanager
async def served(receiver: Receiver) -> AsyncIterator[str]:
    server = await asyncio.start_server(receiver.serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/hook"


def alert_of(name: str) -> Alert:
    (made,) = Desk(rule()).see(decision(5_000, S.ESCALATION_RISK))
    alert: Alert = replace(made, alert_id=name)
    return alert


def test_a_receiver_that_answers_nothing_delays_nobody_else(tmp_path: Path) -> None:
    async def test() -> None:
        silent, prompt = Receiver(), Receiver()
        prompt.may_answer.set()
        async with served(silent) as slow_url, served(prompt) as url:
            sinks = [
                Sink(name=name, kind=SinkKind.WEBHOOK, url=to, secrets=("k",))
                for name, to in (("slow", slow_url), ("desk", url))
            ]
            settings = AlertSettings(
                AlertRules(), by_name(sinks), DeliveryTable(is_http_allowed=True)
            )
            with closing(SqliteJournal(tmp_path, AudioPolicy.KEEP)) as journal:
                store = SqliteAlertStore(journal)
                outbox = Outbox(store, settings, Metrics(), lambda: NOON_MS)

                async def tell(name: str) -> list[Delivery]:
                    planned = plan([alert_of(name)], sinks, str, NOON_MS)
                    await asyncio.to_thread(store.commit, [alert_of(name)], planned)
                    outbox.wake()
                    return list(planned)

                running = asyncio.create_task(outbox.run())
                told = await tell("a")
                await silent.heard.get()
                await prompt.heard.get()
                for name in "bcd":
                    told += await tell(name)
                    await prompt.heard.get()
                assert silent.heard.empty()  # given more only when through with the first
                silent.may_answer.set()
                for _ in "bcd":
                    await silent.heard.get()
                outbox.stop()
                await running
                done = store.deliveries(DeliveryStatus.DELIVERED)
                assert sorted(d.delivery_id for d in done) == sorted(d.delivery_id for d in told)
            assert prompt.heard.empty()

    async def bounded() -> None:
        async with asyncio.timeout(LIMIT_S):
            await test()

    asyncio.run(bounded())


def test_an_outbox_that_was_stopped_before_it_ran_ends_at_once(tmp_path: Path) -> None:
    with closing(SqliteJournal(tmp_path, AudioPolicy.KEEP)) as journal:
        settings = AlertSettings(AlertRules(), {}, DeliveryTable())
        outbox = Outbox(SqliteAlertStore(journal), settings, Metrics(), lambda: NOON_MS)
        outbox.stop()
        asyncio.run(outbox.run())
        outbox.wake()  # its loop is over; nothing to say


def test_a_cancelled_outbox_ends(tmp_path: Path) -> None:
    async def test() -> None:
        with closing(SqliteJournal(tmp_path, AudioPolicy.KEEP)) as journal:
            prompt = Receiver()
            prompt.may_answer.set()
            async with served(prompt) as url:
                sinks = [Sink(name="desk", kind=SinkKind.WEBHOOK, url=url, secrets=("k",))]
                settings = AlertSettings(
                    AlertRules(), by_name(sinks), DeliveryTable(is_http_allowed=True)
                )
                store = SqliteAlertStore(journal)
                store.commit([alert_of("a")], plan([alert_of("a")], sinks, str, NOON_MS))
                outbox = Outbox(store, settings, Metrics(), lambda: NOON_MS)
                running = asyncio.create_task(outbox.run())
                await prompt.heard.get()  # it is at work
                running.cancel()
                async with asyncio.timeout(LIMIT_S):
                    assert isinstance(
                        (await asyncio.gather(running, return_exceptions=True))[0],
                        asyncio.CancelledError,
                    )

    asyncio.run(test())
