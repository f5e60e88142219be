"""AudioHook's signed upgrade: the published example, and everything that must not pass."""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.ingest.audiohook import (
    SeenNonces,
    SignatureError,
    SignatureFault,
    UpgradeRequest,
    sign_upgrade,
    verify_upgrade,
)
from subtone.ingest.audiohook.signature import MAX_AGE_S, MAX_SEEN_NONCES, MAX_SKEW_S

# Genesys' published example (session walkthrough): request, key, secret and signature. Its text
# had session and correlation id swapped; these are the headers, which is what was signed.
API_KEY = "SGVsbG8sIEkgYW0gdGhlIEFQSSBrZXkh"
SECRET = base64.b64decode("TXlTdXBlclNlY3JldEtleVRlbGxOby0xITJAMyM0JDU=")
ORGANIZATION = "d7934305-0972-4844-938e-9060eef73d05"
CORRELATION = "e160e428-53e2-487c-977d-96989bf5c99d"
SESSION = "30b0e395-84d3-4570-ac13-9a62d8f514c0"
NONCE = "VGhpc0lzQVVuaXF1ZU5vbmNl"
CREATED_S = 1_641_013_200
INPUT = (
    'sig1=("@request-target" "@authority" "audiohook-organization-id" "audiohook-session-id" '
    f'"audiohook-correlation-id" "x-api-key");keyid="{API_KEY}";nonce="{NONCE}"'
    f';alg="hmac-sha256";created={CREATED_S};expires=3282026430'
)
SIGNATURE = "sig1=:NZBwyBHRRyRoeLqy1IzOa9VYBuI8TgMFt2GRDkDuJh4=:"
SWAPPED = '"@authority" "@request-target"'
HEADERS = {
    "Host": "audiohook.example.com",
    "User-Agent": "GenesysCloud-AudioHook-Client",
    "Audiohook-Organization-Id": ORGANIZATION,
    "Audiohook-Correlation-Id": CORRELATION,
    "Audiohook-Session-Id": SESSION,
    "X-API-KEY": API_KEY,
    "Signature": SIGNATURE,
    "Signature-Input": INPUT,
}
SECRETS = {"another key": b"another secret", API_KEY: SECRET}
NOBODY = SeenNonces()


def request(
    target: str = "/api/v1/voicebiometrics/ws",
    authority: str = "audiohook.example.com",
    **changes: str | None,
) -> UpgradeRequest:
    named = {name.replace("_", "-"): value for name, value in changes.items()}
    kept = {name.lower(): value for name, value in HEADERS.items()} | named
    headers = tuple((name, value) for name, value in kept.items() if value is not None)
    return UpgradeRequest(target=target, authority=authority, headers=headers)


def fault_of(
    upgrade: UpgradeRequest, now_s: int = CREATED_S, seen: SeenNonces = NOBODY
) -> SignatureFault:
    with pytest.raises(SignatureError) as caught:
        verify_upgrade(upgrade, SECRETS, now_s, seen)
    assert "\n" not in str(caught.value)
    assert API_KEY not in str(caught.value)
    return caught.value.fault


def signed(change: Callable[[str], str], base_change: Callable[[str], str] = str) -> UpgradeRequest:
    """The example with another Signature-Input, rightly signed with the right secret."""
    text = change(INPUT)
    label, _, parameters = text.partition("=")
    values = {
        "@request-target": "/api/v1/voicebiometrics/ws",
        "@authority": "audiohook.example.com",
        **{name.lower(): value for name, value in HEADERS.items()},
    }
    names = [part for part in parameters.partition(")")[0].split('"') if part not in "( "]
    lines = [f'"{name}": {values.get(name, "")}' for name in names]
    base = base_change("\n".join([*lines, f'"@signature-params": {parameters}']))
    digest = hmac.new(SECRET, base.encode(), hashlib.sha256).digest()
    value = f"{label}=:{base64.b64encode(digest).decode()}:"
    return request(signature_input=text, signature=value)


def test_the_published_example_passes() -> None:
    client, seen = verify_upgrade(request(), SECRETS, CREATED_S + 1, NOBODY)
    assert (client.api_key, client.organization_id) == (API_KEY, ORGANIZATION)
    assert (client.session_id, client.correlation_id) == (SESSION, CORRELATION)
    assert dict(seen.until_s) == {NONCE: CREATED_S + MAX_AGE_S + MAX_SKEW_S}


def test_the_published_example_is_what_we_sign() -> None:
    unsigned = request(signature=None, signature_input=None)
    made = sign_upgrade(unsigned, SECRET, nonce=NONCE, created_s=CREATED_S, expires_s=3_282_026_430)
    assert made == (("Signature-Input", INPUT), ("Signature", SIGNATURE))


def test_names_in_any_case_and_the_default_port_do_not_matter() -> None:
    upper = UpgradeRequest(
        target="/api/v1/voicebiometrics/ws",
        authority="AudioHook.example.com:443",
        headers=tuple((name.upper(), f" {value}\t") for name, value in HEADERS.items()),
    )
    verify_upgrade(upper, SECRETS, CREATED_S, NOBODY)


def test_blanks_between_parameters_are_not_signed() -> None:
    spaced = INPUT.replace(";", "; ").replace('" "', '"  "').replace("(", "( ")
    verify_upgrade(request(signature_input=spaced), SECRETS, CREATED_S, NOBODY)


@pytest.mark.parametrize(
    "changed",
    [
        {"target": "/api/v1/voicebiometrics/ws?x=1"},
        {"authority": "audiohook.example.com:8443"},
        {"authority": "evil.example.com"},
        {"audiohook_organization_id": SESSION},
        {"audiohook_session_id": CORRELATION, "audiohook_correlation_id": SESSION},
        {"audiohook_correlation_id": "x"},
        {"x_api_key": "another key"},
        {"x_api_key": "unknown"},
        {"x_api_key": f"{API_KEY}, {API_KEY}"},
        {"signature": "sig1=:" + "A" * 43 + "=:"},
        {"signature": "sig1=::"},
        {"signature": SIGNATURE.replace("NZBw", "NZBx")},
        {"signature_input": INPUT.replace(NONCE, NONCE.lower())},
        {"signature_input": INPUT.replace("3282026430", "3282026431")},
        {"signature_input": INPUT.replace(str(CREATED_S), str(CREATED_S + 1))},
        {"signature_input": INPUT.replace(f'keyid="{API_KEY}"', 'keyid="another key"')},
        {"signature_input": INPUT.replace(';alg="hmac-sha256"', "")},
        {"signature_input": INPUT.replace('"@request-target" "@authority"', SWAPPED)},
    ],
)  # fmt: skip
def test_an_altered_request_does_not_pass(changed: dict[str, str]) -> None:
    assert fault_of(request(**changed)) is SignatureFault.MISMATCH


def test_the_key_signed_for_must_be_the_key_shown() -> None:
    """Rightly signed, but the id in the signature is another key's."""
    upgrade = signed(lambda text: text.replace(f'keyid="{API_KEY}"', 'keyid="another key"'))
    assert fault_of(upgrade) is SignatureFault.MISMATCH


@pytest.mark.parametrize(
    "changed",
    [
        {"signature": None},
        {"signature_input": None},
        {"x_api_key": None},
        {"x_api_key": ""},
        {"audiohook_session_id": None},
        {"signature": "sig2=" + SIGNATURE.partition("=")[2]},
        {"signature": "sig1=NZBw"},
        {"signature": "sig1=:N:"},
        {"signature": f"{SIGNATURE}, {SIGNATURE}"},
        {"signature_input": f"{INPUT}, {INPUT}"},
        {"signature_input": INPUT + ";tag=" + '"x"'},
        {"signature_input": INPUT + ";created=1"},
        {"signature_input": INPUT + ";"},
        {"signature_input": INPUT.replace("hmac-sha256", "rsa-v1_5-sha256")},
        {"signature_input": INPUT.replace(f";created={CREATED_S}", "")},
        {"signature_input": INPUT.replace(f';nonce="{NONCE}"', "")},
        {"signature_input": INPUT.replace(NONCE, "short")},
        {"signature_input": INPUT.replace(f'"{NONCE}"', "12345")},
        {"signature_input": INPUT.replace("=1641013200", '="1641013200"')},
        {"signature_input": INPUT.replace("=1641013200", "=-1")},
        {"signature_input": INPUT.replace("=1641013200", "=" + "9" * 5000)},
        {"signature_input": INPUT.replace('"x-api-key"', '"x-api-key";sf')},
        {"signature_input": INPUT.replace('"x-api-key")', '"x-api-key" "x-api-key")')},
        {"signature_input": INPUT.replace('"x-api-key")', '"x-api-key" "@signature-params")')},
        {"signature_input": INPUT.replace('"x-api-key")', '"x-api-key" "not-sent")')},
        {"signature_input": "sig1=()" + ";created=1"},
        {"target": "/ws\r\n\"x\": y"},
        {"target": "/wé"},
        {"audiohook_session_id": "\udc80"},
    ],
)  # fmt: skip
def test_a_malformed_signature_is_refused(changed: dict[str, str]) -> None:
    assert fault_of(request(**changed)) is SignatureFault.MALFORMED


@pytest.mark.parametrize(
    "name",
    [
        "@request-target",
        "@authority",
        "audiohook-organization-id",
        "audiohook-session-id",
        "audiohook-correlation-id",
        "x-api-key",
    ],
)
def test_every_documented_component_must_be_signed(name: str) -> None:
    upgrade = signed(lambda text: text.replace(f'"{name}"', '"user-agent"'))
    assert fault_of(upgrade) is SignatureFault.NOT_COVERED


def test_more_may_be_signed_in_any_order() -> None:
    upgrade = signed(
        lambda text: text.replace('("@request-target"', '("user-agent" "@request-target"')
    )
    verify_upgrade(upgrade, SECRETS, CREATED_S, NOBODY)


def test_it_holds_for_half_a_minute_and_no_longer_than_it_says() -> None:
    last_s = CREATED_S + MAX_AGE_S + MAX_SKEW_S
    verify_upgrade(request(), SECRETS, last_s, NOBODY)
    assert fault_of(request(), last_s + 1) is SignatureFault.EXPIRED
    verify_upgrade(request(), SECRETS, CREATED_S - MAX_SKEW_S, NOBODY)
    assert fault_of(request(), CREATED_S - MAX_SKEW_S - 1) is SignatureFault.FUTURE

    brief = signed(lambda text: text.replace("3282026430", str(CREATED_S + 5)))
    verify_upgrade(brief, SECRETS, CREATED_S + 5 + MAX_SKEW_S, NOBODY)
    assert fault_of(brief, CREATED_S + 6 + MAX_SKEW_S) is SignatureFault.EXPIRED
    endless = signed(lambda text: text.replace(";expires=3282026430", ""))
    verify_upgrade(endless, SECRETS, last_s, NOBODY)
    assert fault_of(endless, last_s + 1) is SignatureFault.EXPIRED


def test_a_signature_is_good_once() -> None:
    _, seen = verify_upgrade(request(), SECRETS, CREATED_S, NOBODY)
    for now_s in (CREATED_S, CREATED_S + MAX_AGE_S + MAX_SKEW_S):
        assert fault_of(request(), now_s, seen) is SignatureFault.REPLAYED
    other = signed(lambda text: text.replace(NONCE, "another-nonce-of-enough-length"))
    _, seen = verify_upgrade(other, SECRETS, CREATED_S, seen)
    assert len(seen.until_s) == 2


def test_a_wrong_signature_burns_no_nonce() -> None:
    assert fault_of(request(target="/elsewhere")) is SignatureFault.MISMATCH
    verify_upgrade(request(), SECRETS, CREATED_S, NOBODY)


def test_old_nonces_are_forgotten_and_too_many_are_refused() -> None:
    full = SeenNonces({str(number): CREATED_S for number in range(MAX_SEEN_NONCES)})
    assert fault_of(request(), CREATED_S, full) is SignatureFault.BUSY
    _, seen = verify_upgrade(request(), SECRETS, CREATED_S + 1, full)
    assert list(seen.until_s) == [NONCE]


def test_without_a_secret_the_key_is_enough_and_only_then() -> None:
    bare = request(signature=None, signature_input=None)
    client, seen = verify_upgrade(bare, {API_KEY: b""}, CREATED_S, NOBODY)
    assert (client.session_id, seen) == (SESSION, NOBODY)
    with pytest.raises(SignatureError):
        odd = request(signature=None, signature_input=None, audiohook_session_id="\udc80")
        verify_upgrade(odd, {API_KEY: b""}, CREATED_S, NOBODY)
    assert fault_of(bare) is SignatureFault.UNSIGNED
    unknown = request(signature=None, signature_input=None, x_api_key="unknown")
    assert fault_of(unknown) is SignatureFault.UNSIGNED

    made = sign_upgrade(bare, b"", nonce=NONCE, created_s=CREATED_S, expires_s=CREATED_S + 30)
    forged = UpgradeRequest(
        target=bare.target, authority=bare.authority, headers=(*bare.headers, *made)
    )
    with pytest.raises(SignatureError) as caught:
        verify_upgrade(forged, {API_KEY: b""}, CREATED_S, NOBODY)
    assert caught.value.fault is SignatureFault.MISMATCH


mangled = st.builds(
    lambda at, extra: INPUT[:at] + extra + INPUT[at:],
    st.integers(0, len(INPUT)),
    st.text(max_size=3),
)


@given(
    st.dictionaries(st.sampled_from([*HEADERS]), st.text(max_size=60) | mangled),
    st.text(max_size=20),
    st.integers(0, 2**40),
)
def test_only_signature_errors_escape(changed: dict[str, str], target: str, now_s: int) -> None:
    headers = tuple((HEADERS | changed).items())
    upgrade = UpgradeRequest(target=target, authority="audiohook.example.com", headers=headers)
    with pytest.raises(SignatureError):
        verify_upgrade(upgrade, SECRETS, now_s, NOBODY)
