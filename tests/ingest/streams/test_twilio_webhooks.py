"""Twilio's webhooks: words, answers, endings, and forms that are none of them."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qsl

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.vocabulary import Language, Role
from subtone.ingest.streams.twilio_webhooks import (
    ANSWERED_BY,
    FINAL_CALL_STATUS,
    Callback,
    parse_callback,
    parse_event_streams,
)
from subtone.ingest.wire import SignalKind, StreamClosed, StreamSignal, StreamText, WireError
from support_shared import shared

CALL = "CA" + "0" * 32
STAMP, STAMP_MS = "2024-06-25T18:45:18.454203Z", 1_719_341_118_454

CONTENT = {
    "TranscriptionEvent": "transcription-content",
    "AccountSid": "AC1",
    "CallSid": CALL,
    "TranscriptionSid": "GT1",
    "Timestamp": STAMP,
    "SequenceId": "2",
    "LanguageCode": "en-US",
    "Track": "inbound_track",
    "TranscriptionData": '{"transcript":"I said it is fine.","confidence":0.96}',
    "Final": "true",
}


def text(callback: Callback) -> StreamText:
    (event,) = callback.events
    assert isinstance(event, StreamText)
    return event


# --- Real-Time Transcription -------------------------------------------------------------------


def test_a_final_result_is_text_on_the_wall_clock() -> None:
    callback = parse_callback(CONTENT)
    assert callback.call_id == CALL
    assert callback.idempotency_key == "GT1:2:transcription-content"
    assert text(callback) == StreamText(
        text_id="GT1:2",
        role=Role.CUSTOMER,
        t_stream_ms=STAMP_MS,
        t_end_ms=STAMP_MS,
        text="I said it is fine.",
        language=Language.EN,
    )


@pytest.mark.parametrize(
    ("track", "roles", "role"),
    [
        ("outbound_track", {}, Role.AGENT),
        ("inbound_track", {"inbound": Role.AGENT}, Role.AGENT),
        ("sideways", {}, Role.UNKNOWN),
    ],
)
def test_track_roles(track: str, roles: dict[str, Role], role: Role) -> None:
    assert text(parse_callback(CONTENT | {"Track": track}, roles=roles)).role is role


@pytest.mark.parametrize(
    ("code", "language"),
    [("zh-CN", Language.ZH), ("cmn-Hans-CN", Language.ZH), ("EN", Language.EN), ("de-DE", None)],
)
def test_languages(code: str, language: Language | None) -> None:
    assert text(parse_callback(CONTENT | {"LanguageCode": code})).language is language


@pytest.mark.parametrize(
    "change",
    [
        {"Final": "false", "Stability": "0.9"},
        {"TranscriptionEvent": "transcription-started"},
        {"TranscriptionData": '{"transcript":"  "}'},
    ],
)
def test_partial_results_and_silence_are_no_words(change: dict[str, str]) -> None:
    assert parse_callback(CONTENT | change).events == ()


def test_transcription_ends() -> None:
    stopped = parse_callback(CONTENT | {"TranscriptionEvent": "transcription-stopped"})
    assert stopped.events == (StreamClosed(reason="transcription-stopped"),)
    error = {"TranscriptionEvent": "transcription-error", "TranscriptionErrorCode": "32655"}
    assert parse_callback(CONTENT | error).events == (
        StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=STAMP_MS, detail="32655"),
    )


# --- answering machine detection, statuses -----------------------------------------------------


@pytest.mark.parametrize("answer", ANSWERED_BY)
def test_amd(answer: str) -> None:
    form = {"CallSid": CALL, "AnsweredBy": answer, "MachineDetectionDuration": "3120"}
    assert parse_callback(form).events == (
        StreamSignal(kind=SignalKind.AMD, t_stream_ms=3120, detail=answer),
    )


@pytest.mark.parametrize("status", [*FINAL_CALL_STATUS, "in-progress", "ringing"])
def test_call_status_with_and_without_amd(status: str) -> None:
    closed = (StreamClosed(reason=status),) if status in FINAL_CALL_STATUS else ()
    form = {"CallSid": CALL, "CallStatus": status}
    assert parse_callback(form).events == closed
    both = parse_callback(form | {"AnsweredBy": "human"}, idempotency_token="t").events
    assert both == (StreamSignal(kind=SignalKind.AMD, t_stream_ms=0, detail="human"), *closed)


def test_stream_status() -> None:
    form = {
        "CallSid": CALL,
        "StreamSid": "MZ1",
        "Timestamp": STAMP,
        "StreamEvent": "stream-started",
    }
    assert parse_callback(form).events == ()
    assert parse_callback(form | {"StreamEvent": "stream-stopped"}).events == (
        StreamClosed(reason="stream-stopped"),
    )
    assert parse_callback(
        form | {"StreamEvent": "stream-error", "StreamError": "words"}
    ).events == (
        StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=STAMP_MS, detail="stream-error"),
    )


# --- Conversations -----------------------------------------------------------------------------


def recorded() -> tuple[dict[str, str], dict[str, str]]:
    lines = (
        shared("protocols", "twilio", "twilio_conversations_webhook.txt").read_text().splitlines()
    )
    blank = lines.index("", 1)
    head = dict(line.split(": ", 1) for line in lines[1:blank] if ": " in line)
    return head, dict(parse_qsl(lines[blank + 1], keep_blank_values=True))


def test_the_recorded_delivery() -> None:
    head, form = recorded()
    callback = parse_callback(form, idempotency_token=head["i-twilio-idempotency-token"])
    assert callback.call_id == "CH6c25138e952448e3b27ef8164097a1c7"
    assert callback.idempotency_key == "2d7c9ee7-f1a3-409f-9283-23f99117dd3b"
    assert text(callback) == StreamText(
        text_id="IM8d613ccb9016450fa29faecfaa7bb6f4",
        role=Role.UNKNOWN,  # a chat client's author: only the operator knows
        t_stream_ms=1_628_618_458_111,
        t_end_ms=None,
        text="two",
    )


@pytest.mark.parametrize(
    ("change", "roles", "role"),
    [
        ({}, {"dave": Role.AGENT}, Role.AGENT),
        ({}, {"MBc58b06998c564765bbff41cfd3a03219": Role.CUSTOMER}, Role.CUSTOMER),
        ({"Source": "whatsapp"}, {}, Role.CUSTOMER),
        ({"Source": "SMS"}, {"dave": Role.AGENT}, Role.AGENT),
        ({"Source": "API"}, {}, Role.UNKNOWN),
    ],
)
def test_authors(change: dict[str, str], roles: dict[str, Role], role: Role) -> None:
    assert text(parse_callback(recorded()[1] | change, roles=roles)).role is role


def test_an_edit_has_the_same_text_id_and_another_key() -> None:
    form = recorded()[1]
    edit = form | {"EventType": "onMessageUpdated", "Body": "2", "DateUpdated": STAMP}
    before, after = parse_callback(form), parse_callback(edit)
    assert text(before).text_id == text(after).text_id
    assert text(after).t_stream_ms == STAMP_MS
    assert before.idempotency_key != after.idempotency_key


def test_messages_without_words_and_other_events_say_nothing() -> None:
    form = recorded()[1]
    picture = {k: v for k, v in form.items() if k != "Body"} | {"Media": "[]"}
    assert parse_callback(picture).events == ()
    assert parse_callback(form | {"EventType": "onMessageAdd"}).events == ()
    assert parse_callback(form | {"EventType": "onConversationRemoved"}).events == (
        StreamClosed(reason="conversation-removed"),
    )


def test_event_streams() -> None:
    data = {
        "ConversationSid": "CH1",
        "MessageSid": "IM1",
        "Index": 10,
        "MessageBody": "算了",
        "Author": "ann",
        "DateCreated": STAMP,
        "Media": [],
    }
    event = {"id": "EZ1", "type": "com.twilio.conversations.message.added", "data": data}
    other = {"id": "EZ2", "type": "com.twilio.voice.insights.call-summary", "data": {}}
    for body in (json.dumps([other, event]), json.dumps(event)):
        (callback,) = parse_event_streams(body.encode(), roles={"ann": Role.CUSTOMER})
        assert (callback.call_id, callback.idempotency_key) == ("CH1", "EZ1")
        assert text(callback).text == "算了"
        assert text(callback).role is Role.CUSTOMER
    with pytest.raises(WireError, match="no data"):
        parse_event_streams(json.dumps([event | {"data": 1}]).encode())
    with pytest.raises(WireError, match="not JSON"):
        parse_event_streams(b"{")


# --- bad forms ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("form", "fault"),
    [
        ({}, "none of the fields"),
        ({"Field": "1"}, "none of the fields"),
        ({str(n): "" for n in range(201)}, "more than 200"),
        (CONTENT | {"CallSid": ""}, "CallSid"),
        (CONTENT | {"Timestamp": "yesterday"}, "Timestamp"),
        (CONTENT | {"Timestamp": "0001-01-01T00:00:00+23:59"}, "Timestamp"),
        (CONTENT | {"SequenceId": "9" * 5000}, "SequenceId"),
        (CONTENT | {"TranscriptionData": "hello"}, "JSON"),
        (CONTENT | {"TranscriptionData": "[" * 5000}, "brackets"),
        (CONTENT | {"TranscriptionData": "{}"}, "words"),
        ({"CallSid": CALL, "AnsweredBy": "a_dog"}, "AnsweredBy"),
        ({"CallSid": CALL, "AnsweredBy": "fax", "MachineDetectionDuration": "-1"}, "Duration"),
    ],
)
def test_bad_forms_name_the_field_and_not_its_words(form: dict[str, str], fault: str) -> None:
    with pytest.raises(WireError, match=fault) as caught:
        parse_callback(form)
    assert not {"yesterday", "hello", "a_dog"} & set(str(caught.value).split())


def test_too_many_words() -> None:
    with pytest.raises(WireError, match="at most 20000"):
        parse_callback(recorded()[1] | {"Body": "x" * 20_001})


FIELDS = st.sampled_from([*CONTENT, "StreamEvent", "EventType", "AnsweredBy", "CallStatus", "Body"])
VALUES = st.one_of(st.text(max_size=20), st.sampled_from([*CONTENT.values(), "onMessageAdded"]))


@given(st.dictionaries(FIELDS, VALUES), st.binary(max_size=40))
def test_only_wire_errors_escape(change: dict[str, str], body: bytes) -> None:
    forms: list[dict[str, Any]] = [change, CONTENT | change]
    for form in forms:
        try:
            assert parse_callback(form).call_id
        except WireError as error:
            assert len(str(error)) < 300
    try:
        parse_event_streams(body)
    except WireError as error:
        assert len(str(error)) < 300
