"""``AudioMemorySystem``: one encoding of a recording, shared by every task asked for.

Nothing is loaded before it is needed: the encoder with the first recording, a task's model
with the first request for that task, and what is not used is unloaded above the budget.
"""

from __future__ import annotations

import hashlib
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any, Final

import msgspec
from numpy.typing import NDArray

from subtone.contracts.memory import (
    AudioMemory,
    EmotionFinding,
    Encoding,
    LanguageFinding,
    MemoryFilter,
    MemoryHit,
    MemoryRecord,
    OtherFinding,
    SpeakerFinding,
    Transcription,
    VectorQuery,
)
from subtone.contracts.ports import EVERYTHING, MemoryStore
from subtone.contracts.vocabulary import Role
from subtone.perception.encoder import WhisperEncoder
from subtone.perception.encoding import EncodedAudio, EncodedWindow
from subtone.perception.errors import PerceptionError
from subtone.perception.fusion.vectors import ModalityVector
from subtone.perception.heads.card import CONTRASTS
from subtone.perception.heads.centre import SpeakerCentre
from subtone.perception.heads.errors import HeadError
from subtone.perception.heads.registry import available_heads, declared_head
from subtone.perception.heads.shipped import shipped_for
from subtone.perception.heads.task_pool import TaskPool
from subtone.perception.transcription import WhisperDecoder
from subtone.runtime.audio_memory.cross_modal import CrossModal
from subtone.runtime.audio_memory.keeping import Keep
from subtone.runtime.audio_memory.recordings import Recording
from subtone.runtime.audio_memory.voices import KnownVoices

TASKS: Final = ("transcription", "language", "emotion", "speaker")
DECODED: Final = frozenset({"transcription", "language"})  # dear, and of the whole recording
DEFAULT_BUDGET_BYTES: Final = 2 * 1024**3

Audio = Path | str | NDArray[Any]


class AudioMemorySystem:
    """Encodes once, understands many times, remembers and finds.

    Args:
        checkpoint: a published Whisper checkpoint's name or a local folder.
        store: where memories go; None where nothing is to be remembered.
        models: for a task, the file or folder it is loaded from; ``emotion`` and ``speaker``
            need one unless a head is shipped for the checkpoint.
        settings: for a task, more keywords for its factory.
        layer: hidden layer whose pooled states are stored and searched; the middle one when
            None, where emotion and speaker are best read (SCIENCE section 1).
        is_voiceprint_allowed: whether voices may be recognised; off unless an operator with a
            lawful purpose says otherwise.
        budget_bytes: of the models of tasks that nobody is using.
        encoder_options: keywords of ``WhisperEncoder``: precision, padding, device, threads.
        cross_modal: what makes vectors of words and images; without it words are found by
            their transcripts alone and images not at all.
        now_ms: Unix milliseconds.

    """

    def __init__(
        self,
        checkpoint: Path | str = "base",
        *,
        store: MemoryStore | None = None,
        models: Mapping[str, Path | str] | None = None,
        settings: Mapping[str, Mapping[str, Any]] | None = None,
        layer: int | None = None,
        is_voiceprint_allowed: bool = False,
        budget_bytes: int = DEFAULT_BUDGET_BYTES,
        encoder_options: Mapping[str, Any] | None = None,
        cross_modal: CrossModal | None = None,
        now_ms: Callable[[], int] = lambda: time.time_ns() // 1_000_000,
    ) -> None:
        self.store = store
        self._checkpoint = checkpoint
        self._encoder_options = dict(encoder_options or {})
        self._models = dict(models or {})
        self._settings = {task: dict(given) for task, given in (settings or {}).items()}
        if is_voiceprint_allowed:
            self._settings.setdefault("speaker", {})["is_voiceprint_allowed"] = True
        self._layer = layer
        self._voices: KnownVoices | None = None
        self._cross = cross_modal or CrossModal()
        self._now_ms = now_ms
        self._encoder: WhisperEncoder | None = None
        self._decoder: WhisperDecoder | None = None
        self._opening = threading.Lock()
        heads = available_heads()
        self._known = (*TASKS, *(name for name in heads if name not in (*TASKS, *CONTRASTS)))
        self._pool = TaskPool({task: partial(self._load, task) for task in heads}, budget_bytes)

    @property
    def encoder(self) -> WhisperEncoder:
        """The encoder, loaded when first asked for. Raises CheckpointError."""
        with self._opening:
            if self._encoder is None:
                self._encoder = WhisperEncoder(self._checkpoint, **self._encoder_options)
            return self._encoder

    @property
    def decoder(self) -> WhisperDecoder:
        """The decoder of the same checkpoint; its weights load when a task first decodes.

        Raises CheckpointError for a checkpoint that is an encoder alone.
        """
        checkpoint = self.encoder.checkpoint
        with self._opening:
            if self._decoder is None:
                shared = {
                    k: v for k, v in self._encoder_options.items() if k in ("device", "threads")
                }
                self._decoder = WhisperDecoder(checkpoint, **shared)
            return self._decoder

    @property
    def layer(self) -> int:
        """Hidden layer whose pooled states are stored and searched."""
        return (self.encoder.n_layers - 1) // 2 if self._layer is None else self._layer

    @property
    def space(self) -> str:
        """Space of the vectors that are stored and searched."""
        return f"{self.encoder.space}/L{self.layer}"

    @property
    def loaded(self) -> tuple[str, ...]:
        """Tasks whose models are in memory."""
        return self._pool.loaded

    def relieve(self, budget_bytes: int = 0) -> int:
        """Under memory pressure: unload what nobody uses, the decoder too.

        Returns the bytes that heads gave back; the decoder's come on top.
        """
        if self._decoder is not None:
            self._decoder.unload()
        return self._pool.relieve(budget_bytes)

    def load(self, tasks: Sequence[str]) -> None:
        """Load the encoder and these tasks' models now. Raises what a first use would raise."""
        self.require_known(tasks)
        if self.encoder.passes == 0 and "transcription" in tasks:
            self.decoder.load()
        for task in tasks:
            with self._pool.borrow(task):
                pass

    def process_audio(
        self,
        audio: Audio,
        tasks: Sequence[str] = ("transcription",),
        *,
        sample_rate_hz: int | None = None,
        channel: int = 0,
        name: str | None = None,
        keep: Keep | None = None,
    ) -> AudioMemory:
        """Encode a recording once and run exactly the tasks asked for on it.

        Args:
            audio: a file, or mono samples in [-1, 1] with ``sample_rate_hz``.
            tasks: any of ``TASKS``, or heads that other packages registered; none gives the
                encoding alone.
            sample_rate_hz: of samples, hertz.
            channel: of a file, from 0.
            name: what the source is called; the file's path when None.
            keep: how to remember it, a record for each stretch of speech; None keeps nothing.

        Raises IngestError or PerceptionError for what cannot be used, MemoryStoreError for what
        the memory refuses; then nothing is stored.

        """
        self.require_known(tasks)
        recording = Recording.of(audio, sample_rate_hz, channel, name)
        encoded = self.encoder.encode(recording.samples(), recording.sample_rate_hz)
        found = self.understand(encoded, tasks)
        records: list[MemoryRecord] = []
        if keep is not None:
            records = [
                self._record(recording, keep, number, self.alone(w), self._part(found, w, tasks))
                for number, w in enumerate(encoded.windows)
            ]
            self._require_store().add(records)
        encodings: list[Encoding] = []
        if encoded.windows:
            encodings = [encoded.encoding(self.layer)]
            encodings += [encoded.encoding(self.layer, window) for window in encoded.windows]
        return AudioMemory(
            source=recording.source,
            duration_ms=encoded.duration_ms,
            encodings=tuple(encodings),
            record_ids=tuple(record.record_id for record in records),
            others=tuple(_other(task, found.pop(task)) for task in tasks if task not in TASKS),
            **found,
        )

    def understand(
        self, encoded: EncodedAudio, tasks: Sequence[str], centre: SpeakerCentre | None = None
    ) -> dict[str, Any]:
        """Each task's finding about one encoding, by task; never encodes.

        centre: the normal of the one who speaks, so far; None where nobody knows who does.
        Raises HeadError for a head that is relative to the speaker where there is none.
        """
        self.require_known(tasks)
        found = {}
        for task in tasks:
            with self._pool.borrow(task) as head:
                ask: Any = head  # what it gives is its own contract
                if not head.needs.speaker_baseline:
                    found[task] = ask(encoded)
                elif centre is not None:
                    found[task] = ask(encoded, centre)
                else:
                    raise HeadError(
                        task,
                        "reads the utterances of one speaker in their order, which this is not "
                        "known to be",
                        "use it on running calls, remember a recording and give the role of each "
                        "channel, or take a head that is not relative to the speaker",
                    )
        if self._voices is not None and "speaker" in found:
            self._voices.keep(found["speaker"])
        return found

    def enrol(
        self, speaker_id: str, recordings: Sequence[Audio], *, sample_rate_hz: int | None = None
    ) -> None:
        """Remember what a person sounds like, from recordings of that person alone.

        Raises VoiceprintError where voices may not be recognised, HeadError where none of the
        recordings holds enough speech, and MemoryStoreError.
        """
        store = self._require_store()
        heard = []
        for audio in recordings:
            recording = Recording.of(audio, sample_rate_hz)
            heard.append(self.encoder.encode(recording.samples(), recording.sample_rate_hz))
        with self._pool.borrow("speaker") as head:
            recogniser: Any = head
            voiceprint = recogniser.enrol(heard)
        if self._voices is None:
            self._voices = self._known_voices(store)
        self._voices.enrol(speaker_id, voiceprint)
        self._pool.unload("speaker")  # it knows the new voice when it is loaded again

    def remember(
        self,
        audio: Audio,
        tasks: Sequence[str] = ("transcription",),
        *,
        keep: Keep,
        sample_rate_hz: int | None = None,
        channel: int = 0,
    ) -> tuple[MemoryRecord, ...]:
        """Store one record for every stretch of speech, all of them or none; return them.

        A recording of any length goes through in bounded memory. Storing the same content
        again replaces what it left before. Where ``keep`` says whose the channel is, a head
        that is relative to the speaker reads it against its own first utterances. Raises as
        ``process_audio``.
        """
        store = self._require_store()
        self.require_known(tasks)
        recording = Recording.of(audio, sample_rate_hz, channel)
        windows = self.encoder.encode_stream(recording.blocks(), recording.sample_rate_hz)
        utterances = map(self.alone, windows)
        centre = None if keep.role is Role.UNKNOWN else SpeakerCentre()
        records = []
        for number, heard in enumerate(utterances):
            found = self.understand(heard, tasks, centre)
            records.append(self._record(recording, keep, number, heard, found))
            centre = None if centre is None else centre.add(heard)
        store.add(records)
        return tuple(records)

    def alone(self, window: EncodedWindow) -> EncodedAudio:
        """One stretch of speech as a recording of its own, on the clock it came with."""
        return EncodedAudio(
            encoder=self.encoder.name,
            space=self.encoder.space,
            duration_ms=window.t_end_ms - window.t_event_ms,
            windows=(window,),
        )

    def record_of(
        self, utterance: EncodedAudio, found: Mapping[str, Any], **known: Any
    ) -> MemoryRecord:
        """The record of one utterance.

        found: what ``understand`` gave. known: the fields that no task finds out.
        """
        said: Transcription | None = found.get("transcription")
        language: LanguageFinding | None = found.get("language")
        emotion: EmotionFinding | None = found.get("emotion")
        speaker: SpeakerFinding | None = found.get("speaker")
        spoken = said.language if said is not None else None
        words = None if said is None else _text(said)
        beside = (*self._cross.of_audio(utterance), *self._cross.of_text(words))
        return MemoryRecord(
            t_event_ms=utterance.windows[0].t_event_ms,
            t_end_ms=utterance.windows[-1].t_end_ms,
            transcript=words,
            language=language.language if language is not None else spoken,
            emotion=None if emotion is None else emotion.emotion,
            emotion_confidence=0.0 if emotion is None else emotion.confidence,
            speaker_id=None if speaker is None else speaker.speaker_id,
            encodings=(utterance.encoding(self.layer), *map(_encoding, beside)),
            **known,
        )

    def search(
        self,
        *,
        text: str | None = None,
        audio: Audio | None = None,
        sample_rate_hz: int | None = None,
        image: Path | bytes | None = None,
        vectors: Sequence[VectorQuery] = (),
        where: MemoryFilter = EVERYTHING,
        limit: int = 10,
    ) -> tuple[MemoryHit, ...]:
        """Memories by words, a sounding example, an image, vectors, filters, or several at once.

        Words go by the transcripts and, where there is a text encoder, by vectors too. Each hit
        says by which route it was found. Raises PerceptionError for an example without speech
        or an image nobody here can encode, and as ``MemoryStore.search``.
        """
        queries = list(vectors)
        if audio is not None:
            recording = Recording.of(audio, sample_rate_hz)
            encoded = self.encoder.encode(recording.samples(), recording.sample_rate_hz)
            if not encoded.windows:
                raise PerceptionError(f"{recording.name} holds no speech to search by")
            heard = encoded.encoding(self.layer)
            queries.append(VectorQuery(space=heard.space, vector=heard.vector, route="audio"))
            queries += [_query(v, "audio") for v in self._cross.of_audio(encoded)]
        queries += [_query(vector, "text_vector") for vector in self._cross.of_text(text)]
        if image is not None:
            queries += [_query(vector, "image") for vector in self._seen(image)]
        return tuple(
            self._require_store().search(text=text, vectors=queries, where=where, limit=limit)
        )

    def remember_image(self, image: Path | bytes, *, name: str, keep: Keep) -> MemoryRecord:
        """Store one image under its vector; return the record.

        It has no words, no emotion and no speaker: nothing is made up for it. Raises
        PerceptionError where no image encoder is given or the bytes are no image.
        """
        content = image if isinstance(image, bytes) else image.read_bytes()
        (vector,) = self._seen(content)
        digest = hashlib.sha256(content).hexdigest()
        record = MemoryRecord(
            record_id=digest,
            call_id=keep.call_id or name[-200:],
            role=keep.role,
            t_event_ms=0,
            t_end_ms=0,
            t_seen_ms=self._now_ms() if keep.t_seen_ms is None else keep.t_seen_ms,
            transcript=None,
            language=None,
            emotion=None,
            emotion_confidence=0.0,
            speaker_id=None,
            source=f"image:{digest[:16]}",
            has_consent=keep.has_consent,
            encodings=(_encoding(vector),),
        )
        self._require_store().add([record])
        return record

    def _seen(self, image: Path | bytes) -> tuple[ModalityVector, ...]:
        content = image if isinstance(image, bytes) else image.read_bytes()
        vectors = self._cross.of_image(content)
        if not vectors:
            raise PerceptionError("no image encoder is given: images cannot be compared")
        return vectors

    def _record(
        self,
        recording: Recording,
        keep: Keep,
        number: int,
        utterance: EncodedAudio,
        found: Mapping[str, Any],
    ) -> MemoryRecord:
        return self.record_of(
            utterance,
            found,
            record_id=f"{recording.digest}-{recording.channel}-{number}",
            call_id=keep.call_id or Path(recording.name).name[-200:],
            role=keep.role,
            t_seen_ms=self._now_ms() if keep.t_seen_ms is None else keep.t_seen_ms,
            source=recording.source,
            has_consent=keep.has_consent,
        )

    def _part(
        self, found: Mapping[str, Any], window: EncodedWindow, tasks: Sequence[str]
    ) -> dict[str, Any]:
        """What was found about one window: of the words its own, and heads read it alone."""
        shared = {task: found[task] for task in tasks if task in DECODED}
        said: Transcription | None = shared.get("transcription")
        if said is not None:
            own = [s for s in said.segments if window.t_event_ms <= s.t_event_ms < window.t_end_ms]
            shared["transcription"] = msgspec.structs.replace(said, segments=tuple(own))
        alone = [task for task in tasks if task not in DECODED]
        return shared | self.understand(self.alone(window), alone)

    def _load(self, task: str) -> Any:
        settings = dict(self._settings.get(task, {}))
        declared = declared_head(task)
        if task == "speaker" and settings.get("is_voiceprint_allowed") and self.store is not None:
            self._voices = self._known_voices(self.store)
            settings = {**self._voices.settings, **settings}
        if declared.needs.decoder:
            settings.setdefault("decoder", self.decoder)
        if task in self._models:
            settings.setdefault("path", self._models[task])
        elif task == "emotion":
            settings.setdefault("path", self._shipped(task))
        return declared.load(**settings)

    def _shipped(self, task: str) -> Path:
        found = shipped_for(self.encoder.space, task)
        if found is None:
            raise HeadError(
                task,
                f"has no model for {self.encoder.space}",
                "give a head file or an ONNX model, or use the checkpoint base",
            )
        return found

    def _known_voices(self, store: MemoryStore) -> KnownVoices:
        voiceprints: Any = store  # a store of memories that holds voices too
        return KnownVoices(voiceprints, self._models.get("speaker"), self.encoder.space)

    def require_known(self, tasks: Sequence[str]) -> None:
        """Raises PerceptionError for a task that is none of the built-in or registered ones."""
        unknown = sorted(set(tasks) - set(self._known))
        if unknown:
            raise PerceptionError(
                f"no task is called {', '.join(unknown)}: choose from {', '.join(self._known)}"
            )

    def _require_store(self) -> MemoryStore:
        if self.store is None:
            raise PerceptionError("this system has no memory: give it a store")
        return self.store


def _other(task: str, result: Any) -> OtherFinding:
    return OtherFinding(task=task, result_json=msgspec.json.encode(result).decode())


def _encoding(vector: ModalityVector) -> Encoding:
    return vector.encoding()


def _query(vector: ModalityVector, route: str) -> VectorQuery:
    return VectorQuery(space=vector.space, vector=tuple(vector.vector.tolist()), route=route)


def _text(said: Transcription) -> str | None:
    return " ".join(segment.text for segment in said.segments) or None
