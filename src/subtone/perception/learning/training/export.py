"""A trained head as a head file, with the card that says what it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from subtone.perception.encoding import FloatArray
from subtone.perception.heads.acoustic import SPACE as ACOUSTIC_SPACE
from subtone.perception.heads.card import HeadCard
from subtone.perception.heads.domain import fit_domain
from subtone.perception.heads.files import StoredHead
from subtone.perception.heads.networks import Network
from subtone.perception.heads.pooling import Pooling
from subtone.perception.learning.baseline import centred_on_all
from subtone.perception.learning.clips import Clip
from subtone.perception.learning.renditions import BANDS
from subtone.perception.learning.training.classes import ClassHead, chosen
from subtone.perception.learning.training.contrasts import ContrastFit
from subtone.perception.learning.training.linear import LinearMap
from subtone.perception.learning.training.table import Table

CLASS_USE = (
    "Which emotion of the training corpus a voice resembles, for memory and display. Acted "
    "speech: its confidence is no probability about real callers. Never a basis for decisions "
    "about a person, of employment, insurance or credit."
)
CONTRAST_USE = (
    "Evidence beside acoustics, against the caller's own first three utterances. Trained on "
    "acted speech; larger is more of its label. Never a basis for decisions about a person, of "
    "employment, insurance or credit."
)


def class_head_file(
    head: ClassHead, table: Table, *, name: str, space: str, figures: Mapping[str, float]
) -> StoredHead:
    """The file of an emotion head; ``table`` is what it was trained on, ``space`` the encoder's."""
    rows, voices = _domain_rows(head, table, is_centred=False)
    return _stored(
        head,
        head.map,
        rows,
        voices,
        table,
        task="emotion",
        labels=head.labels,
        name=name,
        space=space,
        figures=figures,
        use=CLASS_USE,
    )


def contrast_head_file(
    fit: ContrastFit, table: Table, *, name: str, space: str, figures: Mapping[str, float]
) -> StoredHead:
    """The file of an arousal or valence head: one logit, relative to the speaker."""
    linear = fit.head.map
    one = LinearMap(
        linear.mean,
        linear.scale,
        linear.weight[1:] - linear.weight[:1],
        linear.bias[1:] - linear.bias[:1],
    )
    rows, voices = _domain_rows(fit.head, table, is_centred=True)
    return _stored(
        fit.head,
        one,
        rows,
        voices,
        table,
        task=fit.task,
        labels=(fit.label,),
        name=name,
        space=space,
        figures=figures,
        use=CONTRAST_USE,
    )


def described(table: Table, task: str, space: str) -> str:
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
    return (
        f"{'; '.join(parts)}; renditions: {', '.join(table.values)}; "
        f"made by: subtone train --task {task} --features {features} --data CORPUS"
    )


def _domain_rows(
    head: ClassHead, table: Table, *, is_centred: bool
) -> tuple[FloatArray, list[str]]:
    """What the head reads in both bands, and who speaks."""
    rows, voices = [], []
    for band in BANDS:
        values, clips = table.values[band], table.clips
        if is_centred:
            values, has_normal = centred_on_all(values, clips)
            values, clips = values[has_normal], _where(clips, has_normal)
        rows.append(chosen(values, head.setting.layers))
        voices += [clip.voice for clip in clips]
    return np.concatenate(rows), voices


def _where(
    clips: Sequence[Clip], keep: np.ndarray[tuple[int], np.dtype[np.bool_]]
) -> tuple[Clip, ...]:
    return tuple(clip for clip, is_kept in zip(clips, keep, strict=True) if is_kept)


def _stored(
    head: ClassHead,
    linear: LinearMap,
    rows: FloatArray,
    voices: list[str],
    table: Table,
    *,
    task: str,
    labels: tuple[str, ...],
    name: str,
    space: str,
    figures: Mapping[str, float],
    use: str,
) -> StoredHead:
    layers = head.setting.layers
    is_pooled_elsewhere = space == ACOUSTIC_SPACE
    width = len(linear.mean) // len(layers)
    standard = ((rows - linear.mean) / linear.scale).astype(np.float32)
    domain = fit_domain(standard, voices)
    card = HeadCard(
        name=name,
        task=task,
        space=space,
        layer=layers[0],
        also_layers=layers[1:],
        pooling=Pooling.NONE if is_pooled_elsewhere else Pooling.MEAN_STD,
        width=width if is_pooled_elsewhere else width // 2,
        network=Network.LINEAR,
        labels=labels,
        is_relative_to_speaker=task != "emotion",
        temperature=head.temperature,
        abstention_threshold=head.threshold if task == "emotion" else 0.0,
        domain_reference=domain.reference,
        licence="Apache-2.0",
        data=described(table, task, space),
        figures=dict(figures),
        intended_use=use,
    )
    return StoredHead(
        card,
        {
            "standardise.mean": linear.mean.astype(np.float32),
            "standardise.scale": linear.scale.astype(np.float32),
            "linear.weight": linear.weight.astype(np.float32),
            "linear.bias": linear.bias.astype(np.float32),
            "domain.mean": domain.mean,
            "domain.variance": domain.variance,
            "domain.factors": domain.factors,
        },
    )
