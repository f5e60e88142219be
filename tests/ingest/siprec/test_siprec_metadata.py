"""Recording metadata in every spelling seen, amended by updates, and never dangerous."""

from __future__ import annotations

import datetime as dt

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.ingest.siprec.metadata import (
    MAX_METADATA_BYTES,
    RecordingMetadata,
    merge,
    parse_metadata,
)
from subtone.ingest.siprec.sip import SipError
from support_shared import shared
from support_siprec import METADATA


def parsed(text: str) -> RecordingMetadata:
    return parse_metadata(text.encode())


def facts(metadata: RecordingMetadata) -> tuple[object, ...]:
    """What every spelling of the same call must come to."""
    return (
        {p.participant_id: p.aors for p in metadata.participants},
        {s.stream_id: s.label for s in metadata.streams},
        {a.participant_id: (a.sends, a.receives) for a in metadata.associations},
        metadata.session_id,
    )


def test_the_schema_s_own_spelling() -> None:
    metadata = parsed(METADATA)
    assert metadata.is_complete
    assert metadata.sip_session_id == "ab30;remote=4775"
    assert facts(metadata) == (
        {"p1": ("sip:7001@agents.example.com",), "p2": ("sip:+15550100@carrier.example.net",)},
        {"x1": "1", "x2": "2"},
        {"p1": (("x1",), ("x2",)), "p2": (("x2",), ("x1",))},
        "s1",
    )


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("recording:1'", "recording'"),
        (" xmlns='urn:ietf:params:xml:ns:recording:1'", ""),
        ("datamode", "dataMode"),
        ("participant participant_id", "participant id"),
        ("session_id", "session"),
        ("participantstreamassoc", "ParticipantStreamAssoc"),
        ("<recording ", "<?xml-stylesheet href='http://192.0.2.1/x'?><recording "),
        ("  <participant ", "<!-- & --><participant "),
    ],
)
def test_other_spellings_come_to_the_same(old: str, new: str) -> None:
    assert old in METADATA
    assert facts(parsed(METADATA.replace(old, new))) == facts(parsed(METADATA))


def test_a_prefix_on_every_name() -> None:
    text = METADATA.replace('<?xml version="1.0" encoding="UTF-8"?>', "")
    text = text.replace("</", "<\0").replace("<", "<tns:").replace("<tns:\0", "</tns:")
    text = text.replace("xmlns=", "xmlns:tns=")
    assert facts(parsed(text)) == facts(parsed(METADATA))


def test_sends_inside_the_participant() -> None:
    text = """<recording><participant id='a' session='s'><nameID aor='sip:1@x'/><send>t</send>
    <extensiondata xmlns:apkt='urn:x'><apkt:callingParty>true</apkt:callingParty></extensiondata>
    </participant><stream id='t' session='s'><label>9</label><mode>mixed</mode></stream>
    </recording>"""
    metadata = parsed(text)
    assert metadata.associations[0].sends == ("t",)
    assert metadata.participants[0].is_calling_party is True
    assert metadata.streams[0].is_mixed


def test_a_participant_named_by_a_stream_s_id_is_found_by_elimination() -> None:
    text = METADATA.replace('assoc participant_id="p2"', 'assoc participant_id="x1"')
    assert facts(parsed(text)) == facts(parsed(METADATA))
    both = text.replace('assoc participant_id="p1"', 'assoc participant_id="y"')
    assert {a.participant_id for a in parsed(both).associations} == {"x1", "y"}


def test_a_stream_without_id_is_a_stream() -> None:
    (stream,) = parsed("<r><stream stream_id=''><label>1</label></stream></r>").streams
    assert (stream.stream_id, stream.label) == ("", "1")


def test_names_and_addresses_never_show() -> None:
    text = METADATA.replace('carrier.example.net"/>', 'c"><name>Wanda Example</name></nameID>')
    metadata = parsed(text)
    assert metadata.participants[1].name == "Wanda Example"
    assert "Wanda" not in repr(metadata)
    assert "sip:" not in repr(metadata)


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        ("2026-11-20T07:57:28+0000", "2026-11-20T07:57:28+00:00"),
        ("2019-03-09T16:50:20", "2019-03-09T16:50:20+00:00"),
        ("2017-06-23T12:16:06.040Z", "2017-06-23T12:16:06.040+00:00"),
        ("2019-01-13T14:48:35-05:00", "2019-01-13T19:48:35+00:00"),
        ("1970-05-13T03:29:05Z", None),
        ("yesterday", None),
        ("9999-12-31T23:59:59-23:00", None),
        ("٢٠١٩-٠٣-٠٩T16:50:20", None),
    ],
)
def test_times(written: str, expected: str | None) -> None:
    text = f"<r><session session_id='s'><start-time>{written}</start-time></session></r>"
    wanted = None if expected is None else dt.datetime.fromisoformat(expected).timestamp() * 1000
    assert parsed(text).start_unix_ms == wanted


BOMB = "<!DOCTYPE r [<!ENTITY a 'aaaaaaaaaa'>" + "".join(
    f"<!ENTITY {chr(98 + n)} '{f'&{chr(97 + n)};' * 10}'>" for n in range(9)
)


@pytest.mark.parametrize(
    ("payload", "cause"),
    [
        (BOMB + "]><r>&j;</r>", "DTD"),
        ("<!DOCTYPE r [<!ENTITY x SYSTEM 'file:///etc/passwd'>]><r>&x;</r>", "DTD"),
        ("<!DOCTYPE r [<!ENTITY x SYSTEM 'http://127.0.0.1:1/'>]><r>&x;</r>", "DTD"),
        ("<!DOCTYPE r SYSTEM 'http://127.0.0.1:1/'><r/>", "DTD"),
        ("<!DOCTYPE r [<!ENTITY % x SYSTEM 'http://127.0.0.1:1/'>%x;]><r/>", "DTD"),
        ("<r>&undefined;</r>", "not XML"),
        ("<a>" * 80_000, "nested too deep"),
        ("<a>" * 33 + "</a>" * 33, "nested too deep"),
        ("<r>" + "<a/>" * 6000 + "</r>", "too long"),
        ("<r>" + "x" * MAX_METADATA_BYTES + "</r>", "too large"),
        ("", "not XML"),
        ("{}", "not XML"),
        ("<r>", "not XML"),
        ("<r a='1' a='2'/>", "not XML"),
    ],
)
def test_hostile_documents_are_refused(payload: str, cause: str) -> None:
    with pytest.raises(SipError, match=cause):
        parsed(payload)


def test_the_peer_does_not_choose_a_decoder() -> None:
    for encoding in ("utf-7", "utf-16", "rot13", "no-such", "ascii"):
        text = METADATA.replace("UTF-8", encoding)
        assert facts(parsed(text)) == facts(parsed(METADATA))
    latin = parse_metadata("<r><participant id='p' name='Zoë'/></r>".encode("latin-1"))
    assert latin.participants[0].name == "Zoë"


def test_a_partial_update_amends_and_a_complete_one_replaces() -> None:
    known = merge(None, parsed(METADATA))
    hold = (
        "<r><datamode>partial</datamode><participantstreamassoc participant_id='p2'>{}"
        "</participantstreamassoc></r>"
    )
    held = merge(known, parsed(hold.format("<disassociate-time>2020-01-01</disassociate-time>")))
    assert [a.participant_id for a in held.associations] == ["p1"]
    assert held.participants == known.participants
    back = merge(held, parsed(hold.format("<send>x2</send>")))
    assert facts(back)[2] == {"p1": (("x1",), ("x2",)), "p2": (("x2",), ())}
    assert merge(back, parsed(METADATA)) == known
    assert (back.session_id, back.sip_session_id) == ("s1", "ab30;remote=4775")
    moved = hold.format("") + "<session id='s2'><sipSessionID>n</sipSessionID></session></r>"
    moved = moved.replace("</r><session", "<session")
    after = merge(back, parsed(moved))
    assert (after.session_id, after.sip_session_id) == ("s2", "n")
    assert after.streams == known.streams


def test_a_transfer_takes_one_away_and_brings_another() -> None:
    update = """<r><datamode>Partial</datamode>
    <participant participant_id='p3'><nameID aor='sip:7002@agents.example.com'/></participant>
    <participantsessionassoc participant_id='p1' session_id='s1'>
      <disassociate-time>2020-01-01T00:00:00Z</disassociate-time></participantsessionassoc>
    <participantstreamassoc participant_id='p3'><send>x1</send></participantstreamassoc></r>"""
    after = merge(merge(None, parsed(METADATA)), parsed(update))
    assert [p.participant_id for p in after.participants] == ["p2", "p3"]
    assert facts(after)[2] == {"p2": (("x2",), ("x1",)), "p3": (("x1",), ())}


def test_the_rfc_s_hold_and_resume() -> None:
    folder = shared("protocols", "siprec", "rfc")
    full, held, resumed = (
        parse_metadata((folder / f"rfc8068_0{n}.xml").read_bytes()) for n in (1, 2, 3)
    )
    known = merge(None, full)
    on_hold = merge(known, held)
    sending = {a.participant_id: len(a.sends) for a in on_hold.associations}
    assert sorted(sending.values()) == [0, 2]
    again = merge(on_hold, resumed)
    assert {a.participant_id: {*a.sends} for a in again.associations} == {
        a.participant_id: {*a.sends} for a in known.associations
    }


@given(st.binary(max_size=80), st.integers(0, len(METADATA)), st.integers(0, 40))
@settings(max_examples=300, deadline=None)
def test_noise_is_metadata_or_the_documented_error(noise: bytes, at: int, cut: int) -> None:
    whole = METADATA.encode()
    try:
        metadata = parse_metadata(whole[:at] + noise + whole[at + cut :])
    except SipError:
        return
    assert merge(metadata, metadata).session_id == metadata.session_id
