"""Transcript formats: what is accepted, and refusals that name the place but no word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.base import MAX_CALL_MS
from subtone.contracts.vocabulary import Role
from subtone.contracts.voice_intelligence import Word
from subtone.ingest.errors import IngestError
from subtone.ingest.files import read_transcript, role_of
from subtone.ingest.files.formats.turns import MAX_TURNS, Transcript, split_label
from subtone.ingest.files.transcripts import MAX_LINE_CHARS, parse_transcript

SECRET = "secretword"


def parse(text: str | bytes, audio_duration_ms: int | None = None) -> Transcript:
    data = text.encode() if isinstance(text, str) else text
    return parse_transcript("call.txt", data, audio_duration_ms)


def said(text: str | bytes) -> list[tuple[int, int | None, str, str]]:
    turns = parse(text).turns
    return [(turn.t_event_ms, turn.t_end_ms, turn.role.value, turn.text) for turn in turns]


def refusal_of(text: str | bytes, audio_duration_ms: int | None = None) -> str:
    with pytest.raises(IngestError) as refusal:
        parse(text, audio_duration_ms)
    message = str(refusal.value)
    assert SECRET not in message
    assert message.startswith("call.txt: ")
    assert "\n" not in message
    return message


def record(**values: object) -> str:
    return json.dumps({"t_ms": 0, "role": "agent", "text": SECRET, **values})


@pytest.mark.parametrize("label", ["Customer", " caller ", "CLIENT", "user 2", "顾客", "客户1"])
def test_customer_words(label: str) -> None:
    assert role_of(label) is Role.CUSTOMER


@pytest.mark.parametrize(
    "label", ["AGENT", "representative", "support_1", "Advisor", "坐席", "客服"]
)
def test_agent_words(label: str) -> None:
    assert role_of(label) is Role.AGENT


@pytest.mark.parametrize(
    "label", ["", "Mary", "customer service", "spk_0", "agents", "7", "用户们"]
)
def test_everything_else_is_nobody(label: str) -> None:
    assert role_of(label) is Role.UNKNOWN


def test_only_a_role_is_taken_off_the_text() -> None:
    assert split_label("客服： 您好") == (Role.AGENT, "您好")
    assert split_label("Caller 2: yes: no") == (Role.CUSTOMER, "yes: no")
    assert split_label("Note: at 10:30") == (Role.UNKNOWN, "Note: at 10:30")


# --- JSON Lines ----------------------------------------------------------------------------


def test_jsonl_words_widen_their_turn() -> None:
    words = [
        {"t_ms": 900, "end_ms": 1500, "text": "it"},
        {"t_ms": 1500, "end_ms": 2600, "text": "is"},
    ]
    line = json.dumps({"t_ms": 1000, "role": "user", "text": "it is", "words": words, "mood": 1})
    (turn,) = parse(line).turns
    assert (turn.t_event_ms, turn.t_end_ms, turn.role) == (900, 2600, Role.CUSTOMER)
    assert turn.words[1] == Word(t_event_ms=1500, t_end_ms=2600, text="is")


def test_jsonl_takes_blank_lines_and_odd_line_ends() -> None:
    text = "\ufeff\n{}\r\n\r{}\u2028".format(record(text="a\u2028b"), record(t_ms=5, text="c"))
    with pytest.raises(IngestError, match="line 4"):
        parse(text)  # U+2028 ends no line, so it trails the JSON
    assert [turn[3] for turn in said(text[:-1])] == ["a\u2028b", "c"]


@pytest.mark.parametrize(
    "line",
    [
        record(t_ms=-1),
        record(t_ms=1.5),
        record(t_ms="5"),
        record(t_ms=True),
        record(t_ms=float("nan")),
        record(t_ms=float("inf")),
        record(t_ms=10, end_ms=9),
        record(t_ms=MAX_CALL_MS + 1),
        record(t_ms=1_700_000_000_000),
        record(t_ms=10**400),
        record(role=None),
        record(text=[SECRET]),
        record(text="x" * 20_001),
        record(words=[{"t_ms": 5, "end_ms": 4, "text": SECRET}]),
        record(words=[{"t_ms": -5, "end_ms": 4, "text": SECRET}]),
        record(words=[{"t_ms": 5}]),
        '{"t_ms": 0, "role": "agent"}',
        '{"t_ms": 0, "role": "agent", "text": "' + SECRET,
        '{"t_ms": 0, "role": "agent", "text": "\\ud800"}',
        '{"a": ' + "[" * 50_000,
        f"[{record()}]",
        "null",
    ],
)
def test_a_bad_jsonl_line_is_named(line: str) -> None:
    assert "line 3" in refusal_of(f"{record(text='one')}\n\n{line}\n{record()}")


# --- CSV -----------------------------------------------------------------------------------


def test_csv_columns_in_any_order_and_quoted_lines() -> None:
    text = 'role,Text,extra,t_ms\r\nagent,"a, ""b""\r\nc",x,5\r\n\r\n客户,d,,7.0\r\n'
    assert said(text) == [(5, None, "agent", 'a, "b"\nc'), (7, None, "customer", "d")]


@pytest.mark.parametrize(
    ("row", "cause"),
    [
        ("nan,1,agent,x", "t_ms"),
        ("1,inf,agent,x", "end_ms"),
        ("1.5,2,agent,x", "t_ms"),
        ("-4,2,agent,x", "negative"),
        ("5,2,agent,x", "before the start"),
        ("5,6,agent", "3 cells"),
        (f"5,6,agent,{SECRET},more", "5 cells"),
        (f'5,6,agent,"{SECRET}', "not CSV"),
        (f"5,6,agent,{'x' * 200_000}", "not CSV"),
        (f"5,6,agent,{'x' * 20_001}", "20001 characters"),
    ],
)
def test_a_bad_csv_row_is_named(row: str, cause: str) -> None:
    message = refusal_of(f"t_ms,end_ms,role,text\n0,1,agent,one\n{row}\n")
    assert "line 3" in message
    assert cause in message


def test_an_unclear_csv_header_is_refused() -> None:
    assert "header" in refusal_of("t_ms,role,text,role\n0,agent,one,x\n")
    assert "header" in refusal_of('t_ms,role,text"\n0,agent,one\n')


# --- WebVTT and SubRip ---------------------------------------------------------------------


def test_vtt_voices_tags_and_entities() -> None:
    text = (
        "WEBVTT\nKind: captions\n\nREGION\nid:a\n\n"
        "00:01.000 --> 00:02.000\n<v Agent>One <c.loud>two</c> &amp; <00:01.500>three</v>\n\n"
        "100:00:01.000 --> 100:00:02.000 line:0\n<v Agent>Yes?\n<v Customer>I <3 it\n\n"
        "00:03.000 --> 00:04.000\n<v Mary>Hi\n"
    )
    hour_100 = 100 * 3_600_000
    assert said(text) == [
        (1000, 2000, "agent", "One two & three"),
        (3000, 4000, "unknown", "Hi"),
        (hour_100 + 1000, hour_100 + 2000, "agent", "Yes?"),
        (hour_100 + 1000, hour_100 + 2000, "customer", "I <3 it"),
    ]


def test_srt_prefixes_two_speakers_and_missing_numbers() -> None:
    text = (
        "\n00:00:01,000 --> 00:00:02,000\n客户：<i>没事</i>\n\n\n"
        "7\n0:00:03,000 --> 0:00:04,500 X1:1 X2:2\n{\\an8}Agent: Yes,\n"
        "of course\nCustomer: Thanks\n"
    )
    assert said(text) == [
        (1000, 2000, "customer", "没事"),
        (3000, 4500, "agent", "Yes, of course"),
        (3000, 4500, "customer", "Thanks"),
    ]


@pytest.mark.parametrize(
    ("block", "cause"),
    [
        ("2\n00:00:01,000 --> soon\nx", "line 6: the times cannot be read"),
        ("2\n00:00:01 --> 00:00:02\nx", "line 6: the times cannot be read"),
        ("2\n00:00:03,000 --> 00:00:02,000\nx", "line 6: the end (2000 ms) is before"),
        ("2\n00:00:03,000 --> -00:00:02,000\nx", "line 6: a time is negative"),
        ("2\n999:00:00,000 --> 999:00:02,000\nx", "line 6: the time"),
        (f"{SECRET} goes on after a blank line", "line 5: has no times"),
        (f"2\n{SECRET}\n00:00:01,000 --> 00:00:02,000", "line 5: has no times"),
    ],
)
def test_a_bad_cue_is_named(block: str, cause: str) -> None:
    assert cause in refusal_of(f"1\n00:00:01,000 --> 00:00:02,000\nx\n\n{block}\n")


# --- the peer's JSON -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("change", "cause"),
    [
        ({"BeginOffsetMillis": -1}, "Transcript[0]: a time is negative"),
        ({"EndOffsetMillis": "9"}, "Transcript[0]: Expected `int`"),
        ({"ParticipantRole": None}, "Transcript[0]"),
        ({"Items": [{"Type": "pronunciation", "Content": SECRET}]}, "no times"),
        ({"Items": [{"Type": "punctuation"}]}, "Content"),
    ],
)
def test_a_bad_peer_turn_is_named(change: dict[str, object], cause: str) -> None:
    turn = {"BeginOffsetMillis": 0, "EndOffsetMillis": 9, "ParticipantRole": "AGENT"}
    text = json.dumps({"Transcript": [{**turn, "Content": SECRET, **change}]}, indent=2)
    assert cause in refusal_of(text)


def test_a_peer_file_without_a_list_of_turns_is_refused() -> None:
    assert "Call Analytics" in refusal_of('{"Transcript": 5}')
    assert "no turn with text" in refusal_of('{"Transcript": []}')


def test_a_long_peer_file_on_one_line_is_read() -> None:
    turn = {"BeginOffsetMillis": 0, "EndOffsetMillis": 9, "ParticipantRole": "AGENT"}
    text = json.dumps({"Transcript": [{**turn, "Content": "x" * 15_000}] * 100})
    assert len(text) > MAX_LINE_CHARS
    assert len(parse(text).turns) == 100


# --- any file ------------------------------------------------------------------------------


def test_times_after_the_audio_are_in_the_future() -> None:
    lines = f"{record(t_ms=0, end_ms=12_000)}\n{record(t_ms=12_001)}"
    message = refusal_of(lines, 10_000)
    assert "line 2: a time is in the future: 12.0 s, but the audio ends at 10.0 s" in message
    assert len(parse(lines, 10_001).turns) == 2


def test_disorder_is_sorted_and_counted() -> None:
    transcript = parse("\n".join(record(t_ms=t, text=str(t)) for t in (50, 10, 60, 55, 60)))
    assert [turn.text for turn in transcript.turns] == ["10", "50", "55", "60", "60"]
    assert [(w.code, w.count) for w in transcript.warnings] == [("transcript_out_of_order", 2)]


@pytest.mark.parametrize(
    ("data", "cause"),
    [
        (b" \n\t\n", "holds no text"),
        (b'{"t_ms": 0, "role": "agent", "text": "\xff"}', "not valid UTF-8 at byte 38"),
        ("\ufeff没".encode("utf-16-le") + b"x", "not valid UTF-16 at byte 4"),
        ("客服：您好，请问".encode("gb18030"), "GB18030"),
        (b"\x00\x01\x02 binary", "no transcript format"),
        (b"%PDF-1.7", "no transcript format"),
        (b"WEBVTT\n", "no turn with text"),
        (b"WEBVTT\n\n" + b"x" * (MAX_LINE_CHARS + 1), "line 3"),
        (record().encode() + b"\n" + b'{"x": "' + b"x" * MAX_LINE_CHARS + b'"}', "line 2"),
    ],
)
def test_what_is_no_transcript_is_refused(data: bytes, cause: str) -> None:
    assert cause in refusal_of(data)


def test_too_many_turns_are_refused() -> None:
    lines = "t_ms,role,text\n" + "1,agent,x\n" * (MAX_TURNS + 1)
    assert f"line {MAX_TURNS + 2}: more than {MAX_TURNS} turns" in refusal_of(lines)


def test_files_that_cannot_be_opened(tmp_path: Path) -> None:
    for path, cause in ((tmp_path / "none.srt", "does not exist"), (tmp_path, "is a folder")):
        with pytest.raises(IngestError, match=cause):
            read_transcript(path)
    (tmp_path / "empty.srt").touch()
    with pytest.raises(IngestError, match="0 bytes"):
        read_transcript(tmp_path / "empty.srt")


STARTS = [
    b"",
    b"WEBVTT\n\n00:01.000 --> 00:02.000\n",
    b"1\n00:00:01,000 --> 00:00:02,000\n",
    b"t_ms,role,text\n0,agent,",
    b'{"t_ms":0,"role":"agent","text":',
    b'{"Transcript":[{"BeginOffsetMillis":',
    b"\xff\xfe",
    b"\xef\xbb\xbf",
]
PIECES = [b"-->", b"<v Agent>", b'"', b",", b"\n", b"\r", b"{", b"}", b"[", b"1e9", b"-1", b"\x00"]


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    start=st.sampled_from(STARTS),
    rest=st.lists(st.one_of(st.binary(max_size=20), st.sampled_from(PIECES)), max_size=12),
)
def test_only_ingest_errors_escape(start: bytes, rest: list[bytes]) -> None:
    try:
        turns = parse(start + b"".join(rest)).turns
    except IngestError as refusal:
        assert str(refusal).startswith("call.txt: ")
    else:
        assert turns
        assert all(0 <= turn.t_event_ms <= turn.known_ms for turn in turns)


@settings(deadline=None)
@given(
    st.lists(
        st.tuples(
            st.integers(0, 10**6),
            st.integers(0, 10**5),
            st.sampled_from(["agent", "customer", "unknown"]),
            st.text(st.characters(exclude_categories=["Cs"]), min_size=1).filter(str.strip),
        ),
        min_size=1,
    )
)
def test_jsonl_gives_back_what_was_written(rows: list[tuple[int, int, str, str]]) -> None:
    lines = "\n".join(
        json.dumps({"t_ms": t, "end_ms": t + length, "role": role, "text": text})
        for t, length, role, text in rows
    )
    expected = sorted(rows, key=lambda row: row[0])
    assert said(lines) == [(t, t + n, role, text.strip()) for t, n, role, text in expected]


def test_json_lines_carry_marks_beside_turns() -> None:
    data = (
        b'{"t_ms": 0, "role": "customer", "text": "hello"}\n'
        b'{"t_ms": 9000, "event": "intervention"}\n'
    )
    found = parse_transcript("call.jsonl", data, None)
    assert [(mark.kind, mark.t_event_ms) for mark in found.marks] == [("intervention", 9_000)]
    assert len(found.turns) == 1


@pytest.mark.parametrize(
    ("line", "cause"),
    [
        (b'{"t_ms": 5, "event": "applause"}', "line 2: Invalid enum value"),
        (b'{"t_ms": -5, "event": "paused"}', "line 2: a time is negative"),
        (b'{"t_ms": 5, "role": "agent"}', "line 2: role or text is missing"),
        (b'{"t_ms": 99000, "event": "paused"}', "line 2: a time is in the future"),
    ],
)
def test_marks_that_cannot_be_are_refused(line: bytes, cause: str) -> None:
    first = b'{"t_ms": 0, "role": "customer", "text": "hello"}\n'
    with pytest.raises(IngestError, match=cause):
        parse_transcript("call.jsonl", first + line, 60_000)
