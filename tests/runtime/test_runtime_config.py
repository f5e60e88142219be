"""Sources in their order, refusals that name the cure, secrets unseen, documents complete."""

from __future__ import annotations

import pickle
import re
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from subtone.runtime.analysis import Direction
from subtone.runtime.config import (
    ConfigError,
    RuntimeConfig,
    Scope,
    Secret,
    load_config,
    settings,
)
from subtone.runtime.journal import AudioPolicy

DOCUMENT = Path(__file__).resolve().parents[2] / "docs" / "configuration.md"
ROW = re.compile(r"^\| `(?P<path>[a-z0-9_]+\.[a-z0-9_]+)` \| `(?P<default>.*)` \| (?P<said>.*) \|$")


def from_file(folder: Path, text: str, **environment: str) -> RuntimeConfig:
    file = folder / "subtone.toml"
    file.write_text(text)
    return load_config(file, environment)


def test_nothing_set_is_the_defaults() -> None:
    assert load_config(environment={}) == RuntimeConfig()
    assert RuntimeConfig().journal.audio is AudioPolicy.DROP
    assert RuntimeConfig().http.is_admin_remote is False


def test_later_sources_win(tmp_path: Path) -> None:
    file = tmp_path / "subtone.toml"
    file.write_text("[http]\nport = 1001\nhost = 'localhost'\n[limits]\nmax_calls = 3\n")
    environment = {"SUBTONE_HTTP_PORT": "2001", "SUBTONE_LIMITS_MAX_CALLS": "4"}
    found = load_config(file, environment, {"http.port": "3001"})
    assert (found.http.port, found.http.host, found.limits.max_calls) == (3001, "localhost", 4)


def test_the_environment_names_the_file(tmp_path: Path) -> None:
    file = tmp_path / "named.toml"
    file.write_text("[calls]\ndirection = 'inbound'\n")
    assert load_config(environment={"SUBTONE_CONFIG": str(file)}).calls.direction == "inbound"


def test_texts_become_the_settings_types() -> None:
    flags = {
        "sip.binds": "udp:127.0.0.1:5060, tcp:[::1]:5060",
        "calls.direction": "outbound",
        "calls.is_text_expected": "true",
        "journal.snapshot_s": "12.5",
        "http.tokens": '[{"name": "a", "scopes": ["read", "ingest"], "secret": "env:T"}]',
    }
    found = load_config(environment={"T": "s3cret"}, flags=flags)
    assert found.sip.binds == ("udp:127.0.0.1:5060", "tcp:[::1]:5060")
    assert found.calls.direction is Direction.OUTBOUND
    assert found.calls.is_text_expected is True
    assert found.journal.snapshot_s == 12.5
    assert found.http.tokens[0].scopes == (Scope.READ, Scope.INGEST)
    assert found.http.tokens[0].secret == Secret("s3cret")


@pytest.mark.parametrize(
    ("environment", "flags", "said"),
    [
        ({"SUBTONE_HTP_PORT": "1"}, {}, "'SUBTONE_HTP_PORT'; did you mean 'SUBTONE_HTTP_PORT'"),
        ({}, {"journal.retension_days": "1"}, "did you mean 'journal.retention_days'"),
        ({"SUBTONE_HTTP_PORT": "many"}, {}, "environment variable SUBTONE_HTTP_PORT: http.port"),
        ({}, {"http.port": "65536"}, "<= 65535"),
        ({}, {"rtp.port_min": "20001"}, "rtp.port_min must be even"),
        ({}, {"rtp.port_max": "19999"}, "below rtp.port_max"),
        ({}, {"http.tls_key": "k.pem"}, "http.tls_certificate and http.tls_key go together"),
        ({}, {"http.host": "0.0.0.0"}, "is open to others: give http.tokens"),
        ({}, {"sip.binds": "tls:127.0.0.1:5061"}, "needs sip.tls_certificate"),
        ({}, {"sip.binds": "udp:127.0.0.1:99999"}, "is not like udp:127.0.0.1:5060"),
        ({}, {"sip.binds": "127.0.0.1"}, "is not like udp:127.0.0.1:5060"),
        ({}, {"calls.is_agent_voice_scored": "true"}, "needs calls.agent_voice_purpose"),
        ({}, {"twilio.auth_tokens": "env:NONE"}, "environment variable NONE is not set"),
        ({}, {"twilio.auth_tokens": "file:/none"}, "/none cannot be read"),
        ({"SUBTONE_ALERTS_WEBHOOK_SECRET": ""}, {}, "alerts.webhook_secret is not usable"),
        ({}, {"http.tokens": '[{"name": "a", "scopes": ["read"]}]'}, "either sha256 or secret"),
        (
            {},
            {"http.tokens": '[{"name": "a", "scopes": ["all"], "sha256": "0"}]'},
            "Invalid enum value",
        ),
        (
            {},
            {"http.tokens": '[{"name": "a", "scopes": ["read"], "sha256": "0"}]'},
            "64 hexadecimal",
        ),
    ],
)
def test_a_refusal_names_the_setting_and_the_cure(
    environment: dict[str, str], flags: dict[str, str], said: str
) -> None:
    with pytest.raises(ConfigError) as refused:
        load_config(environment=environment, flags=flags)
    assert said in str(refused.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[htp]\nport = 1", "did you mean 'http'"),
        ("[http]\nprot = 1", "did you mean 'http.port'"),
        ("http = 1", "write [http]"),
        ("[http", "is no TOML"),
        ("[http]\nport = '80'", "http.port is not usable"),
        ("[twilio]\nauth_tokens = [7]", "expected a text"),
        ("[[http.tokens]]\nname = 'a'\nscopes = ['read']\nsha = '0'", "unknown field `sha`"),
    ],
)
def test_a_bad_file_is_refused(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        from_file(tmp_path, text)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        load_config(tmp_path / "none.toml", {})


def test_a_secret_is_seen_by_nobody(tmp_path: Path) -> None:
    kept = tmp_path / "token"
    kept.write_text("from-a-file\n")
    text = f"[twilio]\nauth_tokens = ['plain-text', 'env:TOKEN', 'file:{kept}']"
    found = from_file(tmp_path, text, TOKEN="from-the-environment")
    revealed = [secret.reveal() for secret in found.twilio.auth_tokens]
    assert revealed == ["plain-text", "from-the-environment", "from-a-file"]
    printed = f"{found!r} {found} {found.twilio.auth_tokens[0]:}"
    assert not any(word in printed for word in revealed)
    with pytest.raises(TypeError):
        pickle.dumps(found.twilio.auth_tokens)


def test_a_secret_on_the_command_line_is_refused_and_not_repeated() -> None:
    with pytest.raises(ConfigError, match="public") as refused:
        load_config(environment={}, flags={"alerts.webhook_secret": "hunter2"})
    assert "hunter2" not in str(refused.value)


@given(st.sampled_from(settings()), st.text(max_size=40).filter(lambda t: "\0" not in t))
def test_any_text_is_taken_or_refused(setting: object, text: str) -> None:
    path = getattr(setting, "path")  # noqa: B009
    try:
        load_config(environment={}, flags={path: text})
    except ConfigError as error:
        assert path.split(".")[0] in str(error)


def test_every_setting_has_one_name_everywhere() -> None:
    assert len({s.variable for s in settings()}) == len({s.flag for s in settings()})
    assert len({s.variable for s in settings()}) == len(settings())
    assert all(s.meaning for s in settings())


def test_every_setting_is_documented_and_none_that_is_gone() -> None:
    """A row per setting, with its default and meaning; rows and settings are the same set."""
    rows = [match for line in DOCUMENT.read_text().splitlines() if (match := ROW.match(line))]
    documented = [(row["path"], row["default"], row["said"]) for row in rows]
    assert documented == [(s.path, s.shown_default, s.meaning) for s in settings()]


def test_the_documented_file_is_a_configuration(tmp_path: Path) -> None:
    (example,) = re.findall(r"```toml\n(.*?)```", DOCUMENT.read_text(), re.DOTALL)
    kept = tmp_path / "twilio"
    kept.write_text("token")
    text = example.replace("/run/secrets/twilio", str(kept))
    found = from_file(tmp_path, text, BOARD_TOKEN="b")
    assert found.journal.retention_days == 90
    assert len(tomllib.loads(text)["http"]["tokens"]) == len(found.http.tokens) == 2
