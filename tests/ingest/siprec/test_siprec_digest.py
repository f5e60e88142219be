"""Digest authentication: RFC vectors, forged and stale nonces, other calls' nonces."""

from __future__ import annotations

import hashlib

import pytest

from subtone.ingest.siprec.digest import (
    NONCE_LIFETIME_MS,
    DigestSettings,
    Verdict,
    challenges,
    verify,
)
from subtone.ingest.siprec.sip import Headers, Request, parameters_of
from support_siprec import SECRET

RFC_USERS = DigestSettings(realm="http-auth@example.org", passwords={"Mufasa": "Circle of Life"})
USERS = DigestSettings(realm="rec", passwords={"sbc": "s3cret, with comma"})
URI = "sip:srs@198.51.100.9"
NOW_MS = 1_700_000_000_000


def asked(call_id: str = "c", at_ms: int = NOW_MS) -> list[dict[str, str]]:
    values = challenges(USERS, call_id, SECRET, at_ms, is_stale=False)
    return [parameters_of("," + value.removeprefix("Digest "), ",")[1] for value in values]


def authorized(
    challenge: dict[str, str], *, password: str = "s3cret, with comma", **changes: str
) -> Request:
    hashed = {"MD5": hashlib.md5, "SHA-256": hashlib.sha256}[challenge["algorithm"]]

    def h(text: str) -> str:
        return hashed(text.encode()).hexdigest()

    given = {
        "username": "sbc",
        "realm": "rec",
        "nonce": challenge["nonce"],
        "uri": URI,
        "algorithm": challenge["algorithm"],
        "qop": "auth",
        "nc": "00000001",
        "cnonce": "0a4f113b",
    } | changes
    secret = h(f"{given['username']}:{given['realm']}:{password}")
    action = h(f"INVITE:{given['uri']}")
    chain = ":".join((given["nonce"], given["nc"], given["cnonce"], given["qop"], action))
    given.setdefault("response", h(f"{secret}:{chain}"))
    value = "Digest " + ", ".join(f'{name}="{text}"' for name, text in given.items())
    return Request("INVITE", URI, Headers((("authorization", value),)))


@pytest.mark.parametrize(
    ("algorithm", "response"),
    [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ],
)
def test_the_rfc_s_own_vectors(algorithm: str, response: str) -> None:
    """RFC 7616 §3.9.1; its nonce is not this server's, so right credentials are stale."""
    value = (
        f'Digest username="Mufasa", realm="http-auth@example.org", uri="/dir/index.html", '
        f'algorithm={algorithm}, nonce="7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v", '
        f'nc=00000001, cnonce="f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ", qop=auth, '
        f'response="{response}", opaque="FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS"'
    )
    for given, verdict in ((value, Verdict.STALE), (value.replace("8", "9"), Verdict.ABSENT)):
        request = Request("GET", "/dir/index.html", Headers((("authorization", given),)))
        assert verify(request, RFC_USERS, "c", SECRET, NOW_MS) is verdict


def test_the_strongest_algorithm_is_asked_first() -> None:
    assert [one["algorithm"] for one in asked()] == ["SHA-256", "MD5"]
    assert all((one["qop"], one["realm"]) == ("auth", "rec") for one in asked())
    assert asked() == asked()
    stale = challenges(USERS, "c", SECRET, NOW_MS, is_stale=True)
    assert all(value.endswith(", stale=true") for value in stale)


@pytest.mark.parametrize("at", [0, 1])
def test_right_credentials_open(at: int) -> None:
    assert verify(authorized(asked()[at]), USERS, "c", SECRET, NOW_MS + 5_000) is Verdict.GENUINE


@pytest.mark.parametrize(
    ("changes", "password"),
    [
        ({}, "wrong"),
        ({"username": "nobody"}, ""),
        ({"realm": "other"}, "s3cret, with comma"),
        ({"uri": "sip:else@where"}, "s3cret, with comma"),
        ({"qop": "auth-int"}, "s3cret, with comma"),
        ({"nc": "1"}, "s3cret, with comma"),
        ({"response": ""}, "s3cret, with comma"),
        ({"response": "é" * 64}, "s3cret, with comma"),
        ({"algorithm": "SHA-1"}, "s3cret, with comma"),
    ],
)
def test_wrong_credentials_do_not(changes: dict[str, str], password: str) -> None:
    request = authorized(asked()[0], password=password, **changes)
    assert verify(request, USERS, "c", SECRET, NOW_MS) is Verdict.ABSENT


def test_nonces_age_and_belong_to_one_call_and_one_server() -> None:
    request = authorized(asked()[0])
    last_ms = NOW_MS + NONCE_LIFETIME_MS
    assert verify(request, USERS, "c", SECRET, last_ms - 1) is Verdict.GENUINE
    assert verify(request, USERS, "c", SECRET, last_ms) is Verdict.STALE
    assert verify(request, USERS, "c", SECRET, NOW_MS - 1_000) is Verdict.STALE
    assert verify(request, USERS, "other", SECRET, NOW_MS) is Verdict.STALE
    assert verify(request, USERS, "c", b"x" * 32, NOW_MS) is Verdict.STALE
    forged = authorized({**asked()[0], "nonce": f"{NOW_MS // 1000:x}-{'0' * 64}"})
    assert verify(forged, USERS, "c", SECRET, NOW_MS) is Verdict.STALE


def test_other_schemes_and_noise_prove_nothing() -> None:
    for value in ("Basic c2JjOnM=", "Digest", "Digest ,,,=", "", 'Digest username="', "\udcff"):
        request = Request("INVITE", URI, Headers((("authorization", value),)))
        assert verify(request, USERS, "c", SECRET, NOW_MS) is Verdict.ABSENT
    assert verify(Request("INVITE", URI, Headers()), USERS, "c", SECRET, 0) is Verdict.ABSENT


def test_passwords_never_show() -> None:
    assert "s3cret" not in repr(USERS)
