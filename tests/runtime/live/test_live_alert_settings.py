"""The file of rules, sinks and delivery: read whole, secrets kept, refused by name."""

from __future__ import annotations

from pathlib import Path

import pytest

from subtone.runtime.config import AlertsConfig, ConfigError, Secret
from subtone.runtime.live.alert_settings import DeliveryTable, read_alert_settings

SECRET = "a shared secret"


def test_the_file_names_sinks_and_keeps_their_secrets(tmp_path: Path) -> None:
    rules, key = tmp_path / "alerts.toml", tmp_path / "key"
    key.write_text("from a file\n", encoding="utf-8")
    rules.write_text(
        f"""
time_zone = "Asia/Shanghai"
[budget]
per_hour = 3
[[sinks]]
name = "chat"
kind = "slack"
url = "env:CHAT_URL"
[[sinks]]
name = "own"
kind = "webhook"
url = "https://alerts.example.com/in"
secrets = ["file:{key}", "plain"]
[[sinks]]
name = "shared"
kind = "webhook"
url = "https://alerts.example.com/in"
""",
        encoding="utf-8",
    )
    config = AlertsConfig(rules=str(rules), webhook_secret=Secret(SECRET))
    found = read_alert_settings(config, {"CHAT_URL": "https://hooks.example.com/T0/B0"})
    assert found.rules.budget.per_hour == 3
    assert found.sinks["chat"].url == "https://hooks.example.com/T0/B0"
    assert found.sinks["chat"].secrets == ()
    assert found.sinks["own"].secrets == ("from a file", "plain")
    assert found.sinks["shared"].secrets == (SECRET,)
    assert found.delivery.sender_policy().schemes == {"https"}
    assert "B0" not in repr(found)
    assert "plain" not in repr(found)


def test_the_sinks_on_the_page_can_be_read(tmp_path: Path) -> None:
    page = Path(__file__).resolve().parents[3] / "docs" / "alerts.md"
    rules = tmp_path / "alerts.toml"
    rules.write_text(page.read_text("utf-8").split("```toml\n")[2].split("```")[0], "utf-8")
    found = read_alert_settings(AlertsConfig(rules=str(rules)), {"DESK_SECRET": SECRET})
    assert found.sinks["desk"].secrets == (SECRET,)
    assert found.delivery == DeliveryTable()


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("nonsense", "alerts.toml"),
        ("speed = 1", "speed"),
        ('[[sinks]]\nname = "a"\nkind = "webhook"', "url"),
        ('[[sinks]]\nname = "a"\nkind = "fax"\nurl = "https://a.example"', "fax"),
        ('[[sinks]]\nname = "a"\nkind = "slack"\nurl = "env:NOT_SET"', "NOT_SET"),
        ('[[sinks]]\nname = "a"\nkind = "slack"\nurl = 5', "url"),
        ('[[sinks]]\nname = "a"\nkind = "slack"\nurl = "https://a.example"\n' * 2, "two sinks"),
        ('[delivery]\nallowed_networks = ["10.0.0.1/8"]', "allowed_networks"),
        ("[delivery]\nmax_attempts = -1", "max_attempts"),
    ],
)
def test_an_unusable_file_is_refused_by_name(tmp_path: Path, text: str, named: str) -> None:
    rules = tmp_path / "alerts.toml"
    rules.write_text(text, encoding="utf-8")
    with pytest.raises(ConfigError, match=r"alerts\.rules") as caught:
        read_alert_settings(AlertsConfig(rules=str(rules)), {})
    assert named in str(caught.value)


def test_a_missing_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot be read"):
        read_alert_settings(AlertsConfig(rules=str(tmp_path / "none.toml")), {})
