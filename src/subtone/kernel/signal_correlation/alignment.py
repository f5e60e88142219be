"""Words on the call's clock: spread long turns over their time, read the evidence at a moment.

Event time, never arrival. Source: SCIENCE section 4 (alignment).
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import msgspec
import numpy as np

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import ChannelStatus, SpanKind, TextDimension
from subtone.contracts.voice_intelligence import TextEmotionScores, TextTurn
from subtone.kernel.statistics import half_life_weight

# Ends keep their closing quotes and the space that follows. A full stop needs that space, and
# a comma or colon no digit after it, so that "3.5", "1,000" and "10:30" stay whole.
_TAIL = r"[\"'”’」』)）\]]*\s*"
_SENTENCE_END = re.compile(rf"(?:[。！？!?…\n]+|\.+(?=[\"'”’)\]]*(?:\s|$))){_TAIL}")
_CLAUSE_END = re.compile(
    rf"(?:[。！？!?…\n，、；;：]+|\.+(?=[\"'”’)\]]*(?:\s|$))|[,:](?!\d)){_TAIL}"
)
_SPOKEN = re.compile(r"\w")

_MAX_ID_CHARS = 200  # of a contract's Name
_WORD_SEARCH_CHARS = 16  # a word stands near where the one before it ended

_Piece = tuple[int, int]  # [start, end) character offsets into the turn


def spread_turn(turn: TextTurn, max_ms: int) -> tuple[TextTurn, ...]:
    """Split a turn longer than max_ms at its sentence ends, else clause ends (zh and en).

    Neighbouring pieces stay together while they last at most max_ms. Times come from the
    words where given; between known words, and without any, time runs in proportion to
    length. Sub-turns are called "<id>#1", "<id>#2" and so on, their texts concatenate to the
    original and each keeps its own words. A clause longer than max_ms stays whole, and a
    turn that cannot be split is returned as it is.
    """
    if turn.t_end_ms - turn.t_event_ms <= max_ms:
        return (turn,)
    offsets = _word_offsets(turn)
    clock = _Clock(turn, offsets)
    pieces: list[_Piece] = []
    for sentence in _cut(turn.text, (0, len(turn.text)), _SENTENCE_END):
        is_long = clock.duration_ms(sentence) > max_ms
        for piece in _cut(turn.text, sentence, _CLAUSE_END) if is_long else (sentence,):
            if pieces and clock.duration_ms((pieces[-1][0], piece[1])) <= max_ms:
                pieces[-1] = (pieces[-1][0], piece[1])
            else:
                pieces.append(piece)
    if len(pieces) < 2:
        return (turn,)
    return tuple(
        _sub_turn(turn, number, piece, clock, offsets)
        for number, piece in enumerate(pieces, start=1)
    )


def _sub_turn(
    turn: TextTurn, number: int, piece: _Piece, clock: _Clock, offsets: tuple[_Piece, ...]
) -> TextTurn:
    suffix = f"#{number}"
    start, end = piece
    return msgspec.structs.replace(
        turn,
        turn_id=turn.turn_id[: _MAX_ID_CHARS - len(suffix)] + suffix,
        t_event_ms=clock.start_ms(piece),
        t_end_ms=clock.end_ms(piece),
        text=turn.text[start:end],
        words=tuple(
            word for word, at in zip(turn.words, offsets, strict=True) if start <= at[0] < end
        ),
    )


def _cut(text: str, piece: _Piece, end: re.Pattern[str]) -> list[_Piece]:
    """Cut one piece after each end; punctuation without a word goes with the piece before it."""
    start, stop = piece
    cuts = [start]
    for match in end.finditer(text, start, stop):
        is_spoken = _SPOKEN.search(text, cuts[-1], match.start()) is not None
        if is_spoken and _SPOKEN.search(text, match.end(), stop) is not None:
            cuts.append(match.end())
    return list(pairwise([*cuts, stop]))


def _word_offsets(turn: TextTurn) -> tuple[_Piece, ...]:
    """Where each word stands in the text; an empty piece where it was not found."""
    offsets: list[_Piece] = []
    at = 0
    for word in turn.words:
        label = word.text.strip()
        found = turn.text.find(label, at, at + len(label) + _WORD_SEARCH_CHARS) if label else -1
        offsets.append((found, found + len(label)) if found >= 0 else (at, at))
        at = offsets[-1][1]
    return tuple(offsets)


class _Clock:
    """Times of pieces of one turn, by interpolation between the places that are known."""

    def __init__(self, turn: TextTurn, offsets: tuple[_Piece, ...]) -> None:
        self._text = turn.text
        start, end = self._spoken((0, len(turn.text)))
        starts, ends = {start: turn.t_event_ms}, {start: turn.t_event_ms}
        for word, at in zip(turn.words, offsets, strict=True):
            if at[1] > at[0]:
                word_start, word_end = self._spoken(at)
                starts[word_start], ends[word_end] = word.t_event_ms, word.t_end_ms
        starts.setdefault(end, turn.t_end_ms)
        ends[end] = turn.t_end_ms
        self._starts = _known_times(starts, turn)
        self._ends = _known_times(ends, turn)

    def _spoken(self, piece: _Piece) -> _Piece:
        """The piece from its first to its last letter, digit or character."""
        spoken = [m.start() for m in _SPOKEN.finditer(self._text, *piece)]
        return (spoken[0], spoken[-1] + 1) if spoken else piece

    def start_ms(self, piece: _Piece) -> int:
        return round(float(np.interp(self._spoken(piece)[0], *self._starts)))

    def end_ms(self, piece: _Piece) -> int:
        end_ms = round(float(np.interp(self._spoken(piece)[1], *self._ends)))
        return max(end_ms, self.start_ms(piece))

    def duration_ms(self, piece: _Piece) -> int:
        return self.end_ms(piece) - self.start_ms(piece)


def _known_times(times_ms: dict[int, int], turn: TextTurn) -> tuple[list[int], list[int]]:
    """Offsets and times in order; recognisers' times may step back or leave the turn."""
    offsets = sorted(times_ms)
    ordered = np.maximum.accumulate([times_ms[at] for at in offsets])
    return offsets, np.clip(ordered, turn.t_event_ms, turn.t_end_ms).tolist()


@dataclass(frozen=True, slots=True)
class TextEvidence:
    """What the words say at one moment. Without fresh words nothing is known: never calm."""

    status: ChannelStatus  # ok or unavailable
    scores: TextEmotionScores | None = None  # decay-weighted mean, spans of all fresh turns
    positivity: float = 0.0  # in [0, 1]
    is_suppressed: bool = False  # the newest fresh turn is a suppression phrase
    has_escalation_request: bool = False  # any fresh turn asks for a person, complaint, lawyer


def text_evidence(
    turns: Sequence[TextEmotionScores], t_ms: int, calibration: TextCalibration
) -> TextEvidence:
    """Aggregate the turns that ended within the last 30 s, in any order, at media time t_ms.

    Weight 2^(-age/half-life), age since the turn's end; a turn in which nothing was found
    weighs less still (``neutral_turn_weight``). A turn counts once it has been said. The
    aggregate is named after the newest turn and spans all fresh ones; its dominant emotion
    is the one that most weight stands behind, so that turns without any never make it calm.
    """
    fresh = sorted(
        (s for s in turns if 0 <= t_ms - s.t_end_ms <= calibration.validity_s * 1000.0),
        key=lambda s: (s.t_end_ms, s.t_seen_ms),
    )
    weights = [_weight(s, t_ms, calibration) for s in fresh]
    total = sum(weights)
    if total == 0.0:
        return TextEvidence(ChannelStatus.UNAVAILABLE)

    def mean(values: Sequence[float]) -> float:
        # divided first: with weights that sum to 1 a mean of equal values cannot pass them
        return min(
            max(values), sum(w / total * value for w, value in zip(weights, values, strict=True))
        )

    behind = dict.fromkeys(TextDimension, 0.0)
    for weight, turn in zip(weights, fresh, strict=True):
        if turn.dominant_emotion is not None:
            behind[turn.dominant_emotion] += weight
    newest = fresh[-1]
    scores = TextEmotionScores(
        turn_id=newest.turn_id,
        t_event_ms=min(s.t_event_ms for s in fresh),
        t_end_ms=newest.t_end_ms,
        t_seen_ms=max(s.t_seen_ms for s in fresh),
        frustration=mean([s.frustration for s in fresh]),
        confusion=mean([s.confusion for s in fresh]),
        urgency=mean([s.urgency for s in fresh]),
        calm=mean([s.calm for s in fresh]),
        positivity=mean([s.positivity for s in fresh]),
        dominant_emotion=max(behind, key=behind.__getitem__) if any(behind.values()) else None,
        confidence=mean([s.confidence for s in fresh]),
        is_suppressed=newest.is_suppressed,
        has_escalation_request=any(s.has_escalation_request for s in fresh),
        spans=tuple(span for s in fresh for span in s.spans),
    )
    return TextEvidence(
        status=ChannelStatus.OK,
        scores=scores,
        positivity=scores.positivity,
        is_suppressed=scores.is_suppressed,
        has_escalation_request=scores.has_escalation_request,
    )


def _weight(scores: TextEmotionScores, t_ms: int, calibration: TextCalibration) -> float:
    weight = half_life_weight((t_ms - scores.t_end_ms) / 1000.0, calibration.half_life_s)
    is_neutral = scores.confidence == 0.0 and all(s.kind is SpanKind.FITTED for s in scores.spans)
    return weight * calibration.neutral_turn_weight if is_neutral else weight
