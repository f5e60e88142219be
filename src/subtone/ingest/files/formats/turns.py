"""One turn of a transcript file: its roles, its limits, and the order of all turns."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from subtone.contracts.base import MAX_CALL_MS
from subtone.contracts.inbound import MAX_TEXT_CHARS
from subtone.contracts.outputs import Notice
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import Word

MAX_TURNS = 100_000
MAX_AFTER_AUDIO_MS = 2_000

_ROLE_WORDS = {
    Role.CUSTOMER: "customer caller client user 客户 顾客 用户 来电者",
    Role.AGENT: "agent representative support advisor 坐席 客服 座席",
}
_ROLES = {word: role for role, words in _ROLE_WORDS.items() for word in words.split()}
_NUMBERED = re.compile(r"(.*?)[\s_#.-]*[0-9]*")
_LABEL = re.compile(r"\s*([^:：]{1,40}?)\s*[:：]\s*(.*)", re.DOTALL)


class FormatError(ValueError):
    """A transcript breaks its format; names the place, never a word of the text."""

    def __init__(self, where: str, cause: str, advice: str = "correct it and try again") -> None:
        super().__init__(f"{where}: {cause}")
        self.where = where
        self.cause = cause
        self.advice = advice


@dataclass(frozen=True, kw_only=True)
class TranscriptTurn:
    """One message (``t_end_ms`` is None) or one stretch of speech."""

    role: Role
    t_event_ms: int
    t_end_ms: int | None
    text: str
    words: tuple[Word, ...] = ()

    @property
    def known_ms(self) -> int:
        """When all of it had been said, on the media clock."""
        return self.t_event_ms if self.t_end_ms is None else self.t_end_ms


class MarkKind(StrEnum):
    """What may happen on a call beside words."""

    INTERVENTION = "intervention"
    PAUSED = "paused"
    RESUMED = "resumed"
    CONSENT_WITHDRAWN = "consent_withdrawn"
    CONSENT_GIVEN = "consent_given"


@dataclass(frozen=True, kw_only=True)
class TranscriptMark:
    """Something that happened at one moment of the call."""

    kind: MarkKind
    t_event_ms: int

    @property
    def known_ms(self) -> int:
        """When it happened, on the media clock."""
        return self.t_event_ms


@dataclass(frozen=True, kw_only=True)
class Transcript:
    """All turns of one file by start time, and what a person should know about it."""

    turns: tuple[TranscriptTurn, ...] = ()
    marks: tuple[TranscriptMark, ...] = ()
    warnings: tuple[
        Notice, ...
    ] = ()  # "transcript_out_of_order", "transcript_empty_turn", with counts


@dataclass(frozen=True)
class Located:
    """A turn or mark and the place in the file it came from, for messages."""

    where: str
    item: TranscriptTurn | TranscriptMark


@dataclass(frozen=True)
class WordTimes:
    """A word as the file has it, times unchecked."""

    t_ms: int
    end_ms: int
    text: str


def role_of(label: str) -> Role:
    """The role a speaker label means, such as "Agent", "caller 2", "客服"; else unknown.

    Only a known word with an optional number counts: "customer service" is nobody's role
    here, because a wrong guess would score the voice of an agent.
    """
    numbered = _NUMBERED.fullmatch(label.strip().casefold())
    return _ROLES.get(numbered[1], Role.UNKNOWN) if numbered else Role.UNKNOWN


def split_label(text: str) -> tuple[Role, str]:
    """Split "Agent: words" into role and words; a label that names no role stays in the text."""
    labelled = _LABEL.fullmatch(text)
    role = role_of(labelled[1]) if labelled else Role.UNKNOWN
    return (role, labelled[2]) if labelled and role is not Role.UNKNOWN else (Role.UNKNOWN, text)


def located_turn(
    where: str,
    role: Role,
    t_ms: int,
    end_ms: int | None,
    text: str,
    words: Iterable[WordTimes] = (),
) -> Located:
    """Check one turn; words may reach beyond the turn's own times and then widen it.

    Raises:
        FormatError: a time is negative, beyond seven days or before its start, or the
            text is longer than a contract carries.

    """
    checked = tuple(_word(where, word) for word in words)
    _check_times(where, t_ms, t_ms if end_ms is None else end_ms)
    if len(text) > MAX_TEXT_CHARS:
        raise FormatError(where, f"the text has {len(text)} characters, {MAX_TEXT_CHARS} allowed")
    ends = [word.t_end_ms for word in checked] + ([] if end_ms is None else [end_ms])
    turn = TranscriptTurn(
        role=role,
        t_event_ms=min([t_ms, *(word.t_event_ms for word in checked)]),
        t_end_ms=max(ends, default=None),
        text=text.strip(),
        words=checked,
    )
    return Located(where, turn)


def located_mark(where: str, kind: MarkKind, t_ms: int) -> Located:
    """Check one mark.

    Raises:
        FormatError: its time is negative or beyond seven days.

    """
    _check_times(where, t_ms, t_ms)
    return Located(where, TranscriptMark(kind=kind, t_event_ms=t_ms))


def _word(where: str, word: WordTimes) -> Word:
    _check_times(where, word.t_ms, word.end_ms)
    return Word(t_event_ms=word.t_ms, t_end_ms=word.end_ms, text=word.text)


def _check_times(where: str, t_ms: int, end_ms: int) -> None:
    if t_ms < 0 or end_ms < 0:
        raise FormatError(where, "a time is negative", "times count from the start of the call")
    if end_ms < t_ms:
        raise FormatError(where, f"the end ({end_ms} ms) is before the start ({t_ms} ms)")
    if end_ms > MAX_CALL_MS:
        raise FormatError(
            where,
            f"the time {end_ms} ms is beyond 7 days",
            "times are milliseconds from the start of the call, not a date",
        )


def assemble(located: Iterable[Located], audio_duration_ms: int | None) -> Transcript:
    """Put turns in order of their start; turns without words are left out and counted.

    Raises:
        FormatError: no turn, too many turns, or a turn over 2 s after the audio's end.

    """
    turns: list[TranscriptTurn] = []
    marks: list[TranscriptMark] = []
    latest_ms = out_of_order = empty = 0
    for count, found in enumerate(located, start=1):
        if count > MAX_TURNS:
            raise FormatError(found.where, f"more than {MAX_TURNS} turns", "split it into calls")
        _refuse_future(found, audio_duration_ms)
        item = found.item
        if isinstance(item, TranscriptMark):
            marks.append(item)
            continue
        if not item.text:
            empty += 1
            continue
        out_of_order += item.t_event_ms < latest_ms
        latest_ms = max(latest_ms, item.t_event_ms)
        turns.append(item)
    if not turns:
        raise FormatError("the file", "holds no turn with text", "check how it was exported")
    counted = (("transcript_out_of_order", out_of_order), ("transcript_empty_turn", empty))
    return Transcript(
        turns=tuple(sorted(turns, key=lambda turn: turn.t_event_ms)),
        marks=tuple(marks),
        warnings=tuple(_notices(counted)),
    )


def _refuse_future(found: Located, audio_duration_ms: int | None) -> None:
    known_ms = found.item.known_ms
    if audio_duration_ms is None or known_ms <= audio_duration_ms + MAX_AFTER_AUDIO_MS:
        return
    raise FormatError(
        found.where,
        f"a time is in the future: {known_ms / 1000:.1f} s, "
        f"but the audio ends at {audio_duration_ms / 1000:.1f} s",
        "check that transcript and audio are of the same call and times are milliseconds",
    )


def _notices(counted: Iterable[tuple[str, int]]) -> Iterator[Notice]:
    return (Notice(t_event_ms=0, code=code, count=count) for code, count in counted if count)
