"""The models and the memory of one server, as its configuration asks for them."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from subtone.contracts.memory import MemoryRecord
from subtone.runtime.config import ConfigError, RuntimeConfig
from subtone.runtime.config_tree import MemoryConfig, PerceptionConfig
from subtone.runtime.live.hub import RunningCall
from subtone.runtime.live.metrics import Metrics

if TYPE_CHECKING:
    from subtone.memory.store import SqliteMemoryStore
    from subtone.perception.heads.contrast import ContrastHead
    from subtone.runtime.audio_memory import AudioMemorySystem
    from subtone.runtime.listening.utterances import Findings, Utterances
    from subtone.runtime.live.perceiving import Perceiving

SOURCE: Final = "perception"  # the stream of what was heard; on the call's own clock
KEY_BYTES: Final = 32
RETENTION_EVERY_S: Final = 3_600.0

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True, kw_only=True)
class Perception:
    """What understands, and what is remembered; either may be missing."""

    system: AudioMemorySystem | None = None
    store: SqliteMemoryStore | None = None
    contrasts: tuple[ContrastHead, ...] = ()


@asynccontextmanager
async def running_perception(
    config: RuntimeConfig, now_ms: Callable[[], int]
) -> AsyncIterator[Perception]:
    """Models and memory open for as long as the block runs; nothing where none is configured.

    Raises ConfigError for what cannot be used, before a call is taken.
    """
    if config.perception.checkpoint is None and config.memory.path is None:
        yield Perception()
        return
    try:
        perception = await asyncio.to_thread(_open, config.perception, config.memory, now_ms)
    except ImportError as error:
        raise ConfigError(
            f"perception and memory need {error.name}: install subtone[memory]"
        ) from error
    try:
        yield perception
    finally:
        if perception.store is not None:
            await asyncio.to_thread(perception.store.close)


def is_transcribing(config: RuntimeConfig) -> bool:
    """Whether words come from the voice, so that moments wait for them."""
    return config.perception.checkpoint is not None and "transcription" in config.perception.tasks


def utterances_of(
    config: RuntimeConfig, perception: Perception, now_ms: Callable[[], int]
) -> Callable[[str], Utterances] | None:
    """Makes what understands one call; None without a checkpoint."""
    system, store = perception.system, perception.store
    if system is None:
        return None
    from subtone.runtime.listening.utterances import Utterances

    def remember(record: MemoryRecord) -> None:
        if store is not None:
            store.add([record])

    def made(call_id: str) -> Utterances:
        return Utterances(
            call_id,
            system,
            config.perception.tasks,
            perception.contrasts,
            remember if config.memory.are_calls_remembered else None,
            max_utterance_ms=round(config.perception.max_utterance_s * 1000.0),
            now_ms=now_ms,
        )

    return made


def perceiving_of(
    config: RuntimeConfig,
    perception: Perception,
    calls: Callable[[], Mapping[str, RunningCall]],
    now_ms: Callable[[], int],
    metrics: Metrics,
) -> Perceiving | None:
    """What hears the running calls and gives them back what it found; None without a checkpoint."""
    utterances = utterances_of(config, perception, now_ms)
    if utterances is None:
        return None
    from subtone.runtime.live.perceiving import Perceiving

    def deliver(call_id: str, findings: Findings) -> None:
        running = calls().get(call_id)
        if running is None or running.live.is_over:
            return
        for text in findings.texts:
            running.live.receive(SOURCE, text, now_ms())
        for result in findings.heads:
            running.live.found(result)

    return Perceiving(
        utterances,
        deliver,
        now_ms,
        metrics,
        threads=config.perception.threads,
        max_waiting_ms=round(config.perception.max_waiting_s * 1000.0),
    )


def _open(
    perception: PerceptionConfig, memory: MemoryConfig, now_ms: Callable[[], int]
) -> Perception:
    from subtone.memory.errors import MemoryStoreError
    from subtone.memory.store import SqliteMemoryStore
    from subtone.perception.errors import PerceptionError
    from subtone.runtime.audio_memory import AudioMemorySystem
    from subtone.runtime.listening.contrasts import contrast_heads

    store = None
    try:
        if memory.path is not None:
            store = SqliteMemoryStore(
                Path(memory.path),
                key=_key(memory),
                is_voiceprint_allowed=memory.is_voiceprint_allowed,
                now_ms=now_ms,
            )
        if perception.checkpoint is None:
            return Perception(store=store)
        models = {"emotion": perception.emotion_model, "speaker": perception.speaker_model}
        system = AudioMemorySystem(
            perception.checkpoint,
            store=store,
            models={task: path for task, path in models.items() if path is not None},
            is_voiceprint_allowed=memory.is_voiceprint_allowed,
            encoder_options={"threads": 1, "padding": perception.padding},
            now_ms=now_ms,
        )
        system.load(perception.tasks)
        return Perception(
            system=system,
            store=store,
            contrasts=contrast_heads(system, perception.arousal_head, perception.valence_head),
        )
    except (MemoryStoreError, PerceptionError, OSError) as error:
        if store is not None:
            store.close()
        raise ConfigError(" ".join(str(error).split())) from error


def _key(memory: MemoryConfig) -> bytes | None:
    if memory.key_file is None:
        return None
    key = Path(memory.key_file).read_bytes()
    if len(key) != KEY_BYTES:
        raise ConfigError(
            f"memory.key_file {memory.key_file!r} holds {len(key)} bytes: a key is {KEY_BYTES}"
        )
    return key


async def forget_old(
    store: SqliteMemoryStore | None, days: int, held: Callable[[], Sequence[str]]
) -> None:
    """Erase what is older than the retention, now and every hour; calls under hold stay."""
    while store is not None:
        try:
            receipt = await asyncio.to_thread(lambda: store.erase_older_than(days, held()))
        except Exception:
            log.exception("memories older than %d days were not erased", days)
        else:
            log.info("%d memories older than %d days erased", receipt.records, days)
        await asyncio.sleep(RETENTION_EVERY_S)
