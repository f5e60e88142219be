"""The findings in words: a headline, four answers, and what stands behind each."""

from __future__ import annotations

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
    return f"{estimate.value:.2f} [{estimate.low:.2f}, {estimate.high:.2f}]"


def own_recall(report: ProbeReport) -> float:
    """UAR of the probed vectors, everything unseen."""
    return report.scores[0].unseen.value


def held_out(report: ProbeReport) -> str:
    """What was never learned from."""
    return "speakers and sentences" if report.subject.sentences > 1 else "speakers"


_WHERE = {
    Concentration.ONE_DIMENSION: "One dimension is enough to tell these emotions",
    Concentration.FEW_DIMENSIONS: "A few dimensions hold emotion, no single one does",
    Concentration.DISTRIBUTED: "No single dimension is “emotion”: it is spread over many",
    Concentration.BETWEEN: "No single dimension is “emotion”, and no small set is needed",
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
    return f"{_WHERE[verdict.concentration]}; {_TANGLED[verdict.entanglement]}."


def answers(report: ProbeReport) -> tuple[Answer, ...]:
    """Every question that could be judged."""
    if report.verdict.presence is Presence.NOT_SHOWN:
        return (_presence(report),)
    return (
        _presence(report),
        _single(report),
        _entangled(report),
        _axes(report),
        _ranking(report),
    )


def _presence(report: ProbeReport) -> Answer:
    own = report.scores[0]
    seen = max(report.controls, key=lambda c: c.seen.value)
    best = max(report.scores[1:], key=lambda s: s.unseen.value, default=None)
    over = ""
    if best is not None:
        gain = dict(report.gain)[best.name]
        over = f" That is {figure(gain)} above the best baseline ({best.name})."
    is_present = report.verdict.presence is Presence.PRESENT
    return Answer(
        "Is emotion in these vectors?",
        "Yes, for people never heard before" if is_present else "Not shown",
        f"A linear probe names {len(report.subject.emotions)} emotions of unseen "
        f"{held_out(report)} with a mean recall of {figure(own.unseen)}; chance is "
        f"{report.chance:.2f}.{over} With the same speakers on both sides it seems to reach "
        f"{own.seen.value:.2f}, but there even random labels fixed to each {seen.fixed_to} reach "
        f"{seen.seen.value:.2f}.",
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
    speaker, emotion = report.removal
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
        f"{figure(voice.before)} to {figure(voice.after)}, and emotion from "
        f"{figure(same.before)} to {figure(same.after)} for the same voices, from "
        f"{figure(strict.before)} to {figure(strict.after)} for unseen ones; as many random "
        f"directions leave {figure(same.random)} and {figure(strict.random)}. Erasing emotion "
        f"({emotion.rank:.0f} directions) leaves the speaker at "
        f"{figure(emotion.effects[-1].after)}.",
    )


def _axes(report: ProbeReport) -> Answer:
    learned, *_, random = report.disentanglement
    is_special = learned.disentanglement.low > random.disentanglement.high
    return Answer(
        "Do single dimensions have a meaning of their own?",
        "More than random axes do" if is_special else "No more than random axes do",
        f"Disentanglement (DCI) is {figure(learned.disentanglement)} for the dimensions as "
        f"learned and {figure(random.disentanglement)} for the same vectors turned at random.",
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
        f"halves of the speakers share {found.split_half_top_shared:.0%} of their top "
        f"{found.top_size} (chance {found.chance_top_shared:.0%}); their ranks correlate at "
        f"{found.split_half_correlation:.2f}, other folds at {found.seed_correlation:.2f}.",
    )
