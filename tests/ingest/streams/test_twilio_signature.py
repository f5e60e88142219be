"""X-Twilio-Signature: the vectors of Twilio's own library, and what must not pass."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.streams.twilio_signature import (
    TwilioSecrets,
    is_signed_by_twilio,
    sign,
    upgrade_url,
)
from support_shared import shared

SETTINGS = "key=K1,algorithm=HMAC_SHA256"


def vectors() -> list[dict[str, Any]]:
    path = shared("protocols", "twilio", "twilio_signature_vectors.json")
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["vectors"]
    return found


def check(vector: dict[str, Any], **change: Any) -> bool:
    v = vector | change
    is_shared = v.get("algorithm") == "HMAC_SHA256"
    body = v.get("body")
    return is_signed_by_twilio(
        TwilioSecrets("" if is_shared else v["token"], {"K1": v["token"]}),
        v["url"],
        v["signature"],
        form=tuple(v.get("params", {}).items()),
        body=None if body is None else body.encode(),
        settings=SETTINGS if is_shared else None,
    )


def signed() -> list[dict[str, Any]]:
    found = [v for v in vectors() if "signature" in v]
    assert len(found) == 10
    return found


def test_every_signed_vector_validates() -> None:
    for vector in signed():
        assert check(vector) is vector["twilio_lib_validates"], vector["desc"]


def test_every_vector_is_refused_when_anything_changes() -> None:
    for v in signed():
        assert not check(v, token=v["token"] + "x"), v["desc"]
        assert not check(v, url=v["url"] + "/"), v["desc"]
        assert not check(v, signature=v["signature"].swapcase()), v["desc"]
        assert not check(v, signature=""), v["desc"]
        assert not check(v, signature="é\ud800"), v["desc"]
        if "params" in v:
            assert not check(v, params=v["params"] | {"Extra": "1"}), v["desc"]
        else:
            assert check(v, body=v["body"] + " ") is v["tampered_body_validates"]


def test_the_negatives_and_the_librarys_port_quirk() -> None:
    """The last two vectors have no numbers of their own: they are about the others."""
    by_url = {v["url"]: v for v in signed()}
    plain, port = by_url["wss://example.com/media"], by_url["wss://example.com:443/media"]
    https = by_url["https://example.com/media"]
    negative, quirk = vectors()[-2:]
    assert check(https, signature=plain["signature"]) is negative["twilio_lib_validates"]
    assert check(plain, signature=port["signature"]) is quirk["twilio_lib_validates"]
    assert (
        check(port, signature=plain["signature"])
        is quirk["converse_with_443_url_validates_plain_sig"]
    )


@pytest.mark.parametrize("scheme", ["http", "https", "ws", "wss"])
def test_upgrade_url_is_what_twilio_was_told(scheme: str) -> None:
    assert upgrade_url(f"{scheme}://example.com/media") == "wss://example.com/media"
    assert check(signed()[1], url=upgrade_url(f"{scheme}://example.com/media"))


def test_default_port_of_https() -> None:
    secrets = TwilioSecrets("t")
    with_port, without = "https://h.example:443/a?b=c", "https://h.example/a?b=c"
    assert is_signed_by_twilio(secrets, without, sign("t", with_port))
    assert is_signed_by_twilio(secrets, with_port, sign("t", without))
    assert not is_signed_by_twilio(secrets, without, sign("t", "https://h.example:8443/a?b=c"))


def test_repeated_parameters_are_sorted_and_taken_once() -> None:
    form = [("B", "2"), ("A", "y"), ("A", "x"), ("A", "x")]
    assert sign("t", "https://h/", form) == sign("t", "https://h/AxAyB2")


@pytest.mark.parametrize(
    "settings",
    [
        "",
        "key=K1",
        "algorithm=HMAC_SHA256",
        "key=K2,algorithm=HMAC_SHA256",
        "key=K1,algorithm=NONE",
    ],
)
def test_settings_that_name_no_key_of_ours_refuse(settings: str) -> None:
    """Also where the older signature would be right: no falling back."""
    secrets = TwilioSecrets("t", {"K1": "s"})
    for secret, digest in (("t", "sha1"), ("s", "sha256")):
        signature = sign(secret, "https://h/", digest=digest)
        assert not is_signed_by_twilio(secrets, "https://h/", signature, settings=settings)


def test_a_body_without_its_hash_in_the_url_is_nobodys() -> None:
    secrets = TwilioSecrets("t")
    for url in ("https://h/", "https://h/?bodySHA256=00", "https://h/?bodySHA256=é"):
        assert not is_signed_by_twilio(secrets, url, sign("t", url), body=b"{}")


def test_an_unset_token_signs_nothing() -> None:
    assert not is_signed_by_twilio(TwilioSecrets(""), "https://h/", sign("", "https://h/"))


def test_secrets_are_not_shown() -> None:
    assert "hush" not in repr(TwilioSecrets("hush", {"K": "hush"}))


@given(st.text(max_size=30), st.text(max_size=30), st.text(max_size=30))
def test_any_text_is_a_refusal_and_never_an_error(url: str, signature: str, name: str) -> None:
    for candidate in (url, f"https://[{url}:99999999/", f"wss://{url}"):
        assert not is_signed_by_twilio(
            TwilioSecrets("t"), candidate, signature, form=[(name, signature)], settings=None
        )
        assert not is_signed_by_twilio(
            TwilioSecrets("t"), candidate, signature, body=b"", settings=name
        )
