"""The API's description: complete, consistent with itself, and what the server does."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from subtone.contracts.base import MAX_CALL_MS
from subtone.runtime.config import Scope
from subtone.runtime.live.problems import MEDIA_TYPE, PROBLEMS
from support_live import Live, live_server, run_live

OPEN = {"/health", "/ready"}
METHODS = {"get", "post", "delete", "put", "patch"}
OWN = {("/ready", "503")}  # answered in the route's own words
NAMES = {"call_id": "CA5f1d6b7c8e9f", "alert_id": "0" * 32, "delivery_id": "0" * 32, "kind": "amd"}


@pytest.fixture(scope="module")
def described(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    async def fetch() -> dict[str, Any]:
        async with live_server(tmp_path_factory.mktemp("described")) as live:
            found: dict[str, Any] = (await live.call("GET", "/schema/openapi.json")).json()
            return found

    return asyncio.run(fetch())


def operations(described: dict[str, Any]) -> Iterator[tuple[str, str, dict[str, Any]]]:
    for path, item in described["paths"].items():
        for method in METHODS & item.keys():
            yield method, path, item[method]


def references(node: Any) -> Iterator[str]:
    if isinstance(node, dict):
        if isinstance(node.get("$ref"), str):
            yield node["$ref"]
        for value in node.values():
            yield from references(value)
    elif isinstance(node, list):
        for value in node:
            yield from references(value)


def url(path: str) -> str:
    return path.format(**NAMES)


def test_every_route_says_how_it_may_refuse(described: dict[str, Any]) -> None:
    problem = {"$ref": "#/components/schemas/Problem"}
    for method, path, operation in operations(described):
        for status in map(str, PROBLEMS):
            if (path, status) in OWN:
                continue
            answer = operation["responses"].get(status, {})
            content = {kind: said["schema"] for kind, said in answer.get("content", {}).items()}
            assert content == {MEDIA_TYPE: problem}, f"{method} {path} {status}"
            assert answer["description"]


def test_every_name_in_a_path_is_limited(described: dict[str, Any]) -> None:
    for method, path, operation in operations(described):
        found = {p["name"]: p for p in operation.get("parameters", []) if p["in"] == "path"}
        assert set(found) == {part[1:-1] for part in path.split("/") if part.startswith("{")}
        for parameter in found.values():
            assert parameter["required"] is True
            schema = parameter["schema"]
            assert schema["type"] == "string"
            assert "enum" in schema or schema["pattern"].startswith("^"), f"{method} {path}"


def test_security_is_declared_or_explicitly_none(described: dict[str, Any]) -> None:
    schemes = described["components"]["securitySchemes"]
    assert described["security"] == [{"token": []}]
    for _method, path, operation in operations(described):
        security = operation.get("security", described["security"])
        assert (security == [{}]) == (path in OPEN), path
        assert all(name in schemes for way in security for name in way)


def test_every_reference_leads_somewhere(described: dict[str, Any]) -> None:
    known = {f"#/components/schemas/{name}" for name in described["components"]["schemas"]}
    assert set(references(described)) <= known


def test_bodies_are_closed_and_bounded(described: dict[str, Any]) -> None:
    schemas = described["components"]["schemas"]
    bodies = set()
    for _method, path, operation in operations(described):
        if (body := operation.get("requestBody")) is None or "webhooks" in path:
            continue
        (reference,) = references(body)
        bodies.add(reference.rsplit("/", 1)[1])
    assert bodies == {
        *("MessagePost", "BatchPost", "RtpPost", "InterventionPost", "ConsentPost", "EndPost"),
        *("AcknowledgePost", "DismissPost"),
    }
    for name in {*bodies, "RtpTrack", "RtpFormat"}:
        assert schemas[name]["additionalProperties"] is False, name
    time, null = schemas["MessagePost"]["properties"]["t_ms"]["anyOf"]
    assert (time["type"], time["minimum"], time["maximum"]) == ("integer", 0, MAX_CALL_MS)
    assert null == {"type": "null"}
    assert schemas["BatchPost"]["properties"]["messages"] == {
        "type": "array",
        "items": {"$ref": "#/components/schemas/MessagePost"},
        "minItems": 1,
        "maxItems": 500,
    }


def test_cursors_stay_exact_in_every_json_reader(described: dict[str, Any]) -> None:
    cursors = [
        parameter["schema"]
        for _method, _path, operation in operations(described)
        for parameter in operation.get("parameters", [])
        if parameter["name"] in ("before", "after")
    ]
    assert len(cursors) == 5
    assert {(c["minimum"], c["maximum"]) for c in cursors} == {(0, 2**53 - 1)}


def test_an_event_of_the_stream_carries_an_item(described: dict[str, Any]) -> None:
    data = described["components"]["schemas"]["StreamEvent"]["properties"]["data"]
    assert (data["type"], data["contentMediaType"]) == ("string", "application/json")
    assert set(data["contentSchema"]["required"]) == {"cursor", "call_id", "kind", "item"}


def test_the_server_keeps_to_security_and_methods(
    tmp_path: Path, described: dict[str, Any]
) -> None:
    async def test(live: Live) -> None:
        for path, item in described["paths"].items():
            methods = METHODS & item.keys()
            for method in methods:
                answer = await live.call(method.upper(), url(path))
                assert answer.status_code == (200 if path in OPEN else 401), f"{method} {path}"
            told = {m.upper() for m in methods} | {"OPTIONS"}
            options = await live.call("OPTIONS", url(path))
            refused = await live.call("PATCH", url(path))
            assert (options.status_code, refused.status_code) == (204, 405)
            for answer in (options, refused):
                assert set(answer.headers["allow"].split(", ")) == told, path
            assert refused.headers["content-type"] == MEDIA_TYPE

    run_live(tmp_path, test)


@pytest.mark.parametrize(
    ("body", "status"),
    [
        (b'{"role": "agent", "text": "a", "t_ms": 5}', 202),
        (b'{"role": "agent", "text": "a", "t_ms": 5.0}', 202),
        (b'{"role": "agent", "text": "a", "t_ms": 5.5}', 400),
        (b'{"role": "agent", "text": "a", "t_ms": "5"}', 400),
        (b'{"role": "agent", "text": "a", "t_ms": 1e400}', 400),
        (b'{"role": "agent", "text": "a", "t_ms": -1}', 400),
        (b'{"role": "agent", "text": "a", "t_ms": true}', 400),
        (b'{"role": "agent", "text": "a", "more": 1}', 400),
        (b'{"role": "agent", "text": "\xff"}', 400),
        (b'{"role": "agent", "text": "\\ud800"}', 400),
        (b'{"role": "agent"', 400),
        (b'["agent"]', 400),
        (b"", 400),
    ],
)
def test_a_body_is_taken_as_it_is_typed(tmp_path: Path, body: bytes, status: int) -> None:
    async def test(live: Live) -> None:
        headers = {"Content-Type": "application/json"}
        answer = await live.call(
            "POST", "/v1/calls/c/messages", Scope.INGEST, content=body, headers=headers
        )
        assert answer.status_code == status, answer.text
        if status == 400:
            assert answer.headers["content-type"] == MEDIA_TYPE
            assert answer.json()["fault"] == "client"

    run_live(tmp_path, test)


def test_no_number_is_a_consent_and_no_newline_ends_a_name(tmp_path: Path) -> None:
    async def test(live: Live) -> None:
        await live.say("c", "hello")
        for given, status in ((0, 400), ("false", 400), (None, 400), (False, 202)):
            answer = await live.call(
                "POST",
                "/v1/calls/c/consent",
                Scope.OPERATE,
                json={"is_voice_emotion_allowed": given},
            )
            assert answer.status_code == status, json.dumps(given)
        assert (await live.say("c%0A", "hello")).status_code == 400
        calls = (await live.call("GET", "/v1/calls", Scope.READ)).json()["calls"]
        assert [call["call_id"] for call in calls] == ["c"]

    run_live(tmp_path, test)
