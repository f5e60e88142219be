"""An AudioHook client that counts and listens, for the tests of the AudioHook codec."""

from __future__ import annotations

import json
from typing import Any

from subtone.ingest.audiohook import AudioHookCodec
from subtone.ingest.audiohook.codec import State
from subtone.ingest.wire import Received, SignalKind, StreamMedia, StreamSignal

ORGANIZATION = "7e17de3c-33a6-4e48-9880-a40c47931243"
SESSION = "b61889a0-4b16-4bc1-814f-0ef2864ed855"
CONVERSATION = "86b035f5-38e3-4c66-9138-cf7e5c5c8358"
NULL = "00000000-0000-0000-0000-000000000000"
STEREO = {"type": "audio", "format": "PCMU", "channels": ["external", "internal"], "rate": 8000}
MONO = {"type": "audio", "format": "PCMU", "channels": ["external"], "rate": 8000}
FRAME = bytes(range(200)) * 16  # 200 ms, both sides

Json = dict[str, Any]


class Client:
    """The other side: counts its sequence numbers and reads what comes back."""

    def __init__(self) -> None:
        self.codec = AudioHookCodec(organization_id=ORGANIZATION, session_id=SESSION)
        self.seq = 0
        self.heard: list[Json] = []

    def message(self, kind: str, /, position: str = "PT0S", **parameters: Any) -> Json:
        self.seq += 1
        return {
            "version": "2",
            "type": kind,
            "id": SESSION,
            "seq": self.seq,
            "serverseq": len(self.heard),
            "position": position,
            "parameters": parameters,
        }

    def deliver(self, message: Json | str | bytes, t_seen_ms: int = 1_000) -> Received:
        raw = json.dumps(message) if isinstance(message, dict) else message
        got = self.codec.receive(raw, t_seen_ms)
        for reply in got.replies:
            self.heard.append(json.loads(reply))
            assert self.heard[-1]["seq"] == len(self.heard)
        return got

    def say(self, kind: str, /, position: str = "PT0S", **parameters: Any) -> Received:
        return self.deliver(self.message(kind, position, **parameters))

    def open(self, conversation: str = CONVERSATION, media: Any = (STEREO,), **more: Any) -> Any:
        return self.say(
            "open",
            organizationId=ORGANIZATION,
            conversationId=conversation,
            participant={"id": NULL, "ani": "+15550001", "aniName": "Ada Byron", "dnis": ""},
            media=list(media),
            **more,
        )


def opened_client(**more: Any) -> Client:
    client = Client()
    client.open(**more)
    return client


def signal(kind: SignalKind, t_stream_ms: int, detail: str = "") -> StreamSignal:
    return StreamSignal(kind=kind, t_stream_ms=t_stream_ms, detail=detail)


SAID: dict[str, Json] = {
    "open": {"organizationId": ORGANIZATION, "conversationId": CONVERSATION, "media": [STEREO]},
    "ping": {"rtt": "PT0.0067S"},
    "paused": {},
    "resumed": {"start": "PT0S", "discarded": "PT1S"},
    "discarded": {"start": "PT0S", "discarded": "PT0.4S"},
    "update": {"language": "zh-CN"},
    "dtmf": {"digit": "#"},
    "error": {"code": 503, "message": "the words stay here"},
    "close": {"reason": "end"},
    "weather": {"any": ["thing"]},
}


def client_in(state: State) -> Client:
    client = Client()
    if state is State.PROBING:
        client.open(conversation=NULL)
    elif state is not State.WAITING:
        client.open()
    if state is State.PAUSED:
        client.say("paused")
    if state is State.LEAVING:
        client.deliver(client.message("ping") | {"seq": 99})
    if state is State.CLOSED:
        client.say("close", reason="end")
    assert client.codec.state is state
    return client


def kind_of(event: object) -> str:
    if isinstance(event, StreamSignal):
        return event.kind.value
    return type(event).__name__.removeprefix("Stream").lower()


def media_of(got: Received) -> list[StreamMedia]:
    media = [event for event in got.events if isinstance(event, StreamMedia)]
    assert len(media) == len(got.events)
    return media


def media_times(got: Received) -> list[int]:
    return [event.t_stream_ms for event in media_of(got)]
