"""Audio memory over HTTP: understand a recording, remember it, find, forget."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Annotated, Any, TypeVar

import msgspec
from litestar import Request, delete, get, post
from litestar.exceptions import ClientException, HTTPException, NotFoundException
from litestar.openapi.spec import (
    OpenAPIFormat,
    OpenAPIMediaType,
    OpenAPIType,
    Operation,
    RequestBody,
    Schema,
)
from litestar.params import FromQuery, QueryParameter

from subtone.contracts.base import ContractError
from subtone.contracts.memory import (
    AudioMemory,
    ErasureReceipt,
    MemoryFilter,
    MemoryHit,
    MemoryRecord,
)
from subtone.contracts.vocabulary import Role
from subtone.ingest.errors import IngestError
from subtone.runtime.audio_memory.keeping import Keep
from subtone.runtime.config import Scope
from subtone.runtime.live.auth import requires, view_of
from subtone.runtime.live.parts import ConflictError, LiveParts, Parts
from subtone.runtime.live.problems import PROBLEMS

TAGS = ["memory"]
MAX_LIMIT = 200
UPLOAD = "upload"
AnyRequest = Request[Any, Any, Any]
Text = Annotated[str, QueryParameter(min_length=1, max_length=200)]
Stamp = Annotated[int, QueryParameter(ge=0, le=2**53 - 1, description="Unix milliseconds")]
Limit = Annotated[int, QueryParameter(ge=1, le=MAX_LIMIT, description="hits at most")]
T = TypeVar("T")


class Found(msgspec.Struct, frozen=True, kw_only=True):
    """One hit with what is remembered, without its vectors."""

    hit: MemoryHit
    record: MemoryRecord


class FoundPage(msgspec.Struct, frozen=True, kw_only=True):
    """Hits, the best first."""

    found: tuple[Found, ...]


class AudioOperation(Operation):
    """The body in words of the API's description: a recording as its file is."""

    def __post_init__(self) -> None:
        """Describe the body; any container the server can read is taken."""
        audio = OpenAPIMediaType(
            schema=Schema(type=OpenAPIType.STRING, format=OpenAPIFormat.BINARY)
        )
        self.request_body = RequestBody(
            required=True, content={"audio/*": audio, "application/octet-stream": audio}
        )


@post(
    "/v1/memories",
    guards=[requires(Scope.INGEST)],
    status_code=200,
    tags=TAGS,
    summary="Encode a recording once and run the tasks asked for; remember it where consented",
    operation_class=AudioOperation,
    responses=PROBLEMS,
)
async def process(
    request: AnyRequest,
    parts: Parts,
    tasks: FromQuery[
        Annotated[str, QueryParameter(max_length=200, description="separated by commas")]
    ] = "transcription",
    call_id: FromQuery[Text | None] = None,
    role: FromQuery[Role] = Role.UNKNOWN,
    has_consent: FromQuery[bool] = False,
) -> AudioMemory:
    """Only the tasks asked for are in the answer. Without consent nothing is kept."""
    system = parts.perception.system
    if system is None:
        raise NotFoundException("no models run here: perception.checkpoint is not set")
    wanted = tuple(task.strip() for task in tasks.split(",") if task.strip())
    body = await request.body()

    if has_consent and system.store is None:
        raise NotFoundException("nothing is remembered here: memory.path is not set")
    keep = Keep(has_consent=True, call_id=call_id, role=role) if has_consent else None

    def work(path: Path) -> AudioMemory:
        return system.process_audio(path, wanted, name=call_id or UPLOAD, keep=keep)

    understood = await _refused(asyncio.to_thread(_with_file, body, work))
    seen = view_of(request)(msgspec.json.encode(understood))
    return msgspec.json.decode(seen, type=AudioMemory)


@get(
    "/v1/memories",
    guards=[requires(Scope.READ)],
    tags=TAGS,
    summary="Find memories by words, by filters, or by both",
    responses=PROBLEMS,
)
async def find(
    request: AnyRequest,
    parts: Parts,
    text: FromQuery[Text | None] = None,
    call_id: FromQuery[Text | None] = None,
    speaker_id: FromQuery[Text | None] = None,
    emotion: FromQuery[Text | None] = None,
    language: FromQuery[Text | None] = None,
    role: FromQuery[Role | None] = None,
    since_ms: FromQuery[Stamp | None] = None,
    until_ms: FromQuery[Stamp | None] = None,
    limit: FromQuery[Limit] = 10,
) -> FoundPage:
    """Each hit says by which route it was found."""
    where = _filter(
        call_id=call_id,
        speaker_id=speaker_id,
        emotion=emotion,
        language=language,
        role=role,
        t_seen_from_ms=since_ms,
        t_seen_until_ms=until_ms,
    )
    return await _found(request, parts, {"text": text}, where, limit)


@post(
    "/v1/memories/search",
    guards=[requires(Scope.READ)],
    status_code=200,
    tags=TAGS,
    summary="Find memories that sound like a recording",
    operation_class=AudioOperation,
    responses=PROBLEMS,
)
async def find_alike(
    request: AnyRequest,
    parts: Parts,
    call_id: FromQuery[Text | None] = None,
    emotion: FromQuery[Text | None] = None,
    limit: FromQuery[Limit] = 10,
) -> FoundPage:
    """The recording is encoded, compared and not kept."""
    if parts.perception.system is None:
        raise NotFoundException("no models run here: perception.checkpoint is not set")
    where = _filter(call_id=call_id, emotion=emotion)
    return await _found(request, parts, {"audio": await request.body()}, where, limit)


@delete(
    "/v1/memories",
    guards=[requires(Scope.ADMIN)],
    status_code=200,
    tags=TAGS,
    summary="Erase memories for good, and give a receipt",
    responses=PROBLEMS,
)
async def forget(
    parts: Parts,
    call_id: FromQuery[Text | None] = None,
    speaker_id: FromQuery[Text | None] = None,
    until_ms: FromQuery[Stamp | None] = None,
    everything: FromQuery[bool] = False,
) -> ErasureReceipt:
    """Words, vectors and, of a speaker, voiceprints; nothing of them is left on disk.

    What is remembered of calls under legal hold stays.
    """
    store = parts.perception.store
    if store is None:
        raise NotFoundException("nothing is remembered here: memory.path is not set")
    where = _filter(call_id=call_id, speaker_id=speaker_id, t_seen_until_ms=until_ms)
    held = await asyncio.to_thread(parts.reader.held)
    if call_id in held:
        raise ConflictError(f"call {call_id!r} is under legal hold")
    work = asyncio.to_thread(store.erase, where, everything=everything, held_calls=held)
    return await _refused(work)


async def _found(
    request: AnyRequest,
    parts: LiveParts,
    query: dict[str, Any],
    where: MemoryFilter,
    limit: int,
) -> FoundPage:
    store, system = parts.perception.store, parts.perception.system
    if store is None:
        raise NotFoundException("nothing is remembered here: memory.path is not set")

    def by_words() -> tuple[MemoryHit, ...]:
        return store.search(text=query["text"], where=where, limit=limit)

    def by_sound(path: Path) -> tuple[MemoryHit, ...]:
        assert system is not None  # noqa: S101 - refused before
        return system.search(audio=path, where=where, limit=limit)

    if "audio" in query:
        work = asyncio.to_thread(_with_file, query["audio"], by_sound)
    else:
        work = asyncio.to_thread(by_words)
    hits = await _refused(work)
    records = await asyncio.to_thread(store.get, [hit.record_id for hit in hits])
    by_id = {record.record_id: record for record in records}
    view = view_of(request)
    return FoundPage(
        found=tuple(
            Found(hit=hit, record=_seen(by_id[hit.record_id], view))
            for hit in hits
            if hit.record_id in by_id
        )
    )


def _seen(record: MemoryRecord, view: Any) -> MemoryRecord:
    bare = msgspec.structs.replace(record, encodings=())
    return msgspec.json.decode(view(msgspec.json.encode(bare)), type=MemoryRecord)


def _with_file(body: bytes, work: Callable[[Path], T]) -> T:
    """Run the work on a body as the file it is; the file goes with the work."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "recording"
        path.write_bytes(body)
        return work(path)


def _filter(**wanted: Any) -> MemoryFilter:
    try:
        return MemoryFilter(**wanted)
    except ContractError as error:
        raise ClientException(str(error)) from error


async def _refused(work: Awaitable[T]) -> T:
    """Wait for work on a thread; what the sender did wrong is a 400 or 422."""
    from subtone.memory.errors import MemoryRefusedError, MemoryStoreError
    from subtone.perception.errors import CheckpointError, PerceptionError

    try:
        return await work
    except IngestError as error:
        raise HTTPException(" ".join(str(error).split()), status_code=422) from error
    except CheckpointError as error:
        raise HTTPException(str(error), status_code=500) from error
    except (PerceptionError, MemoryRefusedError) as error:
        raise ClientException(" ".join(str(error).split())) from error
    except MemoryStoreError as error:
        raise HTTPException(" ".join(str(error).split()), status_code=503) from error
