"""Recording metadata (RFC 7865) as it is really sent: by local name, whatever its shape.

Namespaces, element order, the case of names and the spelling of id attributes differ between
vendors and mostly break the schema, so nothing is validated: what is found counts, what is not
is absent. Entities, document types and deep or huge documents are refused.
"""

from __future__ import annotations

import datetime as dt
from dataclasses import dataclass, field, replace
from typing import Final
from xml.etree.ElementTree import ParseError

from defusedxml.ElementTree import DefusedXMLParser

from subtone.ingest.siprec.sip import SipError

MAX_METADATA_BYTES: Final = 262_144
MAX_XML_DEPTH: Final = 32
MAX_XML_ELEMENTS: Final = 5_000
_MAX_TEXT_CHARS: Final = 1_024
_PLAUSIBLE_YEARS: Final = range(2000, 2100)  # clocks that were never set say 1970


@dataclass(frozen=True, slots=True, kw_only=True)
class Participant:
    """Somebody on the recorded call; addresses and name never show in a repr."""

    participant_id: str
    aors: tuple[str, ...] = field(default=(), repr=False)
    name: str = field(default="", repr=False)
    is_calling_party: bool | None = None  # where the client says who called


@dataclass(frozen=True, slots=True, kw_only=True)
class MetadataStream:
    """A stream of the metadata; its label is the SDP's a=label."""

    stream_id: str
    label: str | None = None
    is_mixed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamAssociation:
    """Which streams a participant's voice goes into, and which it hears."""

    participant_id: str
    sends: tuple[str, ...] = ()
    receives: tuple[str, ...] = ()
    is_ended: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingMetadata:
    """One metadata document, or the sum of several."""

    is_complete: bool = True
    session_id: str = ""
    sip_session_id: str = ""
    group_id: str = ""
    start_unix_ms: int | None = None
    participants: tuple[Participant, ...] = ()
    streams: tuple[MetadataStream, ...] = ()
    associations: tuple[StreamAssociation, ...] = ()
    departed: tuple[str, ...] = ()  # ids of participants that left the session
    # texts of the elements outside of participants, the first of each name, for joining calls
    elements: tuple[tuple[str, str], ...] = field(default=(), repr=False)

    def element(self, name: str) -> str:
        """The text of the first element of this local name, however it is spelled; "" if none."""
        return dict(self.elements).get(_local(name), "")


@dataclass(slots=True)
class _Node:
    name: str
    attributes: dict[str, str]
    children: list[_Node] = field(default_factory=list)
    pieces: list[str] = field(default_factory=list)

    @property
    def text(self) -> str:
        return " ".join("".join(self.pieces).split())[:_MAX_TEXT_CHARS]

    def named(self, name: str) -> list[_Node]:
        return [child for child in self.children if child.name == name]

    def texts(self, name: str) -> tuple[str, ...]:
        return tuple(child.text for child in self.named(name))

    def attribute(self, *names: str) -> str:
        """The first of these attributes that is there and not empty."""
        return next((self.attributes[n] for n in names if self.attributes.get(n)), "")


class _Tree:
    """Target of the XML parser: a small tree of local names, within limits."""

    def __init__(self) -> None:
        self.root = _Node("", {})
        self._open = [self.root]
        self._count = 0

    def start(self, tag: str, attributes: dict[str, str]) -> None:
        self._count += 1
        if len(self._open) > MAX_XML_DEPTH or self._count > MAX_XML_ELEMENTS:
            raise SipError("Metadata nested too deep or too long")
        found = {
            _local(name): value.strip()[:_MAX_TEXT_CHARS] for name, value in attributes.items()
        }
        node = _Node(_local(tag), found)
        self._open[-1].children.append(node)
        self._open.append(node)

    def end(self, tag: str) -> None:  # noqa: ARG002 the parser's interface
        self._open.pop()

    def data(self, text: str) -> None:
        self._open[-1].pieces.append(text)

    def close(self) -> _Node:
        return self.root


def parse_metadata(payload: bytes) -> RecordingMetadata:
    """Read one document.

    Raises:
        SipError: not XML, or beyond a limit, or with entities or a document type. A caller
            goes on without metadata then: no call fails on it.

    """
    if len(payload) > MAX_METADATA_BYTES:
        raise SipError("Metadata too large")
    try:
        text = payload.decode("utf-8")
    except UnicodeDecodeError:
        text = payload.decode("latin-1")
    tree = _Tree()
    # The encoding given here overrides the declared one, so no peer picks a decoder.
    parser = DefusedXMLParser(target=tree, encoding="utf-8", forbid_dtd=True)
    try:
        parser.feed(text.strip().encode("utf-8"))
        parser.close()
    except SipError:
        raise
    except (ParseError, ValueError) as error:
        cause = "Metadata is not XML" if isinstance(error, ParseError) else "Metadata with a DTD"
        raise SipError(cause) from None
    return _metadata(tree.root.children[0])


def merge(known: RecordingMetadata | None, update: RecordingMetadata) -> RecordingMetadata:
    """The metadata after an update: a complete one replaces, a partial one amends by id."""
    if known is None or update.is_complete:
        return _without(update, ())
    associations = {one.participant_id: one for one in known.associations}
    associations |= {one.participant_id: one for one in update.associations}
    participants = {one.participant_id: one for one in known.participants}
    participants |= {one.participant_id: one for one in update.participants}
    streams = {one.stream_id: one for one in known.streams}
    streams |= {one.stream_id: one for one in update.streams}
    merged = replace(
        known,
        session_id=update.session_id or known.session_id,
        sip_session_id=update.sip_session_id or known.sip_session_id,
        group_id=update.group_id or known.group_id,
        start_unix_ms=known.start_unix_ms or update.start_unix_ms,
        participants=tuple(participants.values()),
        streams=tuple(streams.values()),
        associations=tuple(associations.values()),
    )
    return _without(merged, update.departed)


def _without(metadata: RecordingMetadata, departed: tuple[str, ...]) -> RecordingMetadata:
    gone = {*departed, *metadata.departed}
    return replace(
        metadata,
        participants=tuple(p for p in metadata.participants if p.participant_id not in gone),
        associations=tuple(
            a for a in metadata.associations if not a.is_ended and a.participant_id not in gone
        ),
        departed=(),
    )


def _metadata(root: _Node) -> RecordingMetadata:
    # One client puts everything inside <session>; elsewhere that holds only texts.
    sessions = root.named("session")
    everything = [*root.children, *(child for session in sessions for child in session.children)]
    scope = _Node(root.name, root.attributes, everything)
    session = sessions[0] if sessions else _Node("", {})
    participants = tuple(_participant(node) for node in scope.named("participant"))
    groups = scope.named("group")
    return RecordingMetadata(
        is_complete="partial" not in [text.lower() for text in scope.texts("datamode")],
        session_id=session.attribute("sessionid", "id", "session") or root.attribute("session"),
        sip_session_id=next(iter(scope.texts("sipsessionid")), ""),
        group_id=groups[0].attribute("groupid", "id") if groups else "",
        start_unix_ms=_start_unix_ms(scope),
        participants=participants,
        streams=tuple(_stream(node) for node in scope.named("stream")),
        associations=_associations(scope, participants),
        departed=tuple(
            node.attribute("participantid", "participant")
            for node in scope.named("participantsessionassoc")
            if node.named("disassociatetime")
        ),
        elements=tuple(_texts(root).items()),
    )


def _texts(root: _Node) -> dict[str, str]:
    """The first text of each element name, without those about people."""
    found: dict[str, str] = {}
    waiting = [root]
    while waiting:
        node = waiting.pop()
        if node.text:
            found.setdefault(node.name, node.text)
        waiting += [child for child in reversed(node.children) if child.name != "participant"]
    return found


def _participant(node: _Node) -> Participant:
    names = node.named("nameid")
    aors = [*(name.attribute("aor") for name in names), *node.texts("aor")]
    spoken = [text for name in (*names, node) for text in name.texts("name") if text]
    calling = [text for data in node.children for text in data.texts("callingparty")]
    return Participant(
        participant_id=node.attribute("participantid", "id"),
        aors=tuple(aor for aor in aors if aor),
        name=next(iter(spoken), node.attribute("name")),
        is_calling_party={"true": True, "false": False}.get(next(iter(calling), "").lower()),
    )


def _stream(node: _Node) -> MetadataStream:
    mode = next(iter(node.texts("mode")), node.attribute("mode"))
    label = next(iter(node.texts("label")), node.attribute("label"))
    return MetadataStream(
        stream_id=node.attribute("streamid", "id"),
        label=label or None,
        is_mixed=mode.lower() == "mixed",
    )


def _associations(
    scope: _Node, participants: tuple[Participant, ...]
) -> tuple[StreamAssociation, ...]:
    found = [
        _association(node, node.attribute("participantid", "participant"))
        for node in scope.named("participantstreamassoc")
    ]
    found += [
        _association(node, node.attribute("participantid", "id"))
        for node in scope.named("participant")
        if node.named("send") or node.named("recv")
    ]
    known = {one.participant_id for one in participants}
    strays = [one for one in found if one.participant_id not in known]
    unbound = known - {one.participant_id for one in found}
    if len(strays) == len(unbound) == 1:
        # A client names the participant by a stream's id; one is left over on either side.
        bound = replace(strays[0], participant_id=unbound.pop())
        found = [bound if one is strays[0] else one for one in found]
    return tuple(found)


def _association(node: _Node, participant_id: str) -> StreamAssociation:
    return StreamAssociation(
        participant_id=participant_id or next(iter(node.texts("participant")), ""),
        sends=(*node.texts("send"), *node.texts("stream")),
        receives=node.texts("recv"),
        is_ended=bool(node.named("disassociatetime")),
    )


def _start_unix_ms(scope: _Node) -> int | None:
    candidates = [
        text
        for owner in ("session", "sessionrecordingassoc", "participantsessionassoc", "group")
        for node in scope.named(owner)
        for key in ("starttime", "associatetime")
        for text in node.texts(key)
    ]
    times = (_unix_ms(text) for text in candidates)
    return next((time for time in times if time is not None), None)


def _unix_ms(text: str) -> int | None:
    """A dateTime with or without zone, fraction or the colon in its offset; None if absurd."""
    try:
        moment = dt.datetime.fromisoformat(text)
        if moment.tzinfo is None:
            moment = moment.replace(tzinfo=dt.UTC)
        unix_ms = round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        return None
    return unix_ms if moment.year in _PLAUSIBLE_YEARS else None


def _local(name: str) -> str:
    """``{ns}participant_id`` and ``tns:Participant-ID`` are both ``participantid``."""
    tail = name.rpartition("}")[2].rpartition(":")[2]
    return tail.lower().replace("_", "").replace("-", "")
