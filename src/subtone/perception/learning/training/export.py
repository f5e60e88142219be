"""A trained head as a head file, with the card that says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from msgspec import UNSET

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.acoustic import SPACE as ACOUSTIC_SPACE
from subtone.perception.heads.card import CONTRASTS, HeadCard
from subtone.perception.heads.domain import TrainingDomain, fit_domain
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling
from subtone.perception.learning.baseline import centred_table
from subtone.perception.learning.renditions import BANDS
from subtone.perception.learning.training.attentive import AttentiveHead
from subtone.perception.learning.training.classes import ClassHead, chosen
from subtone.perception.learning.training.contrasts import ContrastFit
from subtone.perception.learning.training.frames import FrameTable
from subtone.perception.learning.training.linear import LinearMap, Reals
from subtone.perception.learning.training.networks import NetworkHead
from subtone.perception.learning.training.table import Table

# of corpora that a head may be trained on and given away without asking more of its users
FREE_LICENCES: Final = ("Apache-2.0", "CC BY 4.0", "CC0-1.0", "MIT")
CLASS_USE: Final = (
    "Which class of the training corpus a voice resembles, for memory and display. Measured on "
    "such corpora: its confidence is no probability about real callers. Never a basis for "
    "decisions about a person, of employment, insurance or credit."
)
CONTRAST_USE: Final = (
    "Evidence beside acoustics, against the caller's own first three utterances: "
    "larger is more of its label. Never a basis for decisions about a person, of "
    "employment, insurance or credit."
)


@dataclass(frozen=True, eq=False, kw_only=True)
class _Weights:
    """What any trained head puts into its file."""

    layers: tuple[int, ...]
    mean: Reals | FloatArray
    scale: Reals | FloatArray
    network: Network
    tensors: Mapping[str, Reals | FloatArray]
    temperature: float
    pooling: Pooling = Pooling.MEAN_STD  # where the features have frames


def class_head_file(
    head: ClassHead | NetworkHead,
    table: Table,
    *,
    name: str,
    task: str,
    space: str,
    figures: Mapping[str, float],
    share: float = 0.0,
) -> StoredHead:
    """The file of a head over classes; ``table`` taught it, ``space`` is the encoder's stem.

    share: of the speakers' normals, which training took off.
    """
    if isinstance(head, NetworkHead):
        weights = _Weights(
            layers=head.layers,
            mean=head.mean,
            scale=head.scale,
            network=Network.MLP,
            tensors=head.tensors,
            temperature=head.temperature,
        )
    else:
        weights = _linear(head, head.map)
    return _stored(
        weights,
        table,
        name=name,
        task=task,
        labels=head.labels,
        space=space,
        threshold=head.threshold,
        figures=figures,
        use=CLASS_USE,
        share=share,
    )


def attentive_head_file(
    head: AttentiveHead,
    table: FrameTable,
    *,
    name: str,
    task: str,
    space: str,
    figures: Mapping[str, float],
) -> StoredHead:
    """The file of a class head with its own pooling; ``table`` taught it."""
    tensors = dict(head.tensors)
    weights = _Weights(
        layers=(head.layer,),
        mean=tensors.pop("standardise.mean"),
        scale=tensors.pop("standardise.scale"),
        network=Network.LINEAR,
        tensors=tensors,
        temperature=head.temperature,
        pooling=Pooling.ATTENTIVE,
    )
    pooled = {band: head.pooled(frames)[:, None] for band, frames in table.frames.items()}
    return _stored(
        weights,
        Table(table.clips, pooled),
        name=name,
        task=task,
        labels=head.labels,
        space=space,
        threshold=head.threshold,
        figures=figures,
        use=CLASS_USE,
    )


def contrast_head_file(
    fit: ContrastFit, table: Table, *, name: str, space: str, figures: Mapping[str, float]
) -> StoredHead:
    """The file of an arousal or valence head: one logit, relative to the speaker."""
    both = fit.head.map
    one = LinearMap(
        both.mean, both.scale, both.weight[1:] - both.weight[:1], both.bias[1:] - both.bias[:1]
    )
    return _stored(
        _linear(fit.head, one),
        table,
        name=name,
        task=fit.task,
        labels=(fit.label,),
        space=space,
        threshold=0.0,
        figures=figures,
        use=CONTRAST_USE,
        share=1.0,
    )


def _linear(head: ClassHead, linear: LinearMap) -> _Weights:
    return _Weights(
        layers=head.setting.layers,
        mean=linear.mean,
        scale=linear.scale,
        network=Network.LINEAR,
        tensors={"linear.weight": linear.weight, "linear.bias": linear.bias},
        temperature=head.temperature,
    )


def described(
    table: Table,
    task: str,
    space: str,
    network: Network,
    pooling: Pooling = Pooling.MEAN_STD,
    *,
    is_against_normal: bool = False,
) -> str:
    """Corpora, speakers, languages, bands, acted or natural, and the command, in one line."""
    parts = []
    for corpus in sorted({clip.corpus for clip in table.clips}):
        clips = [clip for clip in table.clips if clip.corpus == corpus]
        kind = "acted" if all(clip.is_acted for clip in clips) else "natural"
        parts.append(
            f"{corpus}: {len(clips)} {kind} clips of {len({c.speaker for c in clips})} speakers, "
            f"language {'/'.join(sorted({c.language for c in clips}))}, {clips[0].licence}"
        )
    features = "acoustics" if space == ACOUSTIC_SPACE else "whisper"
    attentive = f"--pooling {pooling} " if pooling is Pooling.ATTENTIVE else ""
    padded = "--padding window " if space.endswith("/window") else ""
    baseline = "--baseline speaker " if is_against_normal else ""
    return (
        f"{'; '.join(parts)}; renditions: {', '.join(table.values)}; "
        f"made by: subtone train --task {task} --features {features} --network {network} "
        f"{attentive}{baseline}{padded}--data CORPUS"
    )


def licence_of(table: Table) -> str:
    """Ours where every corpus allows it, else what the corpora ask."""
    asked = sorted({clip.licence for clip in table.clips} - set(FREE_LICENCES))
    return f"bound by its data: {', '.join(asked)}" if asked else "Apache-2.0"


def domain_of(
    layers: Sequence[int],
    mean: Reals | FloatArray,
    scale: Reals | FloatArray,
    table: Table,
    n_groups: int | None = None,
) -> TrainingDomain:
    """The domain of what a head reads in both bands of the table that taught it.

    n_groups: into how many groups the speakers are dealt to be measured against the others;
    None measures one speaker at a time.
    """
    rows = np.concatenate([chosen(table.values[band], layers) for band in BANDS])
    _, groups = np.unique(table.voices, return_inverse=True)
    names = [str(group % (n_groups or len(groups))) for group in groups.tolist()] * len(BANDS)
    return fit_domain(((rows - mean) / scale).astype(np.float32), names)


def _stored(
    weights: _Weights,
    table: Table,
    *,
    name: str,
    task: str,
    labels: tuple[str, ...],
    space: str,
    threshold: float,
    figures: Mapping[str, float],
    use: str,
    share: float = 0.0,
) -> StoredHead:
    is_pooled_elsewhere = space == ACOUSTIC_SPACE
    width = len(weights.mean) // len(weights.layers)
    heard = centred_table(table, share) if share else table
    is_attentive = weights.pooling is Pooling.ATTENTIVE  # its table holds the one layer pooled
    rows = (0,) if is_attentive else weights.layers
    domain = domain_of(rows, weights.mean, weights.scale, heard)
    card = HeadCard(
        name=name,
        task=task,
        space=space,
        layer=weights.layers[0],
        also_layers=weights.layers[1:],
        pooling=Pooling.NONE if is_pooled_elsewhere else weights.pooling,
        width=width if is_pooled_elsewhere else width // 2,
        network=weights.network,
        labels=labels,
        is_relative_to_speaker=share > 0.0,
        speaker_share=share if 0.0 < share < 1.0 else UNSET,
        temperature=weights.temperature,
        abstention_threshold=threshold,
        domain_reference=domain.reference,
        licence=licence_of(heard),
        data=described(
            heard,
            task,
            space,
            weights.network,
            weights.pooling,
            is_against_normal=share > 0.0 and task not in CONTRASTS,
        ),
        figures=dict(figures),
        intended_use=use,
    )
    stored = {
        "standardise.mean": weights.mean,
        "standardise.scale": weights.scale,
        "domain.mean": domain.mean,
        "domain.variance": domain.variance,
        "domain.factors": domain.factors,
        **weights.tensors,
    }
    return StoredHead(card, {key: value.astype(np.float32) for key, value in stored.items()})
