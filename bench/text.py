"""Text emotion on real messages: subtone's rules against the same lexicon without rules.

Three questions. No weight was fitted to them, but errors on these texts were read while
the lexicons were written, so the figures are partly in-sample:

* GoEmotions (English comments): is a comment anger-like (anger, annoyance, disapproval,
  disgust)? Macro-F1 at the threshold that calls a text frustrated.
* CPED (Chinese television dialogue): the same for anger, disgust and other negative
  emotions of high arousal. Television quarrels are not contact-centre messages.
* Helpdesk dialogues (zh, en): Spearman of the mean frustration of the last two customer
  turns, and of their mean positivity, against the annotators' mean satisfaction.

The keyword baseline counts the same terms with the same weights and no rule at all.

    python bench/text.py [--data DIR] [--errors N]
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import Language, Role, SpanKind
from subtone.contracts.voice_intelligence import TextEmotionScores, TextTurn
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text, share_of
from subtone.kernel.voice_intelligence.text_matcher import LEXICON
from subtone.kernel.voice_intelligence.text_tokens import fold, tokenise

CALIBRATION = TextCalibration()
DATA = Path(__file__).resolve().parents[2] / "shared" / "data"
ANGER_EN = {"anger", "annoyance", "disapproval", "disgust"}
ANGER_ZH = {"anger", "disgust", "negative-other"}
THRESHOLD = 0.3
LAST_TURNS = 2

Floats = npt.NDArray[np.float64]


def score(text: str) -> TextEmotionScores:
    """Scores of one message by the product."""
    turn = TextTurn(
        turn_id="t",
        role=Role.CUSTOMER,
        t_event_ms=0,
        t_end_ms=0,
        t_seen_ms=0,
        text=text,
        language=Language.UNDETERMINED,
    )
    return score_text(turn, measure_text(turn, CALIBRATION), CALIBRATION)


def with_rules(text: str) -> float:
    """Frustration by the product."""
    return score(text).frustration


def valence(text: str) -> float:
    """Frustration less positivity, by the product."""
    scores = score(text)
    return scores.frustration - scores.positivity


def keywords_only(text: str) -> float:
    """Frustration by summed term weights: no degree, negation, contrast or emphasis."""
    kinds = (SpanKind.FRUSTRATION, SpanKind.RHETORICAL_QUESTION)
    strength = 0.0
    for unit in LEXICON.units(tokenise(fold(text))):
        if unit.entry is None:
            continue
        if unit.entry.kind in kinds:
            strength += unit.entry.weight
        elif unit.entry.kind is SpanKind.ESCALATION_REQUEST:
            strength += -2.0 * np.log1p(-CALIBRATION.escalation_request_frustration)
    return share_of(float(strength))


def read(path: Path) -> Iterator[dict[str, Any]]:
    """Records of a JSON Lines file."""
    with path.open(encoding="utf-8") as lines:
        for line in lines:
            yield json.loads(line)


def macro_f1(truth: npt.NDArray[np.bool_], said: npt.NDArray[np.bool_]) -> float:
    """Mean F1 of the two classes."""
    scores = []
    for positive in (True, False):
        hit = float(np.sum((truth == positive) & (said == positive)))
        scores.append(
            2 * hit / max(float(np.sum(truth == positive) + np.sum(said == positive)), 1.0)
        )
    return float(np.mean(scores))


def auc(truth: npt.NDArray[np.bool_], values: Floats) -> float:
    """Area under the ROC curve, ties at one half."""
    ranks = _ranks(values)
    positives = int(truth.sum())
    negatives = len(truth) - positives
    return float((ranks[truth].sum() - positives * (positives + 1) / 2) / (positives * negatives))


def _ranks(values: Floats) -> Floats:
    _, inverse, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    return np.asarray((last - (counts - 1) / 2.0)[inverse], dtype=np.float64)


def spearman(a: Sequence[float], b: Sequence[float]) -> float:
    """Spearman correlation with average ranks."""
    ranked = _ranks(np.asarray(a, float)), _ranks(np.asarray(b, float))
    return float(np.corrcoef(*ranked)[0, 1])


def labelled(data: Path) -> dict[str, list[tuple[str, bool]]]:
    """Texts with a yes or no for anger, by corpus."""
    folder = data / "text"
    return {
        "GoEmotions en": [
            (r["text"], not ANGER_EN.isdisjoint(r["labels"]))
            for r in read(folder / "goemotions_dev.jsonl")
        ],
        "CPED zh": [
            (r["text"], r["emotion"] in ANGER_ZH) for r in read(folder / "cped_valid.jsonl")
        ],
    }


def dialogues(data: Path, language: str) -> list[tuple[list[str], float]]:
    """Customer turns and mean satisfaction of each helpdesk dialogue."""
    return [
        ([t["text"] for t in r["turns"] if t["sender"] == "customer"], r["satisfaction_mean"])
        for r in read(data / "text" / f"helpdesk_{language}.jsonl")
    ]


def last_mean(turns: Sequence[str], value: Callable[[str], float]) -> float:
    """Mean of a score over the last customer turns."""
    return float(np.mean([value(text) for text in turns[-LAST_TURNS:]]))


def report(data: Path) -> None:
    """Print the table."""
    methods = {"rules": with_rules, "keywords": keywords_only, "valence": valence}
    print(f"{'corpus':<22}{'n':>7}{'anger':>8}{'method':>11}{'macro-F1':>10}{'AUC':>7}{'F1+':>7}")
    for corpus, rows in labelled(data).items():
        truth = np.array([is_angry for _, is_angry in rows])
        for name, method in methods.items():
            values = np.array([method(text) for text, _ in rows])
            said = values >= THRESHOLD
            hit = float(np.sum(truth & said))
            f1 = 2 * hit / max(float(truth.sum() + said.sum()), 1.0)
            print(
                f"{corpus:<22}{len(rows):>7}{int(truth.sum()):>8}{name:>11}"
                f"{macro_f1(truth, said):>10.3f}{auc(truth, values):>7.3f}{f1:>7.3f}"
            )
    print(f"\n{'helpdesk':<22}{'n':>7}{'method':>11}{'Spearman with satisfaction':>30}")
    for language in ("zh", "en"):
        talks = [(turns, mean) for turns, mean in dialogues(data, language) if turns]
        satisfaction = [mean for _, mean in talks]
        for name, method in methods.items():
            rho = spearman([last_mean(turns, method) for turns, _ in talks], satisfaction)
            print(f"{language:<22}{len(talks):>7}{name:>11}{rho:>30.3f}")


def report_speed(data: Path) -> None:
    """Print the time of one message, features and scores together."""
    for language in ("zh", "en"):
        texts = [text for turns, _ in dialogues(data, language)[:300] for text in turns]
        begin = time.process_time()
        for text in texts:
            score(text)
        spent_ms = (time.process_time() - begin) * 1e3
        mean_length = np.mean([len(t) for t in texts])
        each_ms = spent_ms / len(texts)
        print(f"{language}: {each_ms:.3f} ms a message of {mean_length:.0f} characters")


def report_errors(data: Path, count: int) -> None:
    """Print evenly spaced misses and false alarms of both labelled corpora."""
    for corpus, rows in labelled(data).items():
        judged = [(text, is_angry, score(text)) for text, is_angry in rows]
        for is_angry, title in ((True, "missed"), (False, "false alarm")):
            wrong = [
                (text, s)
                for text, truth, s in judged
                if truth is is_angry and (s.frustration >= THRESHOLD) is not truth
            ]
            print(f"\n{corpus}: {title}, {len(wrong)} in all")
            for text, s in wrong[:: max(len(wrong) // count, 1)][:count]:
                rules = [x.rule for x in s.spans if x.contribution]
                print(f"  {s.frustration:.2f} {text!r} {rules}")


def main() -> None:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--data", type=Path, default=DATA, help="folder that holds text/")
    parser.add_argument("--errors", type=int, default=0, help="also print this many errors each")
    arguments = parser.parse_args()
    report(arguments.data)
    report_speed(arguments.data)
    if arguments.errors:
        report_errors(arguments.data, arguments.errors)


if __name__ == "__main__":
    main()
