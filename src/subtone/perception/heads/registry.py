"""Which heads there are, and how one is loaded: built in, or by a package's entry point.

A package adds a head by the entry-point group ``subtone.heads``; the object it names is a
``HeadDeclaration``. The entry point's name is the head's name.

    [project.entry-points."subtone.heads"]
    stutter = "my_package.heads:STUTTER"
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any, Final, Protocol

from subtone.perception.heads.errors import HeadError
from subtone.perception.tasks import Needs

GROUP: Final = "subtone.heads"


class LoadedHead(Protocol):
    """A head in memory. It is called with the encoding, and what else it needs.

    Where it has ``size_bytes``, unloading it gives so much memory back; a head without takes
    none of its own, as those that share a decoder.
    """

    @property
    def name(self) -> str:
        """What it is asked for by."""
        ...

    @property
    def needs(self) -> Needs:
        """What it reads, now that its file is known."""
        ...


Factory = Callable[..., LoadedHead]


@dataclass(frozen=True, kw_only=True)
class HeadDeclaration:
    """One head: what it needs, what it gives, and who makes it.

    ``needs`` is what is known before its file is read; ``gives`` names its finding.
    ``factory`` is called with the settings of the caller as keywords; as text it is
    "module:attribute", imported only then.
    """

    name: str
    needs: Needs
    gives: str
    factory: Factory | str

    def load(self, **settings: Any) -> LoadedHead:
        """Make the head. Raises HeadError where its factory cannot be found."""
        factory = self.factory
        if isinstance(factory, str):
            factory = _imported(self.name, factory)
        return factory(**settings)


def load_emotion(path: Path | str) -> LoadedHead:
    """The emotion head of a file, or the dedicated model of an ONNX file or folder."""
    from subtone.perception.heads.emotion import EmotionHead
    from subtone.perception.heads.emotion_model import EmotionModel
    from subtone.perception.heads.files import read_head

    if Path(path).suffix == ".onnx" or Path(path).is_dir():
        return EmotionModel(path)
    return EmotionHead(read_head(path))


def load_contrast(path: Path | str) -> LoadedHead:
    """An arousal or valence head of a file."""
    from subtone.perception.heads.contrast import ContrastHead
    from subtone.perception.heads.files import read_head

    return ContrastHead(read_head(path))


def load_speaker(path: Path | str | None = None, **settings: Any) -> LoadedHead:
    """Speaker recognition by the ONNX model or the voice head at ``path``, or by neither.

    settings: those of ``SpeakerHead``.
    """
    from subtone.perception.heads.files import read_head
    from subtone.perception.heads.speaker import SpeakerHead
    from subtone.perception.heads.voices import (
        OnnxVoice,
        PooledVoice,
        TrainedVoice,
        VoiceEmbedder,
    )

    embedder: VoiceEmbedder = PooledVoice()
    if path is not None:
        is_graph = Path(path).suffix == ".onnx"
        embedder = OnnxVoice(path) if is_graph else TrainedVoice(read_head(path))
    return SpeakerHead(embedder, **settings)


BUILT_IN: Final = (
    HeadDeclaration(
        name="transcription",
        needs=Needs(decoder=True),
        gives="Transcription",
        factory="subtone.perception.transcription.task:Transcribe",
    ),
    HeadDeclaration(
        name="language",
        needs=Needs(decoder=True),
        gives="LanguageFinding",
        factory="subtone.perception.language:DetectLanguage",
    ),
    HeadDeclaration(name="emotion", needs=Needs(), gives="EmotionFinding", factory=load_emotion),
    *(
        HeadDeclaration(
            name=name,
            needs=Needs(speaker_baseline=True),
            gives="ContrastFinding",
            factory=load_contrast,
        )
        for name in ("arousal", "valence")
    ),
    HeadDeclaration(
        name="speaker",
        needs=Needs(voiceprints=True),
        gives="SpeakerFinding",
        factory=load_speaker,
    ),
)


def available_heads() -> tuple[str, ...]:
    """Names of all heads, the built-in ones first; imports nothing.

    Raises HeadError where two packages, or a package and subtone, claim one name.
    """
    return tuple(_sources())


def declared_head(name: str) -> HeadDeclaration:
    """What a head needs and gives; imports its package where it is not built in.

    Raises HeadError for a name nobody registered, or a package that cannot be imported.
    """
    sources = _sources()
    if name not in sources:
        raise HeadError(name, "no such head", f"choose one of: {', '.join(sorted(sources))}")
    return sources[name]()


def load_head(name: str, **settings: Any) -> LoadedHead:
    """Load one head by name; raises as ``declared_head``, and whatever its factory raises."""
    return declared_head(name).load(**settings)


def _sources() -> Mapping[str, Callable[[], HeadDeclaration]]:
    found: dict[str, Callable[[], HeadDeclaration]] = {
        head.name: partial(_given, head) for head in BUILT_IN
    }
    for point in entry_points(group=GROUP):
        if point.name in found:
            raise HeadError(
                _origin(point),
                f"registers a head named {point.name}, which is taken",
                "uninstall one of the two packages",
            )
        found[point.name] = partial(_declared, point)
    return found


def _given(head: HeadDeclaration) -> HeadDeclaration:
    return head


def _declared(point: EntryPoint) -> HeadDeclaration:
    try:
        head = point.load()
    except Exception as error:  # whatever a third party's import raises
        raise HeadError(
            _origin(point), f"its head {point.name} cannot be imported ({error})", "repair it"
        ) from error
    if not isinstance(head, HeadDeclaration) or head.name != point.name:
        raise HeadError(
            _origin(point),
            f"{point.value} is not the declaration of a head named {point.name}",
            "let it name a HeadDeclaration",
        )
    return head


def _origin(point: EntryPoint) -> str:
    return point.dist.name if point.dist is not None else point.value


def _imported(name: str, path: str) -> Factory:
    module, _, attribute = path.partition(":")
    try:
        factory: Factory = getattr(importlib.import_module(module), attribute)
    except (ImportError, AttributeError) as error:
        raise HeadError(
            name, f"its code cannot be imported ({error})", "install subtone[memory]"
        ) from error
    return factory
