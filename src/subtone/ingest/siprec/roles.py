"""Whose voice is on a recorded stream: from what was said about it, never from its place.

A stream that is mixed, or of which nobody said who speaks, stays unknown, and an unknown role is
never emotion-scored.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from typing import Final

from subtone.contracts.vocabulary import Role
from subtone.ingest.siprec.metadata import MetadataStream, Participant, RecordingMetadata

_MAX_AOR_CHARS: Final = 256

# Ids and labels that clients give as plain words; "caller" is not among them, for an agent
# may call too.
_PLAIN_WORDS: Final = {"agent": Role.AGENT, "customer": Role.CUSTOMER}
_OPPOSITE: Final = {Role.AGENT: Role.CUSTOMER, Role.CUSTOMER: Role.AGENT}


@dataclass(frozen=True, slots=True, kw_only=True)
class RoleHints:
    """What an operator knows about the peers.

    Patterns are shell globs over ``user@host`` in lower case, such as ``*@agents.example.com``
    or ``7???@*``.
    """

    agent_patterns: tuple[str, ...] = ()
    customer_patterns: tuple[str, ...] = ()
    label_roles: Mapping[str, Role] = field(default_factory=dict)  # SDP label -> role
    calling_party: Role = Role.UNKNOWN  # who calls on this line, where clients mark the caller


@dataclass(frozen=True, slots=True, kw_only=True)
class StreamRole:
    """The verdict on one stream and what it rests on, without names."""

    role: Role
    basis: str


def stream_roles(
    labels: tuple[str | None, ...], metadata: RecordingMetadata | None, hints: RoleHints
) -> tuple[StreamRole, ...]:
    """The role of each accepted stream.

    Args:
        labels: the SDP label of each stream, None where it has none.
        metadata: what is known of the recording, if anything.
        hints: the operator's knowledge.

    """
    known = metadata or RecordingMetadata()
    found = [_one(label, len(labels), known, hints) for label in labels]
    if len(found) == 2:
        found = _completed(found, hints)
    customers = [one for one in found if one.role is Role.CUSTOMER]
    if len(customers) > 1:
        unclear = StreamRole(role=Role.UNKNOWN, basis="more than one stream looks the customer's")
        return tuple(unclear if one.role is Role.CUSTOMER else one for one in found)
    return tuple(found)


_NO_SENDER: Final = "nobody is said to speak on this stream"
_NOT_CONFIGURED: Final = "the address is not configured"


def _one(
    label: str | None, stream_count: int, metadata: RecordingMetadata, hints: RoleHints
) -> StreamRole:
    stream = _stream_of(label, stream_count, metadata)
    senders = _senders(stream, metadata)
    if (stream is not None and stream.is_mixed) or len(senders) > 1:
        return StreamRole(role=Role.UNKNOWN, basis="several people speak on this stream")
    if stream_count == 1 and len(metadata.participants) > 1:
        return StreamRole(role=Role.UNKNOWN, basis="one stream for several participants")
    configured = hints.label_roles.get(label or "", Role.UNKNOWN)
    if configured is not Role.UNKNOWN:
        return StreamRole(role=configured, basis="the label is configured")
    if senders:
        return _of_participant(senders[0], hints)
    worded = _PLAIN_WORDS.get((label or "").lower())
    if worded is not None:
        return StreamRole(role=worded, basis="the label says it")
    return StreamRole(role=Role.UNKNOWN, basis=_NO_SENDER)


def _stream_of(
    label: str | None, stream_count: int, metadata: RecordingMetadata
) -> MetadataStream | None:
    named = [one for one in metadata.streams if label is not None and one.label == label]
    if len(named) == 1:
        return named[0]
    is_only = stream_count == 1 and len(metadata.streams) == 1 and label is None
    return metadata.streams[0] if is_only else None


def _senders(stream: MetadataStream | None, metadata: RecordingMetadata) -> tuple[Participant, ...]:
    if stream is None or [one.stream_id for one in metadata.streams].count(stream.stream_id) > 1:
        return ()
    ids = {one.participant_id for one in metadata.associations if stream.stream_id in one.sends}
    return tuple(one for one in metadata.participants if one.participant_id in ids)


def _of_participant(participant: Participant, hints: RoleHints) -> StreamRole:
    is_agent = _matches(participant.aors, hints.agent_patterns)
    is_customer = _matches(participant.aors, hints.customer_patterns)
    if is_agent and is_customer:
        return StreamRole(role=Role.UNKNOWN, basis="the address matches both sides' patterns")
    if is_agent or is_customer:
        role = Role.AGENT if is_agent else Role.CUSTOMER
        return StreamRole(role=role, basis="the address is configured")
    worded = _PLAIN_WORDS.get(participant.participant_id.lower())
    if worded is not None:
        return StreamRole(role=worded, basis="the participant's id says it")
    if participant.is_calling_party is not None and hints.calling_party in _OPPOSITE:
        role = hints.calling_party
        return StreamRole(
            role=role if participant.is_calling_party else _OPPOSITE[role],
            basis="the client marked the calling party",
        )
    return StreamRole(role=Role.UNKNOWN, basis=_NOT_CONFIGURED)


def _completed(pair: list[StreamRole], hints: RoleHints) -> list[StreamRole]:
    """Of two streams with one speaker each, the other side of a known one is known.

    Unless the operator has said what addresses that side has, and this is none of them.
    """
    patterns = {Role.AGENT: hints.agent_patterns, Role.CUSTOMER: hints.customer_patterns}
    for at in (0, 1):
        role = _OPPOSITE.get(pair[1 - at].role, Role.UNKNOWN)
        is_open = pair[at].basis == _NO_SENDER or (
            pair[at].basis == _NOT_CONFIGURED and not patterns.get(role)
        )
        if is_open and role is not Role.UNKNOWN:
            completed = StreamRole(role=role, basis="the other side of the call is known")
            return [completed, pair[1]] if at == 0 else [pair[0], completed]
    return pair


def _matches(aors: tuple[str, ...], patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(_normal(aor), p.lower()) for aor in aors for p in patterns)


def _normal(aor: str) -> str:
    """``user@host`` of an address of record: no scheme, no parameters, lower case."""
    bare = aor[:_MAX_AOR_CHARS].strip().strip("<>").lower()
    return re.sub(r"^(?:sips?|tel):", "", bare).partition(";")[0]
