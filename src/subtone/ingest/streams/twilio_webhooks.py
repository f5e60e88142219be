"""What Twilio's webhooks say about a call: words, who answered, that it is over.

Pure: decoded form parameters or a JSON body in, contracts out; the signature is checked
before (twilio_signature). A webhook's clock is Unix time in ms, for Twilio gives no other,
except for answering machine detection, which counts from the answer.

Sources: Twilio's pages on Real-Time Transcription, answering machine detection, Conversations
webhooks, Event Streams and status callbacks.
"""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

from subtone.contracts.inbound import MAX_TEXT_CHARS
from subtone.contracts.vocabulary import Language, Role
from subtone.ingest.streams.dialects import ROLES, identifier, number, value_at
from subtone.ingest.streams.messages import decode_json, decode_object
from subtone.ingest.wire import (
    SignalKind,
    StreamClosed,
    StreamEvent,
    StreamSignal,
    StreamText,
    WireError,
)

Form = Mapping[str, str]
Roles = Mapping[str, Role]

MAX_FORM_FIELDS = 200

ANSWERED_BY = (
    "human",
    "machine_start",
    "machine_end_beep",
    "machine_end_silence",
    "machine_end_other",
    "fax",
    "unknown",
)
FINAL_CALL_STATUS = ("completed", "busy", "failed", "no-answer", "canceled")
MESSAGE_EVENTS = ("onMessageAdded", "onMessageUpdated")  # not onMessageAdd: it may be refused
# A message over these came from the customer's own phone.
CUSTOMER_SOURCES = ("sms", "mms", "whatsapp", "messenger", "rcs")

_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_LANGUAGES = {"en": Language.EN, "zh": Language.ZH, "cmn": Language.ZH, "yue": Language.ZH}
_CODE = re.compile("[0-9]{1,9}")
_NO_ROLES: Roles = MappingProxyType({})


@dataclass(frozen=True, slots=True, kw_only=True)
class Callback:
    """What one webhook led to.

    call_id is the CallSid, or the ConversationSid of a chat. The same idempotency_key means the
    same delivery; "" where the kind of webhook has none and repeating it changes nothing.
    """

    call_id: str
    events: tuple[StreamEvent, ...] = ()
    idempotency_key: str = ""


def parse_callback(
    form: Form, *, roles: Roles = _NO_ROLES, idempotency_token: str = ""
) -> Callback:
    """Read a form webhook of any of the kinds above; it says itself which it is.

    Args:
        form: the decoded parameters, of the body or (GET) of the query.
        roles: who is who where Twilio cannot know it, by track name ("inbound"), or by a chat
            message's Author, ParticipantSid or ClientIdentity.
        idempotency_token: the i-twilio-idempotency-token header, if any.

    Raises:
        WireError: none of these webhooks, or a field is missing or malformed.

    """
    if len(form) > MAX_FORM_FIELDS:
        raise WireError(f"the webhook has more than {MAX_FORM_FIELDS} fields")
    for field, parse in _KINDS.items():
        if field in form:
            return parse(form, roles, idempotency_token)
    raise WireError(f"the webhook has none of the fields {', '.join(_KINDS)}")


def parse_event_streams(body: bytes, *, roles: Roles = _NO_ROLES) -> tuple[Callback, ...]:
    """Read a delivery of Event Streams: a JSON array of CloudEvents, or one of them.

    Events of other types than messages of conversations are passed over.

    Raises:
        WireError: not JSON, or an event of a known type is malformed.

    """
    told = decode_json(body)
    found: list[Callback] = []
    for event in told if isinstance(told, list) else [told]:
        if not isinstance(event, dict) or event.get("type") not in _CLOUD_EVENTS:
            continue
        data = event.get("data")
        if not isinstance(data, dict):
            raise WireError("an event of the delivery has no data")
        form = {key: value for key, value in data.items() if isinstance(value, str)}
        form |= {"Body": form.pop("MessageBody", ""), "EventType": _CLOUD_EVENTS[event["type"]]}
        key = event.get("id")
        found.append(_conversation(form, roles, key if isinstance(key, str) else ""))
    return tuple(found)


def _transcription(form: Form, roles: Roles, token: str) -> Callback:
    call_id, stream_id = identifier(form, "CallSid"), identifier(form, "TranscriptionSid")
    sequence = number(form.get("SequenceId"))
    t_ms = _unix_ms(form, "Timestamp")
    event = form["TranscriptionEvent"]
    events: tuple[StreamEvent, ...] = ()
    if event == "transcription-stopped":
        events = (StreamClosed(reason=event),)
    elif event == "transcription-error":
        code = form.get("TranscriptionErrorCode", "")
        detail = code if _CODE.fullmatch(code) else ""
        events = (StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=t_ms, detail=detail),)
    elif event == "transcription-content" and form.get("Final", "true").lower() == "true":
        if sequence is None:
            raise WireError("the webhook's SequenceId must be a whole number")
        track = form.get("Track", "").removesuffix("_track")
        transcript = value_at(decode_object(form.get("TranscriptionData", "")), "transcript")
        events = (
            StreamText(
                text_id=f"{stream_id}:{sequence}",
                role=roles.get(track, ROLES.get(track, Role.UNKNOWN)),
                t_stream_ms=t_ms,  # Twilio tells only when the result was there
                t_end_ms=t_ms,
                text=_text(transcript),
                language=_LANGUAGES.get(form.get("LanguageCode", "").partition("-")[0].lower()),
            ),
        )
    key = token or f"{stream_id}:{sequence}:{event}"
    return Callback(call_id=call_id, events=_spoken(events), idempotency_key=key)


def _call(form: Form, roles: Roles, token: str) -> Callback:
    """Who answered and whether the call is over: one webhook may say both."""
    del roles
    events: list[StreamEvent] = []
    answered_by = form.get("AnsweredBy", "")
    if answered_by:
        if answered_by not in ANSWERED_BY:
            raise WireError(f"the webhook's AnsweredBy must be one of {', '.join(ANSWERED_BY)}")
        duration_ms = number(form.get("MachineDetectionDuration") or "0")
        if duration_ms is None:
            raise WireError("the webhook's MachineDetectionDuration must be a whole number of ms")
        events.append(
            StreamSignal(kind=SignalKind.AMD, t_stream_ms=duration_ms, detail=answered_by)
        )
    status = form.get("CallStatus", "")
    if status in FINAL_CALL_STATUS:
        events.append(StreamClosed(reason=status))
    return Callback(
        call_id=identifier(form, "CallSid"), events=tuple(events), idempotency_key=token
    )


def _conversation(form: Form, roles: Roles, token: str) -> Callback:
    conversation_id, event = identifier(form, "ConversationSid"), form["EventType"]
    events: tuple[StreamEvent, ...] = ()
    key = token
    if event == "onConversationRemoved":
        events = (StreamClosed(reason="conversation-removed"),)
    elif event in MESSAGE_EVENTS:
        text_id = identifier(form, "MessageSid")
        is_edit = event == "onMessageUpdated" and "DateUpdated" in form
        stamp = "DateUpdated" if is_edit else "DateCreated"
        t_ms = _unix_ms(form, stamp)
        key = token or f"{text_id}:{event}:{t_ms}"
        events = (
            StreamText(
                text_id=text_id,
                role=_author(form, roles),
                t_stream_ms=t_ms,
                t_end_ms=None,
                text=_text(form.get("Body", "")),
            ),
        )
    return Callback(call_id=conversation_id, events=_spoken(events), idempotency_key=key)


def _stream_status(form: Form, roles: Roles, token: str) -> Callback:
    del roles
    t_ms, event = _unix_ms(form, "Timestamp"), form["StreamEvent"]
    events: tuple[StreamEvent, ...] = ()
    if event == "stream-stopped":
        events = (StreamClosed(reason=event),)
    elif event == "stream-error":
        events = (StreamSignal(kind=SignalKind.PEER_ERROR, t_stream_ms=t_ms, detail=event),)
    return Callback(call_id=identifier(form, "CallSid"), events=events, idempotency_key=token)


# The field that only this kind has.
_KINDS: dict[str, Callable[[Form, Roles, str], Callback]] = {
    "TranscriptionEvent": _transcription,
    "StreamEvent": _stream_status,
    "EventType": _conversation,
    "AnsweredBy": _call,
    "CallStatus": _call,
}
_CLOUD_EVENTS = {
    "com.twilio.conversations.message.added": "onMessageAdded",
    "com.twilio.conversations.message.updated": "onMessageUpdated",
}


def _author(form: Form, roles: Roles) -> Role:
    """Who wrote a message: as the operator says, else by its way here, else nobody known."""
    names = (form.get(field, "") for field in ("Author", "ParticipantSid", "ClientIdentity"))
    known = next((roles[name] for name in names if name in roles), None)
    if known is not None:
        return known
    is_customer = form.get("Source", "").lower() in CUSTOMER_SOURCES
    return Role.CUSTOMER if is_customer else Role.UNKNOWN


def _text(value: Any) -> str:
    if not isinstance(value, str) or len(value) > MAX_TEXT_CHARS:
        raise WireError(f"the webhook's words must be text of at most {MAX_TEXT_CHARS} characters")
    return value


def _spoken(events: tuple[StreamEvent, ...]) -> tuple[StreamEvent, ...]:
    """Without messages that hold no words: pictures, silence."""
    return tuple(e for e in events if not isinstance(e, StreamText) or e.text.strip())


def _unix_ms(form: Form, field: str) -> int:
    """The instant of an ISO 8601 field, UTC where it names no zone, in ms since 1970."""
    try:
        moment = dt.datetime.fromisoformat(form.get(field, ""))
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        since_ms = (moment - _EPOCH) // dt.timedelta(milliseconds=1)
    except (ValueError, OverflowError):
        since_ms = -1
    if since_ms < 0:
        raise WireError(f"the webhook's {field} must be an ISO 8601 date since 1970")
    return since_ms
