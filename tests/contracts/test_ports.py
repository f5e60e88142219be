"""What implements a port does so by type: mypy reads this module, and the run imports it."""

from __future__ import annotations

from subtone.contracts.ports import AudioEncoder, Head, MemoryStore
from subtone.memory.store import SqliteMemoryStore
from subtone.perception.encoder import WhisperEncoder
from subtone.perception.encoding import EncodedAudio
from subtone.perception.heads.files import StoredHead


def implemented(
    encoder: WhisperEncoder, head: StoredHead, store: SqliteMemoryStore
) -> tuple[AudioEncoder[EncodedAudio], Head, MemoryStore]:
    return encoder, head, store


def test_every_method_of_a_port_is_there() -> None:
    for port, kind in ((AudioEncoder, WhisperEncoder), (MemoryStore, SqliteMemoryStore)):
        promised = {name for name in vars(port) if not name.startswith("_")}
        assert promised
        assert promised <= set(dir(kind))
