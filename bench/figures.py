"""The tables of figures in both READMEs, written from ``bench/results`` and nothing else."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
RESULTS = ROOT / "bench" / "results"
READMES = {"en": ROOT / "README.md", "zh": ROOT / "README.zh.md"}
BLOCK = re.compile(r"(<!-- figures:begin -->\n).*?(<!-- figures:end -->)", re.DOTALL)

WORDS = {
    "en": {
        "head": "| what | subtone | beside it |\n| --- | --- | --- |",
        "pitch": "pitch on telephone speech, gross error",
        "voicing": "voicing error on telephone speech",
        "pitch_speed": "pitch and all frame features, CPU",
        "agitation": "agitated against neutral, unseen to the caller's baseline: AUC, {corpus}",
        "neutral": "neutral clips above .5",
        "masked": "composed calls, calm words over an angry voice: reach `hidden_frustration`",
        "mild": "the same, mildly angry voice",
        "open": "composed calls, open anger: reach `active_escalation`",
        "recovery": "composed calls, anger that passes: eased or resolved at the end",
        "joyful": "composed calls, joyful caller flagged by mistake",
        "calm": "composed calls, calm caller: false alerts",
        "median": "median {s:.0f} s after the change",
        "hour": "{n:.1f} an hour",
        "heads": "with heads {figure}",
        "speed": "two-track call through everything, one core",
        "import": "`import subtone`",
        "size": "core install",
        "real_time": "{x:.0f}× real time",
    },
    "zh": {
        "head": "| 指标 | subtone | 对照 |\n| --- | --- | --- |",
        "pitch": "电话语音基频，粗差率",
        "voicing": "电话语音清浊判断错误率",
        "pitch_speed": "基频与全部帧特征，CPU",
        "agitation": "激动与平静（相对来电者自身基线）：AUC，{corpus}",
        "neutral": "平静片段超过 .5 的比例",
        "masked": "合成通话，平静的话语配愤怒的语音：到达 `hidden_frustration`",
        "mild": "同上，轻度愤怒的语音",
        "open": "合成通话，公开愤怒：到达 `active_escalation`",
        "recovery": "合成通话，怒气平息：最终缓和或解决",
        "joyful": "合成通话，高兴的来电者被误报",
        "calm": "合成通话，平静的来电者：误报",
        "median": "变化后中位 {s:.0f} 秒",
        "hour": "每小时 {n:.1f} 次",
        "heads": "加模型头 {figure}",
        "speed": "双轨通话全流程，单核",
        "import": "`import subtone`",
        "size": "核心安装体积",
        "real_time": "{x:.0f} 倍实时",
    },
}


def _load(name: str) -> Any:
    return json.loads((RESULTS / f"{name}.json").read_text(encoding="utf-8"))


def render(language: str) -> str:
    """The table of one README, from the committed results."""
    words = WORDS[language]
    pitch, speed = _load("pitch"), _load("speed")
    kinds, heard = (
        {row["kind"]: row for row in _load(name)["overall"]}
        for name in ("composed", "composed-heads")
    )

    def peers(figure: str, unit: str) -> str:
        named = ((n, p[figure]) for n, p in pitch.items() if n != "subtone")
        return ", ".join(f"{name} {value:.1f}{unit}" for name, value in named)

    def reached(row: Any) -> str:
        median = words["median"].format(s=row["median_delay_s"])
        return f"{row['hits']}/{row['calls']}, {median}"

    def recovered(row: Any) -> str:
        return f"{row['recovered']}/{row['calls']}"

    def flagged(row: Any) -> str:
        return f"{row['flagged']}/{row['calls']}"

    def false_alerts(row: Any) -> str:
        return str(words["hour"].format(n=row["false_alerts_per_hour"]))

    rows = [
        (words["pitch"], f"{pitch['subtone']['gpe']:.1f} %", peers("gpe", " %")),
        (words["voicing"], f"{pitch['subtone']['vde']:.1f} %", peers("vde", " %")),
    ]
    for corpus in _load("agitation"):
        neutral = f"{words['neutral']}: {100 * corpus['neutral_above_half']:.0f} %"
        name = words["agitation"].format(corpus=corpus["corpus"])
        rows.append((name, f"{corpus['auc']:.3f}", neutral))
    said = {"recovery": recovered, "joyful": flagged, "calm": false_alerts}
    for kind in ("masked", "mild", "open", "recovery", "joyful", "calm"):
        figure = said.get(kind, reached)
        with_heads = words["heads"].format(figure=figure(heard[kind]))
        rows.append((words[kind], figure(kinds[kind]), with_heads))
    rows += [
        (words["speed"], words["real_time"].format(x=speed["x_real_time"]), ""),
        (words["import"], f"{speed['import_s']:.3f} s", ""),
        (words["size"], f"{speed['installed_mb']:.0f} MB", ""),
    ]
    body = "\n".join(f"| {' | '.join(row)} |" for row in rows)
    return f"{words['head']}\n{body}\n"


def write_figures() -> None:
    """Put the tables into both READMEs."""
    for language, readme in READMES.items():
        text = readme.read_text(encoding="utf-8")
        found = BLOCK.search(text)
        if found is None:
            raise SystemExit(f"{readme.name} has no figures block")
        table = f"{found[1]}{render(language)}{found[2]}"
        readme.write_text(text.replace(found.group(), table), encoding="utf-8")


if __name__ == "__main__":
    write_figures()
