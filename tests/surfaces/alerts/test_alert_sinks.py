"""What is posted where: each form as its receiver documents it, and no word turned to markup."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import parse_qs, urlsplit

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from subtone.contracts.base import ContractError
from subtone.contracts.session_state import LocalText
from subtone.surfaces.alerts.alert import Alert, AlertChange, redacted
from subtone.surfaces.alerts.rules import AlertRule, AlertSeverity
from subtone.surfaces.alerts.signature import is_signed
from subtone.surfaces.alerts.sinks import Sink, SinkKind, render, title
from subtone.surfaces.report.words import STATES
from support_alerts import Desk, S, decision, replace

T_MS = 1_700_000_000_000
KEY = "0123456789abcdef"
TITLE_EN = f"[warning] Alert: {STATES[S.ESCALATION_RISK].en} (0.62)"
TITLE_ZH = f"[警告] 告警: {STATES[S.ESCALATION_RISK].zh} (0.62)"


def raised() -> Alert:
    rule = AlertRule(name="risk", severity=AlertSeverity.WARNING, states=(S.ESCALATION_RISK,))
    (alert,) = Desk(rule).see(decision(65_000, S.ESCALATION_RISK, 0.62))
    return alert


def sink(kind: SinkKind, **changes: Any) -> Sink:
    return Sink(**{"name": "s", "kind": kind, "url": "https://desk.example/hook?k=1", **changes})


def said(kind: SinkKind, alert: Alert | None = None, **changes: Any) -> Any:
    return json.loads(render(sink(kind, **changes), alert or raised(), KEY, T_MS).body)


def quoting(text: str) -> Alert:
    alert = raised()
    evidence = tuple(e if e.quote is None else replace(e, quote=text) for e in alert.evidence)
    return replace(alert, advice=LocalText(en=text, zh=text), evidence=evidence)


def test_a_webhook_gets_the_whole_alert_signed_the_same_bytes_each_time() -> None:
    hook = sink(SinkKind.WEBHOOK, secrets=("whsec_test",))
    first, later = (render(hook, raised(), KEY, t) for t in (T_MS, T_MS + 60_000))
    assert first.body == later.body
    assert (first.method, first.url) == ("POST", hook.url)
    headers = dict(first.headers)
    assert headers["Idempotency-Key"] == KEY
    assert is_signed(first.body, headers["Subtone-Signature"], "whsec_test", T_MS // 1_000)
    assert dict(later.headers)["Subtone-Signature"].startswith("t=1700000060,v1=")
    body = json.loads(first.body)
    assert (body["format"], body["format_version"], body["delivery_id"]) == (
        "subtone.alert",
        1,
        KEY,
    )
    assert body["alert"]["state"] == "escalation_risk"
    assert body["alert"]["counterfactuals"][0]["sentence"]["zh"]
    assert '"contract"' not in first.body.decode()
    assert "Subtone-Signature" not in dict(render(sink(SinkKind.WEBHOOK), raised(), KEY, 0).headers)


def test_the_title_says_severity_change_state_and_score_in_both_languages() -> None:
    assert title(raised(), "en") == TITLE_EN
    assert title(raised(), "zh") == TITLE_ZH
    for change in AlertChange:
        assert title(replace(raised(), change=change), "zh")


def test_slack_gets_a_header_and_a_section() -> None:
    body = said(SinkKind.SLACK)
    head, section = body["blocks"]
    assert head["text"]["text"] == body["text"] == TITLE_EN
    text = section["text"]["text"].splitlines()
    assert text[0] == "Call c1 · 01:05 · dominant signal: conflict"
    assert text[1] == "Look at this call now"
    assert raised().counterfactuals[0].sentence.en in text
    assert section["text"]["verbatim"] is True


def test_teams_gets_an_adaptive_card_without_markdown() -> None:
    (attachment,) = said(SinkKind.TEAMS)["attachments"]
    assert attachment["contentType"] == "application/vnd.microsoft.card.adaptive"
    blocks = attachment["content"]["body"]
    assert {b["type"] for b in blocks} == {"RichTextBlock"}
    assert blocks[0]["inlines"][0]["text"] == title(raised(), "en")


def test_feishu_signs_in_the_body() -> None:
    body = said(SinkKind.FEISHU, secrets=("s3cret",), language="zh")
    assert body["msg_type"] == "text"
    assert body["content"]["text"].startswith(f"{TITLE_ZH}\n通话 c1 · 01:05")
    assert body["timestamp"] == "1700000000"
    assert body["sign"] == "IX3eHI0/v/Td7jqJ0ynSEK3Dq5JY3HUZeoeMgVZeZGo="  # by openssl
    assert "sign" not in said(SinkKind.FEISHU)


def test_dingtalk_signs_in_the_query_beside_what_is_there() -> None:
    request = render(sink(SinkKind.DINGTALK, secrets=("s3cret",)), raised(), KEY, T_MS)
    assert parse_qs(urlsplit(request.url).query) == {
        "k": ["1"],
        "timestamp": ["1700000000000"],
        "sign": ["MT7bXSNfVTPzQMEuLWvmMNbmZSCUY1X6YKn9AxBnLsI="],  # by openssl
    }
    assert json.loads(request.body)["msgtype"] == "text"
    bare = render(sink(SinkKind.DINGTALK, url="https://a.example/r"), raised(), KEY, T_MS)
    assert bare.url == "https://a.example/r"


def test_wecom_gets_text_within_its_limit() -> None:
    body = said(SinkKind.WECOM, quoting("很" * 3_000))
    assert body["msgtype"] == "text"
    assert len(body["text"]["content"].encode()) <= 2_048
    assert body["text"]["content"].endswith("…")


def test_several_calls_are_counted() -> None:
    assert (
        "calls concerned: 3"
        in said(SinkKind.WECOM, replace(raised(), call_count=3))["text"]["content"]
    )


HOSTILE = (
    '<!channel> <at user_id="all"></at> [pay](https://evil.example)\n[critical] x \u202e &amp;'
)


@pytest.mark.parametrize("kind", [k for k in SinkKind if k is not SinkKind.WEBHOOK])
def test_what_a_customer_said_cannot_mention_link_or_begin_a_line(kind: SinkKind) -> None:
    body = said(kind, quoting(HOSTILE))
    text = json.dumps(body, ensure_ascii=False)
    for markup in ("<!channel>", "<at ", "\u202e", "\\n[critical]"):
        assert markup not in text or (kind is SinkKind.TEAMS and markup.startswith("<"))
    if kind is SinkKind.SLACK:
        assert "&lt;!channel&gt;" in text
        assert "&amp;amp;" in text


@settings(max_examples=100, deadline=None)
@given(st.sampled_from(SinkKind), st.text(max_size=400), st.sampled_from(["en", "zh"]))
def test_any_words_can_be_posted_everywhere(kind: SinkKind, text: str, language: str) -> None:
    alert = redacted(quoting(text + "\ud800"), str)
    request = render(sink(kind, language=language), alert, KEY, T_MS)
    body = json.loads(request.body)
    assert len(request.body) < 60_000
    if kind is SinkKind.SLACK:
        assert len(body["blocks"][0]["text"]["text"]) <= 150
        assert len(body["blocks"][1]["text"]["text"]) <= 3_000


@pytest.mark.parametrize(
    "url",
    [
        "",
        "desk.example/hook",
        "https://",
        "https://a b/",
        "https://a/\r\nX: y",
        "https://[::1",
        "https://a:99999/",
    ],
)
def test_half_an_address_is_refused(url: str) -> None:
    with pytest.raises(ContractError, match="whole address"):
        sink(SinkKind.WEBHOOK, url=url)


def test_a_sink_can_be_read_from_a_file() -> None:
    toml = 'name = "desk"\nkind = "feishu"\nurl = "https://desk.example/h"\nlanguage = "zh"'
    assert msgspec.toml.decode(toml, type=Sink).language == "zh"
