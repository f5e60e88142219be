"""What the words around a term do to it: degree, negation, contrast, position.

Every rule looks only inside the term's own clause, and only at the units in front of
it (a degree such as 死了 may also follow). Constants are VADER's where SCIENCE section 3
cites them (Hutto and Gilbert 2014); their values live in ``TextCalibration``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice

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

_QUESTION_PARTICLES = frozenset("吗么嘛")
_NEGATIONS = (Cue.NEGATION, Cue.PROHIBITION)
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
    begins: int  # token index of the first degree or negation in front that counted, or first


@dataclass(frozen=True, slots=True)
class _Frame:
    """Modifiers in front of one unit."""

    begins: int  # unit index of the first that counted, or of the unit itself

    degrees: tuple[Cue, ...]
    negations: int
    is_degree_denied: bool  # the degree stands inside the negation: 不很好, "not very good"
    expletives: tuple[int, ...]  # unit indices that served as degrees


def apply_rules(
    tokens: Sequence[Token], units: Sequence[Unit], calibration: TextCalibration
) -> list[Hit]:
    """Hits of all classes, in text order."""
    layout = _lay_out(tokens, units)
    hits: list[Hit] = []
    spent: set[int] = set()
    for i, unit in enumerate(units):
        if unit.entry is None or unit.entry.kind not in _SCORED:
            continue
        frame = _frame(layout, i)
        spent.update(frame.expletives)
        weight, mark = _contrast(layout, i, calibration)
        kind, strength, rule = _modified(unit.entry, frame, calibration)
        begins = units[frame.begins].first
        hits.append(Hit(kind, strength * weight, unit.first, unit.last, rule + mark, begins))
    for i, unit in enumerate(units):
        if unit.entry is not None and unit.entry.kind is Cue.EXPLETIVE and i not in spent:
            rule = f"lexicon:{unit.entry.term}"
            strength = unit.entry.weight
            hits.append(
                Hit(SpanKind.FRUSTRATION, strength, unit.first, unit.last, rule, unit.first)
            )
    hits += _escalations(layout)
    hits += _suppressions(layout, hits)
    return sorted(hits, key=lambda h: (h.first, h.last))


@dataclass(frozen=True, slots=True)
class _Layout:
    """Units and the clauses and sentences they stand in, by number."""

    units: Sequence[Unit]
    clauses: Sequence[int]
    sentences: Sequence[int]
    questions: frozenset[int]  # clauses that ask
    contrasts: Mapping[int, int]  # sentence to the unit of its last contrast word
    outsiders: Mapping[int, tuple[int, int]]  # clause to its first and last unit of substance

    def before(self, i: int) -> Iterator[int]:
        """Unit indices in front of ``i`` in its clause, nearest first."""
        j = i - 1
        while j >= 0 and self.clauses[j] == self.clauses[i]:
            yield j
            j -= 1

    def after(self, i: int) -> Iterator[int]:
        """Unit indices behind ``i`` in its clause, nearest first."""
        j = i + 1
        while j < len(self.units) and self.clauses[j] == self.clauses[i]:
            yield j
            j += 1

    def kind(self, i: int) -> SpanKind | Cue | None:
        """Class of the term at ``i``; None where no term matched."""
        entry = self.units[i].entry
        return None if entry is None else entry.kind

    def denies(self, j: int, distance: int) -> bool:
        """Whether the unit at ``j`` is a negation that reaches ``distance`` units."""
        entry = self.units[j].entry
        return entry is not None and entry.kind in _NEGATIONS and distance <= entry.weight


def _lay_out(tokens: Sequence[Token], units: Sequence[Unit]) -> _Layout:
    clauses, sentences = [], []
    questions: set[int] = set()
    contrasts: dict[int, int] = {}
    outsiders: dict[int, tuple[int, int]] = {}
    clause = sentence = 0
    for i, unit in enumerate(units):
        mark = tokens[unit.first].norm if unit.entry is None else ""
        is_contrast = unit.entry is not None and unit.entry.kind is Cue.CONTRAST
        is_break = mark in CLAUSE_ENDS or is_contrast
        if is_contrast:
            contrasts[sentence] = i
        if mark == "?" or (is_break and i and tokens[unit.first - 1].norm in _QUESTION_PARTICLES):
            questions.add(clause)
        clause += is_break
        clauses.append(clause)
        if unit.entry is None or unit.entry.kind not in _BESIDE:
            outsiders[clause] = (outsiders.get(clause, (i, i))[0], i)
        sentences.append(sentence)
        clause += is_break
        sentence += mark in SENTENCE_ENDS
    if tokens and tokens[-1].norm in _QUESTION_PARTICLES:
        questions.add(clause)
    return _Layout(units, clauses, sentences, frozenset(questions), contrasts, outsiders)


def _contrast(layout: _Layout, i: int, calibration: TextCalibration) -> tuple[float, str]:
    """Weight of a hit by the side of "but" it stands on, and its mark in the rule name."""
    contrast = layout.contrasts.get(layout.sentences[i])
    if contrast is None:
        return 1.0, ""
    if i < contrast:
        return calibration.before_but, ",before_but"
    return calibration.after_but, ",after_but"


def _frame(layout: _Layout, i: int) -> _Frame:
    degrees: list[Cue] = []
    expletives: list[int] = []
    begins, negations, is_degree_denied = i, 0, False
    is_negative = layout.kind(i) in _NEGATIVE
    # "Isn't this ridiculous?" and 这不是坑人吗 affirm what they ask
    is_asked = is_negative and layout.clauses[i] in layout.questions
    distance = 0
    for j in layout.before(i):
        distance += 1
        kind = layout.kind(j)
        if distance > _WINDOW or kind in _SCORED or kind is Cue.CONSEQUENCE:
            break
        if kind in _DEGREES and distance <= _DEGREE_REACH:
            degrees.append(Cue(kind))
            begins = j
            if kind is Cue.EXPLETIVE:
                expletives.append(j)
            distance = 0
        elif layout.denies(j, distance) and not is_asked:
            is_order = kind is Cue.PROHIBITION and not any(True for _ in layout.before(j))
            if is_order and is_negative:  # "Don't lie to me" denies nothing
                continue
            is_degree_denied = is_degree_denied or (bool(degrees) and negations == 0)
            negations += 1
            begins = j
            distance = 0
    if any(layout.kind(j) is Cue.AFTERTHOUGHT for j in islice(layout.after(i), 1)):
        degrees.append(Cue.AFTERTHOUGHT)
    return _Frame(begins, tuple(degrees), negations, is_degree_denied, tuple(expletives))


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


def _negation_of(layout: _Layout, i: int) -> int | None:
    """Unit index of the negation that reaches ``i``."""
    for distance, j in enumerate(layout.before(i), start=1):
        if distance > _WINDOW or layout.kind(j) in (*_SCORED, Cue.CONSEQUENCE):
            return None
        if layout.denies(j, distance):
            return j
    return None


def _is_asked_for(layout: _Layout, i: int) -> bool:
    """Whether somebody asks for the authority at ``i``: by a verb, or by naming nothing else."""
    for distance, j in enumerate(layout.before(i), start=1):
        if distance > _REQUEST_REACH or layout.kind(j) is SpanKind.POSITIVITY:
            return False
        if layout.kind(j) is Cue.REQUEST:
            return _negation_of(layout, j) is None
    return _stands(layout, i, Position.WHOLE_CLAUSE)


def _escalations(layout: _Layout) -> Iterator[Hit]:
    for i, unit in enumerate(layout.units):
        if unit.entry is None:
            continue
        is_asked = unit.entry.kind is SpanKind.ESCALATION_REQUEST or (
            unit.entry.kind is Cue.AUTHORITY and _is_asked_for(layout, i)
        )
        if not is_asked:
            continue
        kind, strength, said, begins = SpanKind.ESCALATION_REQUEST, 0.0, "escalation", unit.first
        negation = _negation_of(layout, i)
        if negation is not None:  # "I don't want to complain" is weak calm, as "not angry" is
            kind, strength, said = SpanKind.CALM, _NEGATED_TO_CALM_MAX, "negated"
            begins = layout.units[negation].first
        yield Hit(kind, strength, unit.first, unit.last, f"{said}:{unit.entry.term}", begins)


def _stands(layout: _Layout, i: int, position: Position) -> bool:
    """Whether the unit stands in its clause where its position demands."""
    first, last = layout.outsiders.get(layout.clauses[i], (i, i))
    if position is Position.WHOLE_CLAUSE:
        return first == last == i
    return position is Position.ANYWHERE or last <= i


def _suppressions(layout: _Layout, hits: Sequence[Hit]) -> Iterator[Hit]:
    """Suppression phrases, unless the message is glad or calm in so many words."""
    for kind in (SpanKind.POSITIVITY, SpanKind.CALM):
        if sum(h.strength for h in hits if h.kind is kind) >= _GLADLY:
            return
    for i, unit in enumerate(layout.units):
        if (
            unit.entry is not None
            and unit.entry.kind is SpanKind.SUPPRESSION
            and _stands(layout, i, unit.entry.position)
            and _negation_of(layout, i) is None
        ):
            rule = f"suppression:{unit.entry.term}"
            yield Hit(SpanKind.SUPPRESSION, 0.0, unit.first, unit.last, rule, unit.first)
