"""Roles rest on what was said, never on the order of streams, and fail closed."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.vocabulary import Role
from subtone.ingest.siprec.metadata import RecordingMetadata, parse_metadata
from subtone.ingest.siprec.roles import RoleHints, stream_roles
from support_siprec import METADATA

AGENTS = RoleHints(agent_patterns=("*@agents.example.com",))
KNOWN = parse_metadata(METADATA.encode())
A, C, U = Role.AGENT, Role.CUSTOMER, Role.UNKNOWN


def roles(
    labels: tuple[str | None, ...],
    metadata: RecordingMetadata | str | None = KNOWN,
    hints: RoleHints = AGENTS,
) -> list[Role]:
    if isinstance(metadata, str):
        metadata = parse_metadata(metadata.encode())
    return [one.role for one in stream_roles(labels, metadata, hints)]


@given(st.permutations(["1", "2"]))
def test_the_order_of_streams_says_nothing(labels: list[str]) -> None:
    found = dict(zip(labels, roles(tuple(labels)), strict=True))
    assert found == {"1": A, "2": C}


def test_without_any_hint_nobody_is_known() -> None:
    assert roles(("1", "2"), KNOWN, RoleHints()) == [U, U]
    assert roles(("1", "2"), None, AGENTS) == [U, U]
    assert roles((None, None), KNOWN, AGENTS) == [U, U]


@pytest.mark.parametrize(
    ("hints", "expected"),
    [
        (RoleHints(customer_patterns=("+1555*@*",)), [A, C]),
        (RoleHints(agent_patterns=("7???@AGENTS.example.com",)), [A, C]),
        (RoleHints(agent_patterns=("7*",), customer_patterns=("9*",)), [A, U]),
        (RoleHints(agent_patterns=("8*",), customer_patterns=("+*",)), [U, C]),
        (RoleHints(agent_patterns=("*",)), [A, A]),  # an internal call
        (RoleHints(agent_patterns=("*",), customer_patterns=("*",)), [U, U]),
        (RoleHints(customer_patterns=("*",)), [U, U]),  # two customers: a wrong pattern
        (RoleHints(label_roles={"2": A}), [C, A]),
        (RoleHints(label_roles={"1": C, "2": C}), [U, U]),
        (RoleHints(calling_party=C), [U, U]),  # this client marks no caller
    ],
)
def test_hints(hints: RoleHints, expected: list[Role]) -> None:
    assert roles(("1", "2"), KNOWN, hints) == expected


MARKED = """<recording>
<participant id='b'><nameID aor='sip:2@y'/><send>t2</send>
  <e><callingParty>false</callingParty></e></participant>
<participant id='a'><nameID aor='sip:1@x'/><send>t1</send>
  <e><callingParty>true</callingParty></e></participant>
<stream id='t1'><label>10</label></stream><stream id='t2'><label>20</label></stream></recording>"""


def test_a_marked_caller_counts_only_where_the_operator_says_who_calls() -> None:
    assert roles(("10", "20"), MARKED, RoleHints()) == [U, U]
    assert roles(("10", "20"), MARKED, RoleHints(calling_party=C)) == [C, A]
    assert roles(("20", "10"), MARKED, RoleHints(calling_party=A)) == [C, A]


def test_plain_words_are_taken() -> None:
    text = METADATA.replace('"p1"', '"agent"').replace('"p2"', '"Customer"')
    assert roles(("1", "2"), text, RoleHints()) == [A, C]
    assert roles(("agent", "customer"), None, RoleHints()) == [A, C]
    assert roles(("inbound", "outbound"), None, RoleHints()) == [U, U]


@pytest.mark.parametrize(
    ("labels", "metadata"),
    [
        (("1",), METADATA),  # one stream, two participants
        (("1",), METADATA.replace("<label>1<", "<mode>mixed</mode><label>1<")),
        (("1", "2"), METADATA.replace("<send>x2</send>", "<send>x1</send>")),  # both on stream 1
        (("1", "2"), METADATA.replace("<label>1</label>", "<label>1</label><mode>Mixed</mode>")),
        (("1", "2"), METADATA.replace("<label>2<", "<label>1<")),  # two streams of one label
        (("1", "2"), METADATA.replace('"x2"', '"x1"')),  # one id for two streams
        (("3", "4"), METADATA),
    ],
)
def test_what_is_mixed_or_unclear_is_never_the_customer(
    labels: tuple[str, ...], metadata: str
) -> None:
    found = roles(labels, metadata)
    assert C not in found
    assert found[0] is U


def test_a_mixed_stream_stays_unknown_whatever_its_label_is_configured_to() -> None:
    mixed = METADATA.replace("<label>1<", "<mode>mixed</mode><label>1<")
    assert roles(("1",), mixed, RoleHints(label_roles={"1": C})) == [U]


def test_one_stream_of_one_speaker_is_known() -> None:
    text = """<r><participant id='p'><nameID aor='sip:9@agents.example.com;x=1'/></participant>
    <stream stream_id='s'><label>1</label></stream>
    <participantstreamassoc participant_id='p'><send>s</send></participantstreamassoc></r>"""
    assert roles(("1",), text) == [A]
    assert roles((None,), text) == [A]


def test_no_basis_holds_an_address() -> None:
    for one in stream_roles(("1", "2"), KNOWN, AGENTS):
        assert "@" not in one.basis
        assert "7001" not in one.basis
