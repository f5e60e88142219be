"""The terminal view reads in both languages, at 80 columns, without colour."""

from __future__ import annotations

import io
import re

import msgspec
import pytest
from rich.cells import cell_len
from rich.console import Console

from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.session_state import LocalText
from subtone.contracts.signal_correlation import HeadShare
from subtone.contracts.vocabulary import HeadKind
from subtone.contracts.voice_intelligence import HeadEvidence
from subtone.surfaces.report.words import UiLanguage
from subtone.surfaces.terminal import moment_at, render_moment, render_timeline
from support_analysis import (
    calm_call,
    chat_call,
    hidden_frustration_call,
    timing_only_call,
)
from support_long_call import long_call

CONTRACT_WORDS = {
    "calm", "rising_tension", "hidden_frustration", "escalation_risk", "active_escalation",
    "deescalating", "resolved", "subtone", "billing-0142.wav", "unknown-roles.wav", "left",
    "right", "mono", "roles", "customer", "agent", "r", "dB", "default-1", "default",
    "explain", "at",
}  # fmt: skip


def timeline(analysis: CallAnalysis, language: UiLanguage, width: int = 80) -> str:
    out = io.StringIO()
    render_timeline(Console(file=out, width=width), analysis, language)
    return out.getvalue()


def moment(analysis: CallAnalysis, t_ms: int | None, language: UiLanguage = "en") -> str:
    out = io.StringIO()
    render_moment(Console(file=out, width=80), analysis, t_ms, language)
    return out.getvalue()


def flat(text: str) -> str:
    return " ".join(text.split())


def test_timeline_tells_the_call() -> None:
    text = flat(timeline(hidden_frustration_call(), "en"))
    assert "billing-0142.wav 03:00" in text
    assert "left customer talks 01:24 voice emotion scored" in text
    assert "right agent talks 01:01 timing only: agents are not emotion-scored" in text
    assert "Words could be used at 33 of 36 moments" in text
    assert "A person answered" in text
    assert "00:55 calm → hidden frustration score 0.54" in text
    assert "what if Had voice agitation stayed below 0.41" in text
    assert "do flag_for_review: listen to the last 20 seconds." in text
    assert "00:45–01:25 words calm, voice agitated: high severity, confirmed" in text
    assert "01:32 words arrived after their moment was closed" in text
    assert "Ended resolved; at its peak escalation risk 01:05; highest score 0.78" in text
    assert "not proof of a feeling" in text


def test_state_ribbon_follows_the_states() -> None:
    line = next(x for x in timeline(hidden_frustration_call(), "en").splitlines() if "▒▒" in x)
    assert re.fullmatch(r"state     ·{17}▒{3}▓{10}╲{12}={18}", line.rstrip())


def test_missing_evidence_is_never_a_low_bar() -> None:
    lines = timeline(hidden_frustration_call(), "en").splitlines()
    words = next(x for x in lines if x.startswith("words  ") and "▁" in x)
    assert words[10:12] == "╌╌"
    assert words.count("╌") == 6


@pytest.mark.parametrize("language", ["en", "zh"])
@pytest.mark.parametrize("width", [40, 80])
def test_every_line_fits(language: UiLanguage, width: int) -> None:
    for analysis in (hidden_frustration_call(language), timing_only_call(), calm_call()):
        for line in timeline(analysis, language, width).splitlines():
            assert cell_len(line) <= width


@pytest.mark.parametrize("language", ["en", "zh"])
def test_no_colour_codes_when_piped(language: UiLanguage) -> None:
    text = timeline(hidden_frustration_call(language), language)
    assert "\x1b" not in text


@pytest.mark.parametrize(
    "text",
    [
        timeline(hidden_frustration_call("zh"), "zh"),
        timeline(timing_only_call(), "zh"),
        timeline(calm_call(), "zh"),
        moment(hidden_frustration_call("zh"), 65_000, "zh"),
        moment(hidden_frustration_call("zh"), 155_000, "zh"),
    ],
)
def test_chinese_leaves_no_english(text: str) -> None:
    found = set(re.findall(r"[A-Za-z][A-Za-z_]+(?:-\w+(?:\.wav)?)?", text))
    assert found <= CONTRACT_WORDS


def test_timing_only_says_how_to_get_a_state() -> None:
    for text in (timeline(timing_only_call(), "en"), moment(timing_only_call(), 5_000)):
        assert "no state is claimed" in flat(text)
        assert "--roles customer" in flat(text)
    assert "Ended" not in timeline(timing_only_call(), "en")


def test_a_call_that_never_changes() -> None:
    text = timeline(calm_call(), "en")
    assert "The state never changed." in text
    assert "at its peak" not in text


def test_moment_shows_the_whole_basis() -> None:
    text = flat(moment(hidden_frustration_call(), 62_000))
    assert "01:05 escalation risk" in text
    assert "drift 0.54 0.30 0.16 26% base of the drift state 0.50" in text
    assert "weight of the severity 1, voice minus words 0.70" in text
    assert "conflict 0.70 0.40 0.28 45%" in text
    assert "score 0.63" in text
    assert "Whatever · suppression; For the third time · emphasis" in text
    assert "voice 00:55–01:05 pitch 4.1 semitones" in text
    assert "what if Had voice agitation" in text
    assert "calibration default-1" in text


def test_long_sentences_are_folded_never_cut() -> None:
    call = hidden_frustration_call("zh")
    decision = call.decisions[10]
    long = "很长的原因" * 40
    advice = msgspec.structs.replace(decision.recommendation, reason=LocalText(en=long, zh=long))
    decision = msgspec.structs.replace(decision, recommendation=advice)
    call = msgspec.structs.replace(call, decisions=(*call.decisions[:10], decision))
    for text in (timeline(call, "zh"), moment(call, 55_000, "zh")):
        assert long in "".join(text.split())
        assert "…" not in text


def test_many_reasons_are_cut_in_the_timeline_only() -> None:
    call = hidden_frustration_call()
    decision = call.decisions[10]
    assert decision.transition is not None
    reasons = tuple(LocalText(en=f"reason {i}", zh=f"理由 {i}") for i in range(5))
    basis = msgspec.structs.replace(decision.basis, reasons=reasons)
    transition = msgspec.structs.replace(decision.transition, basis=basis)
    decision = msgspec.structs.replace(decision, basis=basis, transition=transition)
    call = msgspec.structs.replace(call, decisions=(*call.decisions[:10], decision))
    text = timeline(call, "en")
    assert "reason 2" in text
    assert "reason 3" not in text
    assert "2 more: explain --at 00:55" in text
    assert "reason 4" in moment(call, 55_000)


def test_moment_with_a_missing_channel_says_so() -> None:
    text = flat(moment(hidden_frustration_call(), 155_000))
    assert "words negativity – nothing fresh" in text
    assert "voice negativity – too little evidence" in text
    assert "a channel is missing" in text
    assert "30% of the weights have a signal" in text


def test_moment_explains_the_floor() -> None:
    call = calm_call()
    assert call.decisions[1].basis.score.is_floor_applied
    assert "from the floor that both channels set" in flat(moment(call, 10_000))


@pytest.mark.parametrize(
    ("t_ms", "covered_by_ms"),
    [(0, 5_000), (5_000, 5_000), (5_001, 10_000), (180_000, 180_000), (999_000, 180_000)],
)
def test_the_moment_that_covers_a_time(t_ms: int, covered_by_ms: int) -> None:
    found = moment_at(hidden_frustration_call(), t_ms)
    assert found is not None
    assert found.moment.t_event_ms == covered_by_ms


def test_without_a_time_the_most_concerning_moment_is_shown() -> None:
    found = moment_at(hidden_frustration_call(), None)
    assert found is not None
    assert found.moment.t_event_ms == 65_000
    assert moment_at(timing_only_call(), None) is None


def test_foreign_text_cannot_drive_the_terminal() -> None:
    call = hidden_frustration_call()
    hostile = "\x1b]0;owned\x07[bold red]:smile:\u202e"
    decision = call.decisions[10]
    said = msgspec.structs.replace(decision.basis.words[0], quote=hostile, spans=())
    reason = LocalText(en=hostile, zh=hostile)
    basis = msgspec.structs.replace(decision.basis, words=(said,), reasons=(reason,))
    assert decision.transition is not None
    transition = msgspec.structs.replace(decision.transition, basis=basis)
    decision = msgspec.structs.replace(decision, basis=basis, transition=transition)
    call = msgspec.structs.replace(call, source=hostile, decisions=(*call.decisions[:10], decision))
    for text in (moment(call, 55_000), timeline(call, "en")):
        assert not set("\x1b\x07\u202e") & set(text)
        assert "[U+001B]]0;owned[U+0007][bold red]:smile:[U+202E]" in flat(text).replace(" ", "") \
            .replace("[bold", "[bold ")  # fmt: skip


def test_text_only_and_long_calls_render() -> None:
    assert "▒" in timeline(chat_call(("hello",)), "en")
    assert "4:00:00" in timeline(long_call(4), "zh")


def heard_by_models() -> CallAnalysis:
    """The authored call, its voice heard by two models from the third moment on."""
    call = hidden_frustration_call()
    shares = tuple(
        HeadShare(
            evidence=HeadEvidence(head=kind, model=f"{kind}@1a2b", value=0.62, weight=0.4),
            effect=effect,
        )
        for kind, effect in ((HeadKind.AROUSAL, 0.05), (HeadKind.VALENCE, -0.12))
    )
    heard = tuple(
        msgspec.structs.replace(
            d,
            moment=msgspec.structs.replace(d.moment, heads=shares),
            basis=msgspec.structs.replace(d.basis, heads=shares),
        )
        for d in call.decisions[2:]
    )
    return msgspec.structs.replace(call, decisions=(*call.decisions[:2], *heard))


def test_models_are_named_once_for_the_call_and_with_their_effect_in_each_moment() -> None:
    call = heard_by_models()
    named = "Models that heard the voice too: arousal@1a2b, valence@1a2b."
    assert flat(timeline(call, "en")).count(named) == 1
    assert "同时听取语音的模型：arousal@1a2b、valence@1a2b。" in timeline(call, "zh")
    assert "Models" not in timeline(hidden_frustration_call(), "en")
    held = next(d.moment.t_event_ms for d in call.decisions[2:] if d.transition is None)
    shown = flat(moment(call, held))
    assert "arousal reads 0.62, weight 0.40: voice negativity +0.05 (arousal@1a2b)" in shown
    assert "valence reads 0.62, weight 0.40: voice negativity -0.12 (valence@1a2b)" in shown
    assert "读数 0.62，权重 0.40：语音负面度 -0.12" in flat(moment(call, held, "zh"))
    assert "arousal" not in flat(moment(call, call.decisions[0].moment.t_event_ms))
