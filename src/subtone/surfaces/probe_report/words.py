"""The findings in words: a headline, answers to questions, and what stands behind each."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from subtone.contracts.probing import (
    Concentration,
    Entanglement,
    Estimate,
    Presence,
    ProbeReport,
)

MOSTLY = 0.9


class Answer(NamedTuple):
    """One question, answered shortly, and the figures of it."""

    question: str
    short: str
    why: str


def figure(estimate: Estimate) -> str:
    """``0.86 [0.82, 0.89]``."""
    return f"{plain(estimate.value)} [{plain(estimate.low)}, {plain(estimate.high)}]"


def plain(value: float, digits: int = 2) -> str:
    """A number with a true minus sign, and no minus before zero."""
    return f"{round(value, digits) + 0.0:.{digits}f}".replace("-", "−")


def own_recall(report: ProbeReport) -> float:
    """UAR of the probed vectors, everything unseen."""
    return report.scores[0].unseen.value


def held_out(report: ProbeReport) -> str:
    """What was never learned from."""
    return "speakers and sentences" if report.subject.sentences > 1 else "speakers"


_WHERE = {
    Concentration.ONE_DIMENSION: "One dimension is enough to tell these emotions",
    Concentration.FEW_DIMENSIONS: "No single dimension is “emotion”: a few together hold it",
    Concentration.DISTRIBUTED: "No single dimension is “emotion”: it is spread over many",
    Concentration.BETWEEN: "No single dimension is “emotion”, nor do all share it alike",
}
_TANGLED = {
    Entanglement.ENTANGLED: "erasing the speaker erases part of it",
    Entanglement.SEPARABLE: "it stays when the speaker is erased",
    Entanglement.UNCLEAR: "whether it hangs on the speaker stays open",
}


def headline(report: ProbeReport) -> str:
    """The verdict in one sentence."""
    verdict = report.verdict
    if verdict.presence is Presence.NOT_SHOWN:
        return f"No emotion is shown here: nothing carries over to unseen {held_out(report)}."
    return f"{_WHERE[verdict.concentration]}, and {_TANGLED[verdict.entanglement]}."


def answers(report: ProbeReport) -> tuple[Answer, ...]:
    """Every question that could be judged."""
    if report.verdict.presence is Presence.NOT_SHOWN:
        return (_presence(report),)
    return (
        _presence(report),
        _single(report),
        _entangled(report),
        *_worded(report),
        _axes(report),
        _ranking(report),
    )


def _presence(report: ProbeReport) -> Answer:
    own = report.scores[0]
    seen = max(report.controls, key=lambda c: c.seen.value, default=None)
    warned = f"With the same speakers on both sides it seems to reach {own.seen.value:.2f}"
    if seen is not None:
        warned += (
            f", but there even random labels fixed to each {seen.fixed_to} reach "
            f"{seen.seen.value:.2f}"
        )
    best = max(report.scores[1:], key=lambda s: s.unseen.value, default=None)
    over = ""
    if best is not None:
        gain = dict(report.gain)[best.name]
        over = f" That is {figure(gain)} above the best baseline ({best.name})."
    is_present = report.verdict.presence is Presence.PRESENT
    heard = "as acted by people" if report.subject.is_acted else "for people"
    yes = f"Yes, {heard} never heard before"
    return Answer(
        "Is emotion in these vectors?",
        yes if is_present else "Not shown",
        f"A linear probe names {len(report.subject.emotions)} emotions of unseen "
        f"{held_out(report)} with a mean recall of {figure(own.unseen)}; chance is "
        f"{report.chance:.3g}.{over} {warned}.",
    )


def _single(report: ProbeReport) -> Answer:
    verdict, points = report.verdict, report.concentration
    alone = (
        f"The best dimension alone reaches {figure(points[0].top)} where all {points[-1].k} reach "
        f"{figure(points[-1].top)}."
    )
    question = "Is any single dimension emotion?"
    if verdict.concentration is Concentration.ONE_DIMENSION:
        return Answer(question, f"Yes, dimension {report.importance.top[0].dimension}", alone)
    most = next(p for p in points if p.k == verdict.k_for_most)
    told = (
        f"{alone} The best {most.k} keep nine tenths of the gain over chance, "
        f"{figure(most.top)}, and {most.k} drawn at random reach {figure(most.random)}."
    )
    if most.without_top is not None:
        is_elsewhere = most.without_top.value >= MOSTLY * own_recall(report)
        kept = (
            f"still reach {figure(most.without_top)}: what these hold is held elsewhere too"
            if is_elsewhere
            else f"reach {figure(most.without_top)}"
        )
        told = f"{told} All but these {most.k} {kept}."
    return Answer(question, "No", told)


def _entangled(report: ProbeReport) -> Answer:
    speaker, emotion, *_ = report.removal
    strict, same, voice = speaker.effects
    short = {
        Entanglement.ENTANGLED: "Yes, measurably",
        Entanglement.SEPARABLE: "Not linearly",
        Entanglement.UNCLEAR: "Not decided by this much data",
    }[report.verdict.entanglement]
    return Answer(
        "Is it entangled with who speaks?",
        short,
        f"Erasing the speaker ({speaker.rank:.0f} directions) takes speaker recognition from "
        f"{voice.before.value:.2f} to {figure(voice.after)}. Emotion then stands at "
        f"{figure(same.after)} for the same voices ({same.before.value:.2f} before, "
        f"{same.random.value:.2f} with random directions erased) and at {figure(strict.after)} for "
        f"unseen ones ({strict.before.value:.2f} before, {strict.random.value:.2f} at random). "
        f"Erasing emotion ({emotion.rank:.0f} directions) leaves the speaker at "
        f"{figure(emotion.effects[-1].after)}.",
    )


def _worded(report: ProbeReport) -> Iterator[Answer]:
    """Nothing where it is not known which words were spoken."""
    for words in report.removal[2:]:
        same, sentence, *unseen = words.effects
        costs = [effect.cost for effect in (same, *unseen) if effect.cost.low > 0.0]
        told = (
            f"Erasing which sentence is spoken ({words.rank:.0f} directions) takes its recognition "
            f"from {sentence.before.value:.2f} to {figure(sentence.after)}. Emotion then stands at "
            f"{figure(same.after)} for the same sentences ({same.before.value:.2f} before, "
            f"{same.random.value:.2f} with random directions erased)"
        )
        for strict in unseen:
            told += (
                f" and at {figure(strict.after)} for unseen ones ({strict.before.value:.2f} "
                f"before, {strict.random.value:.2f} at random)"
            )
        yield Answer(
            "Is it entangled with the words?",
            f"Yes: {figure(max(costs, key=lambda c: c.value))} of recall goes with them"
            if costs
            else "Not measurably",
            f"{told}.",
        )


def _axes(report: ProbeReport) -> Answer:
    learned, *_, random = report.disentanglement
    is_purer = learned.disentanglement.low > random.disentanglement.high
    is_shorter = learned.completeness.low > random.completeness.high
    short = {
        (True, True): "More than random axes do",
        (True, False): "More than random axes do",
        (False, True): "Little: factors need fewer of them, but none is kept for one factor",
        (False, False): "No more than random axes do",
    }[is_purer, is_shorter]
    return Answer(
        "Do single dimensions have a meaning of their own?",
        short,
        f"Disentanglement (DCI) is {figure(learned.disentanglement)} for the dimensions as "
        f"learned and {figure(random.disentanglement)} for the same vectors turned at random; "
        f"completeness is {figure(learned.completeness)} and {figure(random.completeness)}.",
    )


def _ranking(report: ProbeReport) -> Answer:
    found = report.importance
    is_stable = found.split_half_top_shared >= 0.5
    beyond = "No dimension" if not found.beyond_null else f"{found.beyond_null} dimensions"
    if found.beyond_null == 1:
        beyond = "One dimension"
    return Answer(
        "Can a list of top dimensions be trusted?",
        "Half of it or more is found again" if is_stable else "No",
        f"{beyond} of {report.subject.dimensions} matters beyond chance when shuffled (largest "
        f"drop {max(found.top[0].drop.value, 0.0):.3f}, chance allows {found.null_drop:.3f}). Two "
        f"halves of the speakers share {100 * found.split_half_top_shared:.0f} % of their top "
        f"{found.top_size} (chance {100 * found.chance_top_shared:.0f} %); their ranks correlate "
        f"at {plain(found.split_half_correlation)}, other folds at "
        f"{plain(found.seed_correlation)}.",
    )
