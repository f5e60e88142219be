"""What looking inside an embedding found: every number of a probe report."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated

from msgspec import Meta

from subtone.contracts.base import Contract, Count, Name, Unit01

Figure = Annotated[float, Meta(description="in the unit of the field that holds it")]
Signed = Annotated[float, Meta(ge=-1.0, le=1.0, description="a difference or a correlation")]


class Presence(StrEnum):
    """Whether emotion is there for speakers and sentences never learned from."""

    PRESENT = "present"
    NOT_SHOWN = "not_shown"


class Concentration(StrEnum):
    """In how many dimensions it lies, judged by what few of them keep and cost."""

    ONE_DIMENSION = "one_dimension"
    FEW_DIMENSIONS = "few_dimensions"
    DISTRIBUTED = "distributed"
    BETWEEN = "between"
    NOT_JUDGED = "not_judged"


class Entanglement(StrEnum):
    """Whether erasing who speaks takes emotion along, beyond what any erasure takes."""

    ENTANGLED = "entangled"
    SEPARABLE = "separable"
    UNCLEAR = "unclear"
    NOT_JUDGED = "not_judged"


class Estimate(Contract, frozen=True, kw_only=True):
    """A figure with its 95 % bootstrap interval over speakers."""

    value: Figure
    low: Figure
    high: Figure


class ProbeSubject(Contract, frozen=True, kw_only=True):
    """What was probed, and how."""

    corpus: Name
    language: Name
    band: Name
    is_acted: bool
    space: Name  # model, padding and layer
    encoder: Name  # checkpoint, digest and precision
    clips: Count
    left_out: Count  # clips without speech
    dimensions: Count
    emotions: tuple[Name, ...]
    clips_of_emotion: tuple[Count, ...]
    speakers: Count
    sentences: Count  # 1: unknown, so not held out
    seed: Count
    software_version: Name


class ProbeScore(Contract, frozen=True, kw_only=True):
    """One kind of vectors under the same linear probe; UAR of emotion."""

    name: Name
    dimensions: Count
    unseen: Estimate  # speakers and sentences never learned from
    seen: Estimate  # other clips of the same speakers and sentences were learned from


class ControlTask(Contract, frozen=True, kw_only=True):
    """Random emotions, one for each value of what they are fixed to (Hewitt and Liang 2019)."""

    fixed_to: Name
    unseen: Estimate
    seen: Estimate
    selectivity_unseen: Estimate  # UAR of emotion less UAR of the control
    selectivity_seen: Estimate


class CodeLength(Contract, frozen=True, kw_only=True):
    """Online code of the labels given the vectors (Voita and Titov 2020)."""

    name: Name
    bits: Figure
    uniform_bits: Figure  # clips * log2(classes)
    compression: Estimate  # uniform bits / bits
    curve: tuple[tuple[Count, Figure], ...]  # clips learned from, bits a clip of the next block


class DimensionImportance(Contract, frozen=True, kw_only=True):
    """One dimension, or one cluster of correlated ones by its leader."""

    dimension: Count
    size: Count  # 1, or members of the cluster
    drop: Estimate  # of UAR on unseen speakers when its values are shuffled
    is_beyond_null: bool


class ImportanceReport(Contract, frozen=True, kw_only=True):
    """Permutation importance, and whether its ranking can be trusted."""

    repeats: Count
    nulls: Count
    null_drop: Figure  # 95 % quantile of the largest drop with shuffled labels
    beyond_null: Count
    top: tuple[DimensionImportance, ...]
    clusters: Count
    cluster_null_drop: Figure
    clusters_beyond_null: Count
    top_clusters: tuple[DimensionImportance, ...]
    top_size: Count
    split_half_correlation: Signed  # Spearman, all dimensions, mean over halvings
    split_half_top_correlation: Signed  # over the union of both top lists
    split_half_top_shared: Unit01  # share of the top list found again
    seed_correlation: Signed
    seed_top_correlation: Signed
    seed_top_shared: Unit01
    chance_top_shared: Unit01


class ConcentrationPoint(Contract, frozen=True, kw_only=True):
    """UAR with k dimensions; ranked by the probe on the training side only."""

    k: Count
    top: Estimate
    random: Estimate
    without_top: Estimate | None  # None: nothing is left


class FactorCode(Contract, frozen=True, kw_only=True):
    """How one factor is coded."""

    factor: Name
    completeness: Unit01
    informativeness: Estimate  # UAR where what may be held out is held out
    classes: Count
    held_out: Name


class DisentanglementReport(Contract, frozen=True, kw_only=True):
    """DCI (Eastwood and Williams 2018) of one basis; D and C by a sparse probe."""

    basis: Name
    disentanglement: Estimate
    completeness: Estimate
    used_dimensions: Count
    factors: tuple[FactorCode, ...]


class RemovalEffect(Contract, frozen=True, kw_only=True):
    """How well one factor is still read; UAR."""

    factor: Name
    held_out: Name
    chance: Unit01
    before: Estimate
    after: Estimate
    random: Estimate  # as many random directions erased
    cost: Estimate  # random less after


class RemovalReport(Contract, frozen=True, kw_only=True):
    """One factor's linear trace erased (LEACE, Belrose et al. 2023)."""

    removed: Name
    rank: Figure  # directions, mean over folds
    effects: tuple[RemovalEffect, ...]


class Silhouette(Contract, frozen=True, kw_only=True):
    """How clips of one label cluster in all dimensions; -1 to 1."""

    factor: Name
    value: Estimate


class MapQuality(Contract, frozen=True, kw_only=True):
    """What one kind of picture keeps of the neighbourhoods, over its seeds."""

    method: Name
    perplexity: Figure | None
    seeds: Count
    trustworthiness: Unit01  # mean
    trustworthiness_low: Unit01
    trustworthiness_high: Unit01
    neighbours_shared: Unit01 | None  # of a point's 12 nearest, between pictures of two seeds


class Picture(Contract, frozen=True, kw_only=True):
    """Points in the plane, both axes scaled to 0..1."""

    method: Name
    perplexity: Figure | None
    x: tuple[Unit01, ...]
    y: tuple[Unit01, ...]


class GeometryReport(Contract, frozen=True, kw_only=True):
    """Pictures, and what holds in the space they are made from."""

    clips: Count  # drawn
    silhouettes: tuple[Silhouette, ...]
    qualities: tuple[MapQuality, ...]
    pictures: tuple[Picture, ...]
    emotion: tuple[Name, ...]  # labels of the drawn points, to colour them
    speaker: tuple[Name, ...]
    sentence: tuple[str, ...]


class Verdict(Contract, frozen=True, kw_only=True):
    """The questions, answered."""

    presence: Presence
    concentration: Concentration
    entanglement: Entanglement
    k_for_most: Count | None  # fewest dimensions that keep 90 % of the gain over chance
    top_dimension_share: Estimate | None  # of the gain over chance that the best one keeps alone


class ProbeReport(Contract, frozen=True, kw_only=True):
    """Everything one probe found."""

    subject: ProbeSubject
    chance: Unit01
    verdict: Verdict
    scores: tuple[ProbeScore, ...]  # the probed vectors first, then the baselines
    words_alone: Estimate | None  # emotion from the sentence alone, unseen speakers
    gain: tuple[tuple[Name, Estimate], ...]  # UAR over each baseline, unseen
    controls: tuple[ControlTask, ...]
    code_lengths: tuple[CodeLength, ...]
    importance: ImportanceReport
    concentration: tuple[ConcentrationPoint, ...]
    disentanglement: tuple[DisentanglementReport, ...]
    removal: tuple[RemovalReport, ...]
    geometry: GeometryReport
    not_tested: tuple[str, ...]
