"""Contracts refuse what they must, survive the wire, and never change silently."""

from __future__ import annotations

import json
import math
from typing import Any

import jsonschema
import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.contracts.base import Contract, ContractError
from subtone.contracts.calibration import Calibration, TextCalibration
from subtone.contracts.inbound import AudioChunk, CallStarted, InboundEvent, Track
from subtone.contracts.registry import DOMAINS, SCHEMA_VERSION, json_schema
from subtone.contracts.session_state import Detail
from subtone.contracts.signal_correlation import Conflict
from subtone.contracts.vocabulary import AudioEncoding, ConflictType, Role, Severity, VoiceFeature
from subtone.contracts.voice_intelligence import FeatureDeviation
from support_shared import ROOT


def a_conflict(**changes: Any) -> Conflict:
    fields: dict[str, Any] = {
        "type": ConflictType.TEXT_CALM_VOICE_AGITATED,
        "severity": Severity.HIGH,
        "is_masking": True,
        "gap": 0.5,
        "text_negativity": 0.1,
        "voice_negativity": 0.6,
        "t_event_ms": 5_000,
    }
    return Conflict(**(fields | changes))


def test_the_source_counts_twenty_two_contracts_over_three_domains() -> None:
    counts = [len(DOMAINS[d]) for d in ("voice_intelligence", "signal_correlation")]
    assert [*counts, len(DOMAINS["session_state"])] == [9, 6, 7]


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, 1.0001, -0.0001])
def test_a_number_outside_its_range_is_refused_and_named(value: float) -> None:
    with pytest.raises(ContractError, match=r"Conflict\.text_negativity must be"):
        a_conflict(text_negativity=value)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"t_event_ms": -1}, "t_event_ms must be >= 0"),
        ({"t_event_ms": 1.5}, "t_event_ms must be int"),
        ({"t_event_ms": True}, "t_event_ms must be int"),
        ({"gap": "0.5"}, "gap must be float, got str"),
        ({"severity": "high!"}, "severity must be a Severity"),
    ],
)
def test_a_wrong_type_is_refused_and_named(change: dict[str, Any], message: str) -> None:
    with pytest.raises(ContractError, match=message):
        a_conflict(**change)


def test_items_lengths_and_optional_values_are_checked() -> None:
    with pytest.raises(ContractError, match=r"FeatureDeviation\.z"):
        FeatureDeviation(feature=VoiceFeature.TILT, z=3.5)
    with pytest.raises(ContractError, match="tracks must be a tuple"):
        CallStarted(call_id="c", t_event_ms=0, t_seen_ms=0, tracks=[])  # type: ignore[arg-type]
    with pytest.raises(ContractError, match="at least 1"):
        Track(track_id="", role=Role.AGENT, sample_rate_hz=8000)
    with pytest.raises(ContractError, match="finite"):
        Detail(name="gap", value=math.nan)
    with pytest.raises(ContractError, match="at most"):
        AudioChunk(
            call_id="c",
            t_event_ms=0,
            t_seen_ms=0,
            track_id="a",
            encoding=AudioEncoding.MULAW,
            payload=bytes(4 * 1024 * 1024 + 1),
        )


@given(st.floats(allow_nan=True, allow_infinity=True))
def test_construction_and_decoding_agree_on_every_float(value: float) -> None:
    """The same annotation rules both ways, so neither door is weaker."""
    try:
        built: Contract | None = a_conflict(gap=value)
    except ContractError:
        built = None
    wire = {"contract": "Conflict"} | {
        name: getattr(a_conflict(), name) for name in Conflict.__struct_fields__
    }
    try:
        decoded: Contract | None = msgspec.convert(wire | {"gap": value}, Conflict)
    except (msgspec.ValidationError, ContractError):
        decoded = None
    assert built == decoded


def test_inbound_events_decode_by_their_tag_and_unknown_fields_are_refused() -> None:
    started = CallStarted(call_id="c", t_event_ms=0, t_seen_ms=0)
    assert msgspec.json.decode(msgspec.json.encode(started), type=InboundEvent) == started
    with pytest.raises(msgspec.ValidationError, match="unknown field"):
        msgspec.json.decode(
            b'{"contract":"Tick","call_id":"c","t_event_ms":0,"t_seen_ms":0,"x":1}',
            type=InboundEvent,
        )


def test_contracts_are_frozen_and_the_default_calibration_survives_the_wire() -> None:
    calibration = Calibration()
    with pytest.raises(AttributeError):
        calibration.version = "other"  # type: ignore[misc]
    assert msgspec.json.decode(msgspec.json.encode(calibration), type=Calibration) == calibration
    with pytest.raises(ContractError, match=r"TextCalibration\.negation must be finite"):
        TextCalibration(negation=math.nan)


def test_every_schema_field_with_a_number_says_its_unit_or_range() -> None:
    silent = [
        f"{name}.{field}"
        for name, definition in json_schema()["$defs"].items()
        for field, schema in definition.get("properties", {}).items()
        if schema.get("type") in ("number", "integer") and "description" not in schema
    ]
    allowed = {  # signed quantities in the unit of the feature or label they belong to
        "FeatureBaseline.mean",
        "FeaturePrior.mean",
        "HeadValue.value",
        "Detail.value",
        "MemoryHit.score",
        "TrackSummary.source_rate_hz",
    }
    assert set(silent) <= allowed


def test_the_committed_schema_is_this_one() -> None:
    """A changed schema fails here until SCHEMA_VERSION is raised and a new file committed."""
    committed = ROOT / "docs" / "schema" / f"contracts.v{SCHEMA_VERSION}.json"
    assert json.loads(committed.read_text()) == json.loads(msgspec.json.encode(json_schema()))


def test_a_real_value_validates_against_the_published_schema() -> None:
    document = {"$ref": "#/$defs/Conflict", **json_schema()}
    value = json.loads(msgspec.json.encode(a_conflict()))
    jsonschema.validate(value, document)
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(value | {"gap": 2.0}, document)
