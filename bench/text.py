"""Text emotion on real messages: subtone against keywords, VADER and itself without a part.

* GoEmotions (English comments) and CPED (Chinese television dialogue): is a text anger-like?
  On the half that ``bench.fit_text`` never read, and on ``both halves``: there a table that the
  same fit made of the held-out half alone judges the other. Of either half each quarter, cut by
  key, is judged by the threshold that served its other quarter best, for every method alike.
  Weights and thresholds are blind to what they judge; the settings of the fit were chosen on the
  first half, and errors on all of these texts were read while the authored lexicons were written.
* Helpdesk dialogues (zh, en): Spearman of the mean of the last two customer turns against the
  annotators' mean satisfaction, on the dialogues that the fit never read.

``authored`` is the product without fitted terms; ``keywords`` counts the authored terms with
their weights and no rule at all; ``valence`` is frustration less positivity, by the product.
Intervals are 95 %, from 1,000 bootstrap samples of comments or dialogues; a difference is the
product's less the other's on the same samples.

    python -m bench.text [--data DIR] [--errors N] [--out FILE]
"""

from __future__ import annotations

import argparse
import json
import time
import zlib
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from bench.fit_classes import CLASSES
from bench.fit_text import LAST_LATIN, examples, fit, rounded, turn_of
from bench.text_corpora import CORPORA, DATA, Labelled, dialogues, labelled
from subtone.contracts.calibration import TextCalibration
from subtone.contracts.vocabulary import SpanKind
from subtone.contracts.voice_intelligence import TextEmotionScores
from subtone.kernel.voice_intelligence.text_emotion import score_text
from subtone.kernel.voice_intelligence.text_features import measure_text, share_of
from subtone.kernel.voice_intelligence.text_fitted import WEIGHTS
from subtone.kernel.voice_intelligence.text_matcher import LEXICON
from subtone.kernel.voice_intelligence.text_tokens import fold, tokenise

CALIBRATION = TextCalibration()
AUTHORED = TextCalibration(fitted_max=0.0, fitted_relief=0.0)
LAST_TURNS = 2
SAMPLES = 1_000
THRESHOLD = 0.3  # of the errors that are printed

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]


def score(
    text: str,
    calibration: TextCalibration = CALIBRATION,
    fitted: Mapping[str, float] = WEIGHTS,
) -> TextEmotionScores:
    """Scores of one message by the product."""
    turn = turn_of(text)
    return score_text(turn, measure_text(turn, calibration, fitted), calibration)


def frustration(text: str) -> float:
    """Frustration by the product."""
    return score(text).frustration


def frustration_by(fitted: Mapping[str, float], text: str) -> float:
    """Frustration by the product with other weights of fitted terms."""
    return score(text, fitted=fitted).frustration


def authored(text: str) -> float:
    """Frustration by the authored lexicon and its rules, without fitted terms."""
    return score(text, AUTHORED).frustration


def authored_valence(text: str) -> float:
    """Frustration less positivity, without fitted terms."""
    scores = score(text, AUTHORED)
    return scores.frustration - scores.positivity


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


def vader() -> Callable[[str], float] | None:
    """VADER's compound score, signed as frustration is; None where it is not installed."""
    try:
        analyser = import_module("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer()
    except ModuleNotFoundError:
        return None

    def negative_compound(text: str) -> float:
        return -float(analyser.polarity_scores(text)["compound"])

    return negative_compound


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


def last_mean(turns: Sequence[str], value: Callable[[str], float]) -> float:
    """Mean of a score over the last customer turns."""
    return float(np.mean([value(text) for text in turns[-LAST_TURNS:]]))


def best_threshold(truth: Bools, values: Floats) -> float:
    """The hundredth of the values that serves macro-F1 best."""
    steps = np.unique(np.quantile(values, np.linspace(0.01, 0.99, 99)))
    return float(max(steps, key=lambda step: macro_f1(truth, values >= step)))


def called(rows: Sequence[Labelled], truth: Bools, values: Floats) -> Bools:
    """Whether each text is called anger-like: each quarter by the threshold of its half's other."""
    found = np.zeros(len(rows), np.bool_)
    quarter = np.array([2 * row.is_held_out + zlib.crc32(row.key.encode()) % 2 for row in rows])
    for mine, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
        threshold = best_threshold(truth[quarter == other], values[quarter == other])
        found[quarter == mine] = values[quarter == mine] >= threshold
    return found


def interval(figure: Callable[[npt.NDArray[np.int64]], float], n: int) -> tuple[float, float]:
    """95 % bootstrap interval of a figure of rows, given by index."""
    rng = np.random.default_rng(1)
    values = [figure(rng.integers(0, n, n)) for _ in range(SAMPLES)]
    low, high = np.percentile(values, [2.5, 97.5])
    return float(low), float(high)


@dataclass(frozen=True)
class Figure:
    """One method on one corpus; ``ahead`` is the interval of the product's lead over it."""

    corpus: str
    method: str
    n: int
    figure: str
    value: float
    interval: tuple[float, float]
    ahead: tuple[float, float] | None


def compared(
    corpus: str,
    n: int,
    name: str,
    figures: Mapping[str, Callable[[npt.NDArray[np.int64]], float]],
) -> Iterator[Figure]:
    """Each method's figure with intervals; the first method is the product."""
    every = np.arange(n)
    product = next(iter(figures.values()))
    for method, figure in figures.items():

        def lead(sample: npt.NDArray[np.int64], other: Any = figure) -> float:
            return product(sample) - float(other(sample))

        ahead = None if figure is product else interval(lead, n)
        yield Figure(corpus, method, n, name, figure(every), interval(figure, n), ahead)


def anger_figures(data: Path, language: str) -> Iterator[Figure]:
    """Macro-F1 and AUC of anger-like against the rest."""
    rows = labelled(data, language)
    held_out = np.array([row.is_held_out for row in rows])
    truth = np.array([row.is_angry for row in rows])
    methods: dict[str, Callable[[str], float]] = {
        "subtone": frustration,
        "authored": authored,
        "keywords": keywords_only,
    }
    peer = vader()
    if language == "en" and peer is not None:
        methods["VADER"] = peer
    values = {name: valued(method, rows) for name, method in methods.items()}
    swapped = valued(partial(frustration_by, swapped_table(data, language)), rows)
    values["subtone"] = np.where(held_out, values["subtone"], swapped)
    calls = {name: called(rows, truth, found) for name, found in values.items()}
    every = np.ones(len(rows), np.bool_)
    for title, part in (("", held_out), (", both halves", every)):
        corpus, n = f"{CORPORA[language]}{title}", int(part.sum())
        f1 = {m: partial(_sampled_f1, truth[part], c[part]) for m, c in calls.items()}
        area = {m: partial(_sampled_auc, truth[part], v[part]) for m, v in values.items()}
        yield from compared(corpus, n, "macro-F1", f1)
        yield from compared(corpus, n, "AUC", area)


def valued(method: Callable[[str], float], rows: Sequence[Labelled]) -> Floats:
    """A method's score of each text."""
    return np.array([method(row.text) for row in rows])


def swapped_table(data: Path, language: str) -> dict[str, float]:
    """Weights of fitted terms, this language's from the comments or lines held out."""
    rows = examples(data, language, is_swapped=True)
    kept = {t: w for t, w in WEIGHTS.items() if (t[0] > LAST_LATIN) is not (language == "zh")}
    return kept | rounded(fit(rows, CLASSES[language]))


def _sampled_f1(truth: Bools, calls: Bools, sample: npt.NDArray[np.int64]) -> float:
    return macro_f1(truth[sample], calls[sample])


def _sampled_auc(truth: Bools, values: Floats, sample: npt.NDArray[np.int64]) -> float:
    return auc(truth[sample], values[sample])


def satisfaction_figures(data: Path, language: str) -> Iterator[Figure]:
    """Spearman with dissatisfaction on dialogues that nothing was fitted to."""
    talks = [talk for talk in dialogues(data, language) if talk.is_held_out]
    unhappy = -np.array([talk.satisfaction for talk in talks])
    for fitted, plain, title in (
        (frustration, authored, "frustration"),
        (valence, authored_valence, "valence"),
    ):
        methods = {"subtone": fitted, "authored": plain, "keywords": keywords_only}
        figures = {}
        for name, method in methods.items():
            values = np.array([last_mean(talk.turns, method) for talk in talks])
            figures[name] = partial(_sampled_spearman, values, unhappy)
        yield from compared(f"helpdesk {language}", len(talks), f"Spearman, {title}", figures)


def _sampled_spearman(values: Floats, unhappy: Floats, sample: npt.NDArray[np.int64]) -> float:
    return spearman(values[sample].tolist(), unhappy[sample].tolist())


def report(data: Path) -> list[Figure]:
    """Print the table and return its rows."""
    print(f"{'corpus':<25}{'n':>6}  {'figure':<22}{'method':<10}{'value':>6}  interval{'':8}lead")
    found: list[Figure] = []
    for language in ("en", "zh"):
        found += [*anger_figures(data, language), *satisfaction_figures(data, language)]
    for f in found:
        lead = "" if f.ahead is None else f"{f.ahead[0]:+.3f} {f.ahead[1]:+.3f}"
        print(
            f"{f.corpus:<25}{f.n:>6}  {f.figure:<22}{f.method:<10}{f.value:>6.3f}  "
            f"{f.interval[0]:.3f} {f.interval[1]:.3f}    {lead}".rstrip()
        )
    return found


def report_speed(data: Path) -> None:
    """Print the time of one message, features and scores together."""
    for language in ("zh", "en"):
        texts = [text for talk in dialogues(data, language)[:300] for text in talk.turns]
        begin = time.process_time()
        for text in texts:
            score(text)
        spent_ms = (time.process_time() - begin) * 1e3
        mean_length = np.mean([len(t) for t in texts])
        each_ms = spent_ms / len(texts)
        print(f"{language}: {each_ms:.3f} ms a message of {mean_length:.0f} characters")


def report_errors(data: Path, count: int) -> None:
    """Print evenly spaced misses and false alarms of both labelled corpora."""
    for language, corpus in CORPORA.items():
        judged = [
            (r.text, r.is_angry, score(r.text))
            for r in labelled(data, language)
            if not r.is_held_out
        ]
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
    parser.add_argument("--out", type=Path, help="write results as JSON")
    arguments = parser.parse_args()
    figures = report(arguments.data)
    report_speed(arguments.data)
    if arguments.errors:
        report_errors(arguments.data, arguments.errors)
    if arguments.out:
        arguments.out.write_text(json.dumps([asdict(f) for f in figures], indent=1) + "\n")


if __name__ == "__main__":
    main()
