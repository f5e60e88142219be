"""What the words around a term do to it: degree, negation, contrast, position.

Every rule looks only inside the term's own clause, and only at the units in front of
it (a degree such as 死了 may also follow). Constants are VADER's where SCIENCE section 3
cites them (Hutto and Gilbert 2014); their values live in ``TextCalibration``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import SpanKind
from subtone.kernel.voice_intelligence.lexicons.entries import Cue, Position
from subtone.kernel.voice_intelligence.text_matcher import Entry, Unit
from subtone.kernel.voice_intelligence.text_tokens import CLAUSE_ENDS, SENTENCE_ENDS, Token

_WINDOW = 3  # units a modifier may stand in front of its term, or of the next modifier
_DEGREE_REACH = 2
_REQUEST_REACH = 6
_NEGATED_TO_CALM_MAX = 0.8  # "not angry" is weak calm at most: score .33
_GLADLY = 1.0  # strength of calm or positive words that turns "it's fine" into just that

_DEGREES = (Cue.EXTREME, Cue.VERY, Cue.MORE, Cue.SLIGHT, Cue.EXPLETIVE)
_NEGATIVE = (SpanKind.FRUSTRATION, SpanKind.CONFUSION, SpanKind.URGENCY)
_SCORED = (*_NEGATIVE, SpanKind.CALM, SpanKind.POSITIVITY, SpanKind.RHETORICAL_QUESTION)
_BESIDE = (Cue.SOFTENER, SpanKind.SUPPRESSION, SpanKind.CALM, SpanKind.POSITIVITY)


@dataclass(frozen=True, slots=True)
class Hit:
    """One term after all rules."""

    kind: SpanKind
    strength: float  # at least 0, in lexicon weights; for flags, 0
    first: int  # token indices
    last: int
    rule: str


@dataclass(frozen=True, slots=True)
class _Frame:
    """Modifiers in front of one unit."""

    degrees: tuple[Cue, ...]
    negations: int
    is_degree_denied: bool  # the degree stands inside the negation: 不很好, "not very good"
    expletives: tuple[int, ...]  # unit indices that served as degrees


def apply_rules(
    tokens: Sequence[Token], units: Sequence[Unit], calibration: TextCalibration
) -> list[Hit]:
    """Hits of all classes, in text order."""
    clauses, sentences = _spread(tokens, units)
    contrasts = {
        sentences[i]: i for i, unit in enumerate(units) if unit.entry and _is(unit, Cue.CONTRAST)
    }
    hits: list[Hit] = []
    spent: set[int] = set()
    for i, unit in enumerate(units):
        entry = unit.entry
        if entry is None or entry.kind not in _SCORED:
            continue
        frame = _frame(units, clauses, i)
        spent.update(frame.expletives)
        contrast = contrasts.get(sentences[i])
        weight, mark = 1.0, ""
        if contrast is not None:
            is_before = i < contrast
            weight = calibration.before_but if is_before else calibration.after_but
            mark = ",before_but" if is_before else ",after_but"
        kind, strength, rule = _modified(entry, frame, calibration)
        hits.append(Hit(kind, strength * weight, unit.first, unit.last, rule + mark))
    for i, unit in enumerate(units):
        if unit.entry and _is(unit, Cue.EXPLETIVE) and i not in spent:
            rule = f"lexicon:{unit.entry.term}"
            hits.append(Hit(SpanKind.FRUSTRATION, unit.entry.weight, unit.first, unit.last, rule))
    hits += _escalations(units, clauses)
    hits += _suppressions(units, clauses, hits)
    return sorted(hits, key=lambda h: (h.first, h.last))


def _is(unit: Unit, *kinds: SpanKind | Cue) -> bool:
    return unit.entry is not None and unit.entry.kind in kinds


def _spread(tokens: Sequence[Token], units: Sequence[Unit]) -> tuple[list[int], list[int]]:
    """Clause number and sentence number of every unit."""
    clauses, sentences = [], []
    clause = sentence = 0
    for unit in units:
        mark = tokens[unit.first].norm if unit.entry is None else ""
        if mark in CLAUSE_ENDS or _is(unit, Cue.CONTRAST):
            clause += 1
        clauses.append(clause)
        sentences.append(sentence)
        if mark in CLAUSE_ENDS or _is(unit, Cue.CONTRAST):
            clause += 1
        if mark in SENTENCE_ENDS:
            sentence += 1
    return clauses, sentences


def _before(clauses: Sequence[int], i: int) -> Iterator[int]:
    """Unit indices in front of ``i`` in its clause, nearest first."""
    j = i - 1
    while j >= 0 and clauses[j] == clauses[i]:
        yield j
        j -= 1


def _frame(units: Sequence[Unit], clauses: Sequence[int], i: int) -> _Frame:
    degrees: list[Cue] = []
    expletives: list[int] = []
    negations, is_degree_denied = 0, False
    distance = 0
    for j in _before(clauses, i):
        distance += 1
        entry = units[j].entry
        if distance > _WINDOW or _is(units[j], *_SCORED, Cue.CONSEQUENCE):
            break
        if entry is None:
            continue
        if entry.kind in _DEGREES and distance <= _DEGREE_REACH:
            degrees.append(Cue(entry.kind))
            if entry.kind is Cue.EXPLETIVE:
                expletives.append(j)
            distance = 0
        elif entry.kind is Cue.NEGATION and distance <= entry.weight:
            is_degree_denied = is_degree_denied or (bool(degrees) and negations == 0)
            negations += 1
            distance = 0
    if i + 1 < len(units) and clauses[i + 1] == clauses[i] and _is(units[i + 1], Cue.AFTERTHOUGHT):
        degrees.append(Cue.AFTERTHOUGHT)
    return _Frame(tuple(degrees), negations, is_degree_denied, tuple(expletives))


def _degree(degrees: Sequence[Cue], calibration: TextCalibration) -> float:
    """Factor of the strongest degree word; a slight one counts only alone."""
    factors = {
        Cue.EXTREME: calibration.degree_extreme,
        Cue.AFTERTHOUGHT: calibration.degree_extreme,
        Cue.EXPLETIVE: calibration.degree_extreme,
        Cue.VERY: calibration.degree_very,
        Cue.MORE: calibration.degree_more,
        Cue.SLIGHT: calibration.degree_slight,
    }
    return max((factors[d] for d in degrees), default=1.0)


def _modified(
    entry: Entry, frame: _Frame, calibration: TextCalibration
) -> tuple[SpanKind, float, str]:
    """Kind, strength and rule name of a term under its modifiers."""
    kind = SpanKind(entry.kind)
    named = entry.term + "".join(f"*{d.value}" for d in frame.degrees)
    degree = _degree(frame.degrees, calibration)
    if kind is SpanKind.RHETORICAL_QUESTION:
        return kind, entry.weight, f"rhetorical:{entry.term}"
    if frame.negations == 0:
        return kind, entry.weight * degree, f"lexicon:{named}"
    if frame.negations > 1:
        strength = entry.weight * degree * calibration.double_negation
        return kind, strength, f"double_negated:{named}"
    # a denied degree leaves little: 不是很满意 is mild, 很不满意 is strong
    degree = calibration.degree_slight if frame.is_degree_denied else degree
    strength = entry.weight * degree * abs(calibration.negation)
    if kind in _NEGATIVE:
        return SpanKind.CALM, min(strength, _NEGATED_TO_CALM_MAX), f"negated:{named}"
    return SpanKind.FRUSTRATION, strength, f"negated:{named}"


def _is_negated(units: Sequence[Unit], clauses: Sequence[int], i: int) -> bool:
    for distance, j in enumerate(_before(clauses, i), start=1):
        entry = units[j].entry
        if distance > _WINDOW or _is(units[j], Cue.CONSEQUENCE):
            return False
        if entry is not None and entry.kind is Cue.NEGATION and distance <= entry.weight:
            return True
    return False


def _asked_for(units: Sequence[Unit], clauses: Sequence[int], i: int) -> bool:
    """Whether somebody asks for the authority at ``i``: by a verb, or by naming nothing else."""
    for distance, j in enumerate(_before(clauses, i), start=1):
        if distance > _REQUEST_REACH or _is(units[j], SpanKind.POSITIVITY):
            return False
        if _is(units[j], Cue.REQUEST):
            return not _is_negated(units, clauses, j)
    return _stands(units, clauses, i, Position.WHOLE_CLAUSE)


def _escalations(units: Sequence[Unit], clauses: Sequence[int]) -> Iterator[Hit]:
    for i, unit in enumerate(units):
        if unit.entry is None:
            continue
        is_asked = _is(unit, SpanKind.ESCALATION_REQUEST) or (
            _is(unit, Cue.AUTHORITY) and _asked_for(units, clauses, i)
        )
        if is_asked and not _is_negated(units, clauses, i):
            rule = f"escalation:{unit.entry.term}"
            yield Hit(SpanKind.ESCALATION_REQUEST, 0.0, unit.first, unit.last, rule)


def _stands(units: Sequence[Unit], clauses: Sequence[int], i: int, position: Position) -> bool:
    """Whether the unit stands in its clause where its position demands."""
    if position is Position.ANYWHERE:
        return True
    after = i + 1
    while after < len(units) and clauses[after] == clauses[i]:
        if not _is(units[after], *_BESIDE):
            return False
        after += 1
    is_free_in_front = position is Position.CLAUSE_END
    return is_free_in_front or all(_is(units[j], *_BESIDE) for j in _before(clauses, i))


def _suppressions(
    units: Sequence[Unit], clauses: Sequence[int], hits: Sequence[Hit]
) -> Iterator[Hit]:
    """Suppression phrases, unless the message is glad or calm in so many words."""
    for kind in (SpanKind.POSITIVITY, SpanKind.CALM):
        if sum(h.strength for h in hits if h.kind is kind) >= _GLADLY:
            return
    for i, unit in enumerate(units):
        if (
            unit.entry is not None
            and unit.entry.kind is SpanKind.SUPPRESSION
            and _stands(units, clauses, i, unit.entry.position)
            and not _is_negated(units, clauses, i)
        ):
            rule = f"suppression:{unit.entry.term}"
            yield Hit(SpanKind.SUPPRESSION, 0.0, unit.first, unit.last, rule)
