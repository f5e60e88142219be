"""The pages say what the code does: options, parameters, links, and what a run prints.

Stretches between ``<!-- name:begin -->`` and ``<!-- name:end -->`` are what a run of today
gives. ``SUBTONE_UPDATE_DOCS=1 pytest tests/house/test_docs.py`` writes them anew.
"""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path

import click
import msgspec
import numpy as np
import pytest
from rich.console import Console

from subtone.cli import main
from subtone.contracts.analysis import CallAnalysis
from subtone.contracts.calibration import Calibration, FeaturePrior, FeatureWeight
from subtone.contracts.inbound import AudioChunk, InboundEvent
from subtone.contracts.outputs import AnalysedTurn, Decision
from subtone.contracts.vocabulary import Role
from subtone.ingest.files import call_events, read_transcript
from subtone.kernel.voice_intelligence.acoustics import (
    Frames,
    concat,
    decode_payload,
    feed_samples,
    flush,
    open_track,
)
from subtone.runtime.analysis import analyse_files
from subtone.runtime.demo import LiveItem, own_server, play_live
from subtone.surfaces.report.words import UiLanguage
from subtone.surfaces.terminal import render_timeline
from subtone.surfaces.terminal_live import render_live

ROOT = Path(__file__).resolve().parents[2]
CALLS = ROOT / "examples" / "calls"
AUDIO = CALLS / "hidden_frustration.en.flac"
TEXT = CALLS / "hidden_frustration.en.jsonl"
ROLES = [Role.AGENT, Role.CUSTOMER]

README, README_ZH = ROOT / "README.md", ROOT / "README.zh.md"
LIFE = ROOT / "docs" / "life-of-a-second.md"
SIGNALS = ROOT / "docs" / "signals.md"
PAGES = [README, README_ZH, ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").glob("*.md"))]

_ROW = re.compile(r"^\| `([a-z_0-9.]+)` \| (.*) \|$", re.MULTILINE)
_LINK = re.compile(r"\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```(\w*)\n.*?^```$", re.MULTILINE | re.DOTALL)


def prose(page: Path) -> str:
    return _FENCE.sub("", page.read_text("utf-8"))


# --- parameters, options, links ------------------------------------------------------------


def parameters(value: msgspec.Struct, path: str = "") -> Iterator[tuple[str, object]]:
    """Every leaf of a calibration with its dotted path; the priors by feature."""
    for field in value.__struct_fields__:
        item = getattr(value, field)
        if isinstance(item, msgspec.Struct):
            yield from parameters(item, f"{path}{field}.")
        elif isinstance(item, tuple):
            for part in item:
                if isinstance(part, FeatureWeight):
                    yield f"{path}{field}.{part.feature}", part.weight
                    continue
                assert isinstance(part, FeaturePrior)
                yield f"{path}{field}.{part.feature}", (part.mean, part.sd, part.sd_floor)
        else:
            yield f"{path}{field}", item


def documented() -> dict[str, list[str]]:
    rows = _ROW.findall(SIGNALS.read_text("utf-8"))
    return {name: [cell.strip() for cell in cells.split(" | ")] for name, cells in rows}


@pytest.mark.parametrize(("name", "value"), [*parameters(Calibration())])
def test_signals_page_states_each_parameter_as_it_is(name: str, value: object) -> None:
    stated = documented()
    assert name in stated, f"docs/signals.md does not explain {name}"
    if isinstance(value, tuple):
        assert [float(cell) for cell in stated[name][:3]] == list(value)
    elif isinstance(value, str):
        assert stated[name][0] == value
    else:
        assert isinstance(value, int | float)
        assert float(stated[name][0]) == value


def test_signals_page_states_no_parameter_that_is_gone() -> None:
    groups = {name.split(".")[0] for name, _ in parameters(Calibration())}
    stated = {name for name in documented() if name.split(".")[0] in groups and "." in name}
    assert stated <= {name for name, _ in parameters(Calibration())}


def options() -> Iterator[tuple[str, str]]:
    assert isinstance(main, click.Group)
    for name, command in main.commands.items():
        yield name, name
        for parameter in command.params:
            if isinstance(parameter, click.Option):
                yield from ((name, option) for option in parameter.opts)


@pytest.mark.parametrize("page", [README, README_ZH], ids=lambda page: page.name)
@pytest.mark.parametrize(("command", "option"), [*options()])
def test_readmes_name_every_command_and_option(page: Path, command: str, option: str) -> None:
    assert re.search(rf"{re.escape(option)}(?![\w-])", page.read_text("utf-8")), command


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_relative_links_resolve(page: Path) -> None:
    for target in _LINK.findall(prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        place = page.parent / path if path else page
        assert place.exists(), target
        assert not anchor or anchor in anchors(place), target


def anchors(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose(page), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_name_only_what_the_code_has(page: Path) -> None:
    code = "\n".join(source.read_text("utf-8") for source in sorted((ROOT / "src").rglob("*.py")))
    for name in re.findall(r"`(\w+(?:\.\w+)*)`", prose(page)):
        last = name.split(".")[-1]
        if "_" in last:
            assert re.search(rf"\b{last}\b", code), f"{page.name} names {name}"


def test_both_readmes_have_the_same_parts() -> None:
    def outline(page: Path) -> list[int]:
        return [len(mark) for mark in re.findall(r"^(#+) ", prose(page), re.MULTILINE)]

    def fences(page: Path) -> list[str]:
        text = page.read_text("utf-8")
        for name in ("demo", "live"):  # each in its own language
            shown = re.search(f"<!-- {name}:begin -->.*<!-- {name}:end -->", text, re.DOTALL)
            assert shown
            text = text.replace(shown.group(), "")
        return [match.group() for match in _FENCE.finditer(text)]

    assert outline(README) == outline(README_ZH)
    assert fences(README) == fences(README_ZH)


# --- what a run prints ---------------------------------------------------------------------


@cache
def analysis() -> CallAnalysis:
    return analyse_files(AUDIO, TEXT, ROLES)


def deciding() -> Decision:
    """The moment at which the state first changed."""
    return next(d for d in analysis().decisions if d.transition is not None)


def said_before() -> AnalysedTurn:
    """The last turn of the customer before it."""
    end_ms = deciding().moment.t_event_ms
    return [t for t in analysis().turns if t.scored and t.turn.t_end_ms <= end_ms][-1]


def demo_excerpt(language: UiLanguage) -> str:
    """What `subtone demo` prints of the recording, up to the advice of the first change."""
    console = Console(file=io.StringIO(), width=80)
    render_timeline(console, analysis(), language)
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    end = next(i for i, line in enumerate(lines) if re.match(r"\s*(do|建议) ", line))
    return "```text\n" + "\n".join([*lines[:end], "    …"]) + "\n```"


@cache
def told_live() -> tuple[LiveItem, ...]:
    """What a server says of the sample call, by the time at which it could."""
    told: list[LiveItem] = []
    with own_server() as server:
        play_live(server, AUDIO, TEXT, ROLES, 100.0, told.append)

    def known_ms(item: LiveItem) -> int:
        if isinstance(item, AnalysedTurn):
            return item.turn.t_end_ms
        return item.moment.t_event_ms + Calibration().alignment.watermark_ms

    return tuple(sorted(told, key=known_ms))


def live_excerpt(language: UiLanguage) -> str:
    """What `subtone demo` prints of the server from 0:50 up to the first change."""
    console = Console(file=io.StringIO(), width=80)
    for item in told_live():
        at_ms = (item.turn if isinstance(item, AnalysedTurn) else item.moment).t_event_ms
        if 50_000 <= at_ms <= deciding().moment.t_event_ms:
            render_live(console, item, language)
    assert isinstance(console.file, io.StringIO)
    lines = [line.rstrip() for line in console.file.getvalue().splitlines()]
    return "```text\n" + "\n".join(lines) + "\n```"


def customer_frames() -> Frames:
    """Every 10 ms of the customer's track, as the kernel hears it."""
    state = open_track(8_000, 0)
    parts: list[Frames | None] = []
    for event in events():
        if isinstance(event, AudioChunk) and event.track_id == "customer":
            samples = decode_payload(event.encoding, event.payload)
            state, frames = feed_samples(state, samples)
            parts.append(frames)
    state, frames = flush(state)
    return concat(*(part for part in (*parts, frames) if part is not None))


def events() -> Iterator[InboundEvent]:
    transcript = read_transcript(TEXT, None)
    return call_events(AUDIO, ROLES, transcript, call_id="life", chunk_ms=2_000)


def life_of_a_second() -> str:
    """Every number that page follows, as a table."""
    turn = said_before()
    start_ms = -(-turn.turn.t_event_ms // 1000) * 1000
    frames = customer_frames().between(start_ms, start_ms + 1000)
    voiced = frames.f0_hz > 0.0
    d = deciding()
    m, score = d.moment, d.snapshot.score
    before = analysis().decisions[m.index - 1].moment
    assert m.features is not None
    assert m.voice is not None
    assert m.text is not None
    assert d.conflict.conflict is not None
    assert d.conflict.since_ms is not None
    assert turn.scored is not None
    z = {deviation.feature.value: deviation.z for deviation in m.voice.deviations}
    f, v, text = m.features, m.voice, turn.scored.scores
    spans = "; ".join(f"“{s.text}” {s.rule}, {s.contribution:.2f}" for s in text.spans)
    terms = " + ".join(f"{c.signal} {c.contribution:.3f}" for c in score.contributors)
    what_ifs = "; ".join(
        f"{c.channel} {c.dimension} ≤ {c.stayed_below:.2f} (was {c.observed:.2f})"
        for c in d.basis.counterfactuals
    )
    rows = [
        ("the second", f"{start_ms} to {start_ms + 1000} ms"),
        ("the turn", f"“{turn.turn.text}”, {turn.turn.t_event_ms} to {turn.turn.t_end_ms} ms"),
        (
            "frames, of them speech and voiced",
            f"{frames.n}, {sum(frames.is_speech)}, {sum(voiced)}",
        ),
        ("mean pitch of the voiced frames", f"{np.mean(frames.f0_hz[voiced]):.0f} Hz"),
        ("mean level of the speech frames", f"{np.mean(frames.level_db[frames.is_speech]):.1f} dB"),
        ("mean alpha ratio of the voiced frames", f"{np.mean(frames.tilt_db[voiced]):+.1f} dB"),
        ("syllable nuclei", f"{sum(frames.is_nucleus)}"),
        ("spans of the turn", spans),
        (
            "frustration, confusion, urgency, calm of the turn",
            f"{text.frustration:.2f}, {text.confusion:.2f}, {text.urgency:.2f}, {text.calm:.2f}",
        ),
        ("is the turn suppressed", f"{text.is_suppressed}".lower()),
        ("deciding moment", f"{m.t_event_ms} ms"),
        ("voice window", f"{v.t_start_ms} to {v.t_event_ms} ms"),
        ("voiced and speech time in it", f"{f.voiced_ms} and {f.speech_ms} ms"),
        ("mean pitch in it", f"{f.pitch_mean_hz:.1f} Hz = {f.pitch_mean_semitones:.2f} semitones"),
        ("SNR", f"{f.snr_db:.1f} dB"),
        (
            "z of median pitch, flux, peak energy, bright tilt",
            _listed(z, "f0_median_semitones", "spectral_flux", "energy_p95_db", "tilt_p80_db"),
        ),
        ("z of speaking rate", _listed(z, "speaking_rate_hz")),
        (
            "agitation, stress, hesitation, calm",
            f"{v.agitation:.3f}, {v.stress:.3f}, {v.hesitation:.3f}, {v.calm:.3f}",
        ),
        ("confidence", f"{v.confidence:.2f}"),
        ("valence evidence", f"{m.valence_evidence:.2f}"),
        ("voice negativity, raw", f"{m.voice_negativity_raw:.3f}"),
        ("voice negativity a moment earlier, smoothed", f"{before.voice_negativity:.3f}"),
        ("voice negativity, smoothed", f"{m.voice_negativity:.3f}"),
        (
            "text negativity, raw and smoothed",
            f"{m.text_negativity_raw:.3f}, {m.text_negativity:.3f}",
        ),
        ("gap and region", f"{d.drift.gap:+.3f}, {d.drift.region}"),
        ("drift", f"{d.drift.from_state} to {d.drift.state}, edge {d.drift.edge}"),
        ("conflict", f"{d.conflict.conflict.type}, {d.conflict.conflict.severity}"),
        (
            "masking confirmed, since",
            f"{d.conflict.is_masking_confirmed}".lower() + f", {d.conflict.since_ms} ms",
        ),
        ("score", f"{terms} = {score.score:.3f}"),
        ("floor", f"{score.floor:.3f}"),
        ("session", f"{analysis().decisions[m.index - 1].snapshot.state} to {d.snapshot.state}"),
        ("what if", what_ifs),
        ("advice", d.recommendation.action.value),
    ]
    return "| quantity | value |\n| --- | --- |\n" + "\n".join(f"| {n} | {v} |" for n, v in rows)


def _listed(z: dict[str, float], *names: str) -> str:
    return ", ".join(f"{z[name]:+.2f}" for name in names)


PRINTED: list[tuple[Path, str, Callable[[], str]]] = [
    (README, "demo", lambda: demo_excerpt("en")),
    (README_ZH, "demo", lambda: demo_excerpt("zh")),
    (README, "live", lambda: live_excerpt("en")),
    (README_ZH, "live", lambda: live_excerpt("zh")),
    (LIFE, "second", life_of_a_second),
]


@pytest.mark.parametrize(
    ("page", "name", "printed"), PRINTED, ids=["en", "zh", "live-en", "live-zh", "second"]
)
def test_pages_show_what_a_run_prints(page: Path, name: str, printed: Callable[[], str]) -> None:
    before, begin, rest = page.read_text("utf-8").partition(f"<!-- {name}:begin -->\n")
    shown, end, after = rest.partition(f"\n<!-- {name}:end -->")
    assert begin, f"{page.name} has no block {name}"
    assert end, f"block {name} of {page.name} has no end"
    if os.environ.get("SUBTONE_UPDATE_DOCS") == "1":
        page.write_text(before + begin + printed() + end + after, "utf-8")
        return
    assert shown == printed(), "SUBTONE_UPDATE_DOCS=1 writes it anew"
