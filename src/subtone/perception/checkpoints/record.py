"""Digests recorded when a checkpoint was fetched, and whether its files still have them."""

from __future__ import annotations

import json
import os
import re
import tempfile
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

from subtone.perception.checkpoints.files import Checkpoint, file_digest
from subtone.perception.errors import CheckpointError

_SHA256 = re.compile(r"[0-9a-f]{64}")


@dataclass(frozen=True)
class Finding:
    """What was observed about one file or one property."""

    subject: str
    observed: str
    is_well: bool


def cache_folder() -> Path:
    """Where subtone keeps what it can make again: SUBTONE_CACHE, or the user's cache folder."""
    given = os.environ.get("SUBTONE_CACHE")
    if given:
        return Path(given)
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "subtone"


def _record_path(folder: Path) -> Path:
    key = sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()[:16]
    return cache_folder() / "checkpoints" / f"{key}.json"


def _digests(checkpoint: Checkpoint) -> dict[str, str]:
    files = sorted(path for path in checkpoint.folder.iterdir() if path.is_file())
    return {path.name: file_digest(path) for path in files}


def write_record(checkpoint: Checkpoint) -> None:
    """Remember the digest of every file, atomically.

    Raises CheckpointError when a file differs from the digest the hub gave for it.
    """
    digests = _digests(checkpoint)
    for name, digest in digests.items():
        promised = _promised(checkpoint.folder / name)
        if promised is not None and promised != digest:
            raise CheckpointError(
                f"{checkpoint.folder / name}: its digest is not the hub's; delete it and pull again"
            )
    path = _record_path(checkpoint.folder)
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(
        "w", encoding="utf-8", dir=path.parent, delete=False
    ) as written:
        json.dump({"name": checkpoint.name, "sha256": digests}, written, indent=1)
    Path(written.name).replace(path)


def recorded(checkpoint: Checkpoint) -> dict[str, str]:
    """Digest by file name as recorded; empty where nothing was."""
    path = _record_path(checkpoint.folder)
    try:
        found = json.loads(path.read_text("utf-8"))["sha256"]
    except FileNotFoundError:
        return {}
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise CheckpointError(f"{path}: cannot be read; delete it and pull again") from error
    return {str(name): str(digest) for name, digest in found.items()}


def require_recorded(checkpoint: Checkpoint) -> None:
    """Raise CheckpointError where the weights are no longer those that were pulled."""
    weights = checkpoint.weights_path
    wanted = recorded(checkpoint).get(weights.name)
    if wanted not in (None, checkpoint.digest):
        raise CheckpointError(
            f"{weights}: has digest {checkpoint.digest[:12]} where {str(wanted)[:12]} was "
            "recorded; delete it and pull again"
        )


def _promised(path: Path) -> str | None:
    """The hub keeps large files under their SHA-256; None for small and local files."""
    stored_as = path.resolve().name
    return stored_as if path.is_symlink() and _SHA256.fullmatch(stored_as) else None


def verify(checkpoint: Checkpoint) -> list[Finding]:
    """Recompute every digest and compare with the record and the hub's own."""
    expected = recorded(checkpoint)
    actual = _digests(checkpoint)
    findings = []
    for name in sorted(expected.keys() | actual.keys()):
        digest = actual.get(name)
        wanted = _promised(checkpoint.folder / name) or expected.get(name)
        if digest is None:
            findings.append(Finding(name, "missing; pull again", is_well=False))
        elif wanted is None:
            findings.append(Finding(name, f"sha256 {digest}, nothing recorded", is_well=True))
        elif wanted == digest:
            findings.append(Finding(name, f"sha256 {digest}, as recorded", is_well=True))
        else:
            cause = f"sha256 {digest} where {wanted} was recorded; delete it and pull again"
            findings.append(Finding(name, cause, is_well=False))
    return findings
