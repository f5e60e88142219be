import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.calibration import AmdCalibration
from subtone.contracts.vocabulary import AmdCause, AmdVerdict
from subtone.contracts.voice_intelligence import AmdResult
from subtone.kernel.voice_intelligence.amd import (
    AmdMemory,
    expire,
    hear_platform,
    hear_text,
    is_amd_listening,
    open_amd,
    step_amd,
)
from subtone.kernel.voice_intelligence.amd_hints import (
    HUMAN_PHRASES,
    HUMAN_UTTERANCES,
    MACHINE_PHRASES,
)
from subtone.kernel.voice_intelligence.tones import (
    ToneEvent,
    ToneKind,
    feed_tones,
    open_tones,
)

CALIBRATION = AmdCalibration()
START_MS = 1_000


def frames(*segments_ms: int) -> list[bool]:
    """Alternating silence and speech, silence first, in milliseconds."""
    return [i % 2 == 1 for i, ms in enumerate(segments_ms) for _ in range(ms // 10)]


def timed(
    is_speech: list[bool],
    calibration: AmdCalibration = CALIBRATION,
    tones: tuple[ToneEvent, ...] = (),
) -> tuple[AmdMemory, AmdResult | None]:
    return step_amd(open_amd("callee", START_MS), np.array(is_speech, bool), calibration, tones)


def tone(kind: ToneKind, t_start_ms: int, t_end_ms: int) -> ToneEvent:
    return ToneEvent(kind, t_start_ms, t_end_ms, 1000.0, t_end_ms + 120)


def outcome(result: AmdResult | None) -> tuple[AmdVerdict, AmdCause, int]:
    assert result is not None
    return result.verdict, result.cause, result.t_event_ms


@pytest.mark.parametrize(
    ("segments_ms", "calibration", "verdict", "cause", "decided_ms", "facts"),
    [
        # facts: initial silence, greeting, words
        ([9000], {}, "machine", "initial_silence", 2500, (2500, 0, 0)),
        ([400, 500, 9000], {}, "human", "human_pause", 1700, (400, 500, 1)),
        ([0, 300, 200, 300, 9000], {}, "human", "human_pause", 1600, (0, 600, 2)),
        ([300, 9000], {}, "machine", "long_greeting", 1800, (300, 1500, 1)),
        ([0, 300, 60, 300, 60, 300], {}, "machine", "max_words", 820, (0, 700, 3)),
        ([0, 700], {"max_word_ms": 600}, "machine", "long_word", 600, (0, 600, 1)),
        ([2400, 300, 700, 1100, 790], {}, "unknown", "too_long", 5000, (2400, 1400, 2)),
    ],
)
def test_every_timing_cause(
    segments_ms: list[int],
    calibration: dict[str, int],
    verdict: str,
    cause: str,
    decided_ms: int,
    facts: tuple[int, int, int],
) -> None:
    _, result = timed(frames(*segments_ms), AmdCalibration(**calibration))
    assert outcome(result) == (verdict, cause, START_MS + decided_ms)
    assert result is not None
    assert (result.initial_silence_ms, result.greeting_ms, result.word_count) == facts
    assert result.beep_ms is None
    assert result.hint == ""


HELLO = frames(0, 500, 900)  # a person, by timing
GREETING = frames(300, 1_600)  # a machine, by timing


@pytest.mark.parametrize(
    ("heard", "said", "told", "expected"),
    [
        ([], "", "human", ("human", "twilio")),
        ([], "", "machine", ("machine", "twilio")),
        ([], "", "fax", ("fax", "twilio")),
        ([], "", "unknown", ("unknown", "twilio")),
        (HELLO, "", "machine", ("machine", "twilio")),
        (GREETING, "", "human", ("human", "twilio")),
        (HELLO, "", "unknown", ("human", "human_pause")),
        (HELLO, "Who is this?", "machine", ("human", "text_hint")),
        (GREETING, "Please leave a message after the tone.", "human", ("machine", "text_hint")),
    ],
)
def test_the_platforms_detection_counts_more_than_timing_and_less_than_words(
    heard: list[bool], said: str, told: str, expected: tuple[str, str]
) -> None:
    memory, standing = timed(heard) if heard else (open_amd("callee", START_MS), None)
    if said:
        memory, amended = hear_text(memory, START_MS + 2_000, said, CALIBRATION)
        standing = amended or standing
    verdict = AmdVerdict(told)
    memory, result = hear_platform(memory, START_MS + 40_000, verdict, f"{told}_word")
    stands = result or standing
    assert stands is not None
    assert (stands.verdict, stands.cause) == expected
    is_taken = expected[1] == "twilio"
    assert (result is not None) is is_taken
    if result is not None:
        assert (result.t_event_ms, result.hint) == (START_MS + 40_000, f"{told}_word")
        assert (result.confidence > 0.0) is (told != "unknown")
    assert hear_platform(memory, START_MS + 41_000, verdict, told)[1] is None  # sent again


def test_short_sounds_are_noise_and_short_gaps_are_none() -> None:
    clicks = [False, *[True] * 9, *[False] * 5] * 20
    memory, _ = timed(clicks)
    assert (memory.word_count, memory.greeting_ms) == (0, 0)
    bridged = frames(0, 200, 40, 200, 40, 200)
    memory, result = timed(bridged)
    assert result is None
    assert (memory.word_count, memory.greeting_ms) == (1, 600)


def test_nothing_is_decided_one_frame_early() -> None:
    for segments_ms in ([2490], [0, 500, 790], [0, 1490], [0, 300, 60, 300, 60, 90]):
        assert timed(frames(*segments_ms))[1] is None, segments_ms


def test_no_audio_and_stalled_audio_are_unknown_never_machine() -> None:
    memory, result = expire(open_amd("callee", START_MS), START_MS + 4_999, CALIBRATION)
    assert result is None
    memory, result = expire(memory, START_MS + 5_000, CALIBRATION)
    assert outcome(result) == (AmdVerdict.UNKNOWN, AmdCause.NO_AUDIO, START_MS + 5_000)
    assert result is not None
    assert result.confidence == 0.0
    assert expire(memory, START_MS + 6_000, CALIBRATION) == (memory, None)

    memory, _ = timed(frames(0, 300))
    memory, result = expire(memory, START_MS + 5_500, CALIBRATION)
    assert outcome(result) == (AmdVerdict.UNKNOWN, AmdCause.TOO_LONG, START_MS + 5_500)


@pytest.mark.parametrize(
    ("kind", "verdict", "cause"),
    [
        (ToneKind.BEEP, AmdVerdict.MACHINE, AmdCause.BEEP),
        (ToneKind.SIT, AmdVerdict.MACHINE, AmdCause.SIT_TONES),
        (ToneKind.FAX_CNG, AmdVerdict.FAX, AmdCause.FAX_TONE),
        (ToneKind.FAX_CED, AmdVerdict.FAX, AmdCause.FAX_TONE),
    ],
)
def test_tones_decide_at_once(kind: ToneKind, verdict: AmdVerdict, cause: AmdCause) -> None:
    _, result = timed([False] * 100, tones=(tone(kind, START_MS + 200, START_MS + 600),))
    assert outcome(result) == (verdict, cause, START_MS + 720)
    assert result is not None
    assert result.beep_ms == (START_MS + 600 if kind is ToneKind.BEEP else None)


def test_a_tone_waits_for_the_frame_that_knows_it() -> None:
    beep = tone(ToneKind.BEEP, START_MS + 200, START_MS + 600)
    memory, result = timed([False] * 71, tones=(beep,))
    assert result is None
    _, result = step_amd(memory, np.zeros(1, bool), CALIBRATION)
    assert outcome(result) == (AmdVerdict.MACHINE, AmdCause.BEEP, START_MS + 720)


def test_a_late_tone_may_come_without_frames() -> None:
    memory, _ = timed([False] * 100)
    beep = tone(ToneKind.BEEP, START_MS + 200, START_MS + 600)
    _, result = step_amd(memory, np.zeros(0, bool), CALIBRATION, (beep,))
    assert outcome(result) == (AmdVerdict.MACHINE, AmdCause.BEEP, START_MS + 720)


def test_the_beep_after_a_machine_verdict_says_where_the_message_starts() -> None:
    memory, first = timed(frames(300, 3000))
    assert outcome(first)[1] is AmdCause.LONG_GREETING
    beep = tone(ToneKind.BEEP, START_MS + 9_000, START_MS + 9_400)
    memory, amended = step_amd(memory, np.zeros(700, bool), CALIBRATION, (beep,))
    assert outcome(amended) == (AmdVerdict.MACHINE, AmdCause.BEEP, START_MS + 9_520)
    assert amended is not None
    assert amended.beep_ms == START_MS + 9_400
    second = tone(ToneKind.BEEP, START_MS + 11_000, START_MS + 11_400)
    _, again = step_amd(memory, np.zeros(200, bool), CALIBRATION, (second,))
    assert again is None


def test_a_pausing_voicemail_is_amended_by_the_beep() -> None:
    """Short greeting, pause, then the rest: human to every timing rule, until the beep."""
    memory, first = timed(frames(200, 400, 900))
    assert outcome(first) == (AmdVerdict.HUMAN, AmdCause.HUMAN_PAUSE, START_MS + 1_400)
    beep = tone(ToneKind.BEEP, START_MS + 7_000, START_MS + 7_300)
    _, amended = step_amd(memory, np.ones(700, bool), CALIBRATION, (beep,))
    assert outcome(amended) == (AmdVerdict.MACHINE, AmdCause.BEEP, START_MS + 7_420)


def test_a_pausing_voicemail_is_amended_by_its_words() -> None:
    memory, _ = timed(frames(200, 400, 900))
    memory, amended = hear_text(memory, START_MS + 3_000, "Hi, you've reached Ann.", CALIBRATION)
    assert outcome(amended) == (AmdVerdict.MACHINE, AmdCause.TEXT_HINT, START_MS + 3_000)
    assert amended is not None
    assert amended.hint == "you've reached"
    beep = tone(ToneKind.BEEP, START_MS + 7_000, START_MS + 7_300)
    memory, final = step_amd(memory, np.zeros(700, bool), CALIBRATION, (beep,))
    assert final is not None
    assert (final.cause, final.beep_ms, final.hint) == (
        AmdCause.BEEP,
        START_MS + 7_300,
        "you've reached",
    )
    assert final.confidence == 0.95
    assert hear_text(memory, START_MS + 8_000, "who's this?", CALIBRATION)[1] is None


def test_evidence_after_the_deadline_changes_nothing() -> None:
    memory, _ = timed(frames(200, 400, 900))
    late_ms = START_MS + CALIBRATION.tone_deadline_ms + 10
    assert hear_text(memory, late_ms, "leave a message", CALIBRATION) == (memory, None)
    beep = tone(ToneKind.BEEP, late_ms - 300, late_ms)
    _, result = step_amd(memory, np.zeros(3_200, bool), CALIBRATION, (beep,))
    assert result is None
    assert is_amd_listening(memory, late_ms - 10, CALIBRATION)
    assert not is_amd_listening(memory, late_ms, CALIBRATION)


def test_a_persons_words_outrank_timing_and_beep_but_not_a_machines_words() -> None:
    memory, machine = timed(frames(300, 3000))
    assert outcome(machine)[0] is AmdVerdict.MACHINE
    memory, human = hear_text(memory, START_MS + 3_500, "Sorry, who's this?", CALIBRATION)
    assert outcome(human) == (AmdVerdict.HUMAN, AmdCause.TEXT_HINT, START_MS + 3_500)
    recorder = tone(ToneKind.BEEP, START_MS + 3_400, START_MS + 3_600)
    memory, beep = step_amd(memory, np.zeros(100, bool), CALIBRATION, (recorder,))
    assert beep is None
    memory, prank = hear_text(memory, START_MS + 6_000, "Leave a message!", CALIBRATION)
    assert outcome(prank)[0] is AmdVerdict.MACHINE
    assert hear_text(memory, START_MS + 7_000, "hello?", CALIBRATION)[1] is None


@pytest.mark.parametrize(
    ("text", "verdict", "hint"),
    [
        ("Please leave a message after the tone.", "machine", "leave a message"),
        ("YOU’VE REACHED the Smiths", "machine", "you've reached"),
        ("The subscriber is not available", "machine", "is not available"),
        ("请在滴声后留言", "machine", "滴声后"),
        ("请 在 滴 声 后 留 言。", "machine", "滴声后"),
        ("对不起,您拨打的电话暂时无法接通,请稍后再拨。", "machine", "您拨打的电话"),
        ("您撥打的電話無法接通", "machine", "您撥打的電話"),
        ("这里是voice mailbox请留言", "machine", "voice mailbox"),
        ("Hello?", "human", "hello"),
        ("喂?", "human", "喂"),
        ("喂,你好!", "human", "喂你好"),
        ("who's this", "human", "who's this"),
        ("喂 请问你是哪位", "human", "你是哪位"),
        ("He is not available, can I take a message?", "human", "can i take a message"),
        ("Would you like to leave a message?", "human", "would you like to leave a message"),
        ("She is not available. Leave your name after the beep.", "machine", "leave your name"),
        ("hello this is Ann", None, ""),
        ("unleave a messages", None, ""),
        ("今天天气很好", None, ""),
        ("", None, ""),
    ],
)
def test_hints(text: str, verdict: str | None, hint: str) -> None:
    _, result = hear_text(open_amd("callee", START_MS), START_MS + 900, text, CALIBRATION)
    if verdict is None:
        assert result is None
        return
    assert result is not None
    assert (result.verdict, result.cause, result.hint) == (verdict, AmdCause.TEXT_HINT, hint)


@pytest.mark.parametrize("parts", [("请在滴", "声后留言"), ("please leave a", "message")])
def test_a_phrase_may_be_cut_between_segments(parts: tuple[str, str]) -> None:
    memory, result = hear_text(open_amd("callee", 0), 800, parts[0], CALIBRATION)
    assert result is None
    _, result = hear_text(memory, 1_600, parts[1], CALIBRATION)
    assert outcome(result)[0] is AmdVerdict.MACHINE


@pytest.mark.parametrize("phrase", MACHINE_PHRASES)
def test_every_machine_phrase_is_heard(phrase: str) -> None:
    _, result = hear_text(open_amd("callee", 0), 900, f"Well, {phrase.upper()}, ok", CALIBRATION)
    assert outcome(result)[0] is AmdVerdict.MACHINE


@pytest.mark.parametrize("phrase", [*HUMAN_PHRASES, *HUMAN_UTTERANCES])
def test_every_human_phrase_is_heard(phrase: str) -> None:
    _, result = hear_text(open_amd("callee", 0), 900, f"{phrase}?", CALIBRATION)
    assert outcome(result)[0] is AmdVerdict.HUMAN


def test_remembered_text_is_bounded() -> None:
    memory = open_amd("callee", 0)
    for _ in range(50):
        memory, _ = hear_text(memory, 900, "天气 fine " * 20, CALIBRATION)
    assert len(memory.heard_text) <= 120


def test_tones_and_timing_meet_on_one_clock() -> None:
    """A voicemail as samples: greeting, beep, silence."""
    rate_hz = 8000
    t = np.arange(rate_hz * 400 // 1000) / rate_hz
    beep = 0.2 * np.sin(2 * math.pi * 1000 * t)
    samples = np.concatenate([np.zeros(rate_hz), beep, np.zeros(rate_hz // 2)]).astype(np.float32)
    _, events = feed_tones(open_tones(rate_hz, START_MS), samples)
    _, result = timed(frames(0, 900, 1_000), tones=events)
    assert result is not None
    assert result.cause is AmdCause.BEEP
    assert result.beep_ms is not None
    assert abs(result.beep_ms - (START_MS + 1_400)) <= 10


SEGMENTS = st.lists(st.integers(0, 150), min_size=1, max_size=12)
TONES = st.lists(
    st.builds(
        lambda kind, start, length: tone(kind, START_MS + start, START_MS + start + length),
        st.sampled_from(ToneKind),
        st.integers(0, 6_000),
        st.integers(110, 900),
    ),
    max_size=3,
)


@settings(max_examples=150, deadline=None)
@given(SEGMENTS, TONES, st.lists(st.integers(0, 900), max_size=20))
def test_chunking_changes_nothing(
    segments: list[int], tones: list[ToneEvent], cuts: list[int]
) -> None:
    is_speech = np.array(frames(*(10 * n for n in segments), 1_500), bool)
    end_ms = START_MS + 10 * len(is_speech)
    known = sorted((t for t in tones if t.t_known_ms <= end_ms), key=lambda t: t.t_known_ms)
    whole, _ = step_amd(open_amd("callee", START_MS), is_speech, CALIBRATION, known)
    memory, last = open_amd("callee", START_MS), None
    for part in np.split(is_speech, sorted(min(c, len(is_speech)) for c in cuts)):
        until_ms = START_MS + memory.heard_ms + 10 * len(part)
        due = [t for t in known if t.t_known_ms <= until_ms]
        known = known[len(due) :]
        memory, result = step_amd(memory, part, CALIBRATION, due)
        last = result or last
    assert memory == whole
    assert last == whole.result


@settings(max_examples=100, deadline=None)
@given(SEGMENTS)
def test_a_verdict_always_comes_by_the_deadline_and_a_pause_is_never_a_machine(
    segments: list[int],
) -> None:
    is_speech = frames(*(10 * n for n in segments), 6_000)
    _, result = timed(is_speech)
    assert result is not None
    assert result.t_event_ms <= START_MS + CALIBRATION.total_ms
    if result.verdict is AmdVerdict.MACHINE:
        has_rule = (
            result.word_count > CALIBRATION.max_words
            or result.greeting_ms >= CALIBRATION.greeting_ms
            or (result.word_count == 0 and result.initial_silence_ms >= 2_500)
        )
        assert has_rule


def test_wrong_input_is_refused() -> None:
    memory = open_amd("callee", 0)
    with pytest.raises(ValueError, match="1-D bool"):
        step_amd(memory, np.zeros((2, 2), bool), CALIBRATION)
