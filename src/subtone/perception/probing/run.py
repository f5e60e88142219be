"""The whole probe: every section of one report, from one matrix and one seed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import subtone
from subtone.contracts.probing import ProbeReport, ProbeSubject
from subtone.perception.encoding import FloatArray
from subtone.perception.probing.code_length import code_lengths
from subtone.perception.probing.concentration import Curves
from subtone.perception.probing.data import ProbeData, ProbeError, require_finite
from subtone.perception.probing.disentanglement import disentanglement
from subtone.perception.probing.geometry import geometry
from subtone.perception.probing.importance import importance
from subtone.perception.probing.linear import control_tasks, probe_scores, words_alone
from subtone.perception.probing.removal import removals
from subtone.perception.probing.scoring import round6
from subtone.perception.probing.umap_pictures import find_umap
from subtone.perception.probing.verdict import judge
from subtone.perception.probing.workbench import Workbench

Progress = Callable[[str, int, int], None]  # section, done, of


@dataclass(frozen=True, kw_only=True)
class Effort:
    """How much is repeated; the defaults are what SCIENCE section 8 asks for."""

    resamples: int = 1_000  # bootstrap draws of speakers
    control_draws: int = 5
    code_orders: int = 3
    repeats: int = 30  # shuffles of one dimension
    nulls: int = 20  # shuffled labellings
    halvings: int = 5
    seeds: int = 5  # of importance and of pictures
    random_draws: int = 3
    factor_groups: int = 8  # speakers left out in turn for the interval of DCI
    picture_steps: int = 500


def probe(
    data: ProbeData,
    baselines: Mapping[str, FloatArray] | None = None,
    *,
    seed: int = 0,
    effort: Effort | None = None,
    on_progress: Progress = lambda _section, _done, _of: None,
) -> ProbeReport:
    """Look inside ``data``; the same data, baselines and seed give the same report.

    Where umap-learn is installed its pictures are drawn too.

    Args:
        data: the labelled matrix.
        baselines: other vectors of the same rows, by name: what any gain is measured over.
        seed: of folds, draws, shuffles and pictures.
        effort: how much is repeated.
        on_progress: told each section as it begins.

    Raises ProbeError where a baseline does not fit, or nothing can be held out.

    """
    effort = effort or Effort()
    others = dict(baselines or {})
    for name, vectors in others.items():
        if vectors.ndim != 2 or len(vectors) != len(data.vectors):
            raise ProbeError(f"baseline {name}: shape {vectors.shape} does not fit the vectors")
        require_finite(f"baseline {name}", vectors)
    bench = Workbench(data, seed, effort.resamples)
    untested = len(data.vectors) - sum(len(fold.test) for fold in bench.unseen_folds)
    if untested:
        raise ProbeError(
            f"{untested} clips cannot be judged: without their speakers and sentences nothing is "
            "left to learn from; leave them out, or give every clip the same sentence"
        )
    sections = iter(range(1, 9))

    def begin(section: str) -> None:
        on_progress(section, next(sections), 8)

    begin("linear probes")
    scores, gain = probe_scores(bench, others)
    begin("control tasks")
    controls = control_tasks(bench, effort.control_draws)
    begin("code lengths")
    lengths = code_lengths(bench, others, effort.code_orders)
    begin("concentration")
    curves = Curves(bench, effort.random_draws)
    begin("removal")
    removal = removals(bench, effort.random_draws)
    begin("disentanglement")
    factors = disentanglement(bench, effort.factor_groups)
    begin("pictures")
    umap = find_umap()
    drawn = geometry(bench, effort.seeds, effort.picture_steps, umap)
    begin("importance")
    weights = importance(bench, effort.repeats, effort.nulls, effort.halvings, effort.seeds)
    chance = 1.0 / bench.n_classes
    return ProbeReport(
        subject=_subject(bench, seed),
        chance=round6(chance),
        verdict=judge(chance, curves, controls, removal),
        scores=scores,
        words_alone=words_alone(bench),
        gain=gain,
        controls=controls,
        code_lengths=lengths,
        importance=weights,
        concentration=curves.points(),
        disentanglement=factors,
        removal=removal,
        geometry=drawn,
        not_tested=_not_tested(data, others, has_umap=umap is not None),
    )


def _subject(bench: Workbench, seed: int) -> ProbeSubject:
    data = bench.data
    return ProbeSubject(
        corpus=data.corpus,
        language=data.language,
        band=data.band,
        is_acted=data.is_acted,
        space=data.space,
        encoder=data.encoder,
        clips=len(data.vectors),
        left_out=data.left_out,
        dimensions=data.vectors.shape[1],
        emotions=data.emotions,
        clips_of_emotion=tuple(data.emotion.count(e) for e in data.emotions),
        speakers=len(data.speakers),
        sentences=len(data.sentences),
        seed=seed,
        software_version=subtone.__version__,
    )


def _not_tested(
    data: ProbeData, baselines: Mapping[str, FloatArray], *, has_umap: bool
) -> tuple[str, ...]:
    band = "a telephone line" if data.band == "wide" else "wide-band sound"
    untested = [
        "spontaneous speech of real callers" if data.is_acted else "acted speech",
        f"other corpora and languages than {data.corpus} ({data.language})",
        band,
        "other layers, other models and fine-tuned encoders",
        "what a non-linear probe could read, and what single frames hold (vectors are pooled)",
        "sparse autoencoder features: they need far more frames than a small corpus has",
    ]
    if not has_umap:
        untested.append("pictures by UMAP: umap-learn is not installed here")
    if len(data.sentences) < 2:
        untested.append("unseen sentences: which words were spoken is not known here")
    elif not data.has_shared_sentences:
        untested.append("whether emotion hangs on the words: some sentences have one speaker only")
    if not data.has_known_gender:
        untested.append("gender: it is not known for every clip")
    if not baselines:
        untested.append("baselines: no other vectors of these clips were given")
    groups = {"speakers": len(data.speakers), "sentences": len(data.sentences)}
    untested += (
        f"a control fixed to {name}: there are fewer of them than emotions"
        for name, count in groups.items()
        if 1 < count < len(data.emotions)
    )
    return tuple(untested)
