"""Checkpoints by name: found in the Hugging Face cache, or fetched into it.

HF_HOME, HF_HUB_CACHE, HF_TOKEN and HF_HUB_OFFLINE mean what they mean to huggingface_hub;
a broken download goes on where it stopped.
"""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Protocol

from subtone.perception.checkpoints.files import WEIGHTS_FILES, Checkpoint, Layout, open_folder
from subtone.perception.checkpoints.record import write_record
from subtone.perception.checkpoints.table import CHECKPOINTS, Published
from subtone.perception.errors import CheckpointError, memory_extra

_LOG = logging.getLogger(__name__)
_NEEDED = (WEIGHTS_FILES[Layout.CTRANSLATE2], "config.json", "tokenizer.json")
_FILES = (*_NEEDED, "preprocessor_config.json", "vocabulary.*")


class Fetch(Protocol):
    """Fetches some files of a repository and says in which folder they are."""

    def __call__(self, repo_id: str, *, allow_patterns: list[str]) -> str:
        """The folder with the matching files."""
        ...


def published(name: str) -> Published:
    """The row of the table; raises CheckpointError with the names there are."""
    row = CHECKPOINTS.get(name.removeprefix("whisper-"))
    if row is None:
        raise CheckpointError(f"{name}: is neither a folder nor one of {', '.join(CHECKPOINTS)}")
    return row


def find_local(name: str) -> Checkpoint | None:
    """A published checkpoint that is whole in the Hugging Face cache; asks no network."""
    with memory_extra():
        from huggingface_hub import constants, try_to_load_from_cache
    row = published(name)
    found = [
        try_to_load_from_cache(row.repository, file, cache_dir=constants.HF_HUB_CACHE)
        for file in _NEEDED
    ]
    weights = found[0]
    # None, or the hub's mark for a file known not to exist: a pull that was broken off
    if not isinstance(weights, str) or not all(isinstance(path, str) for path in found):
        return None
    return open_folder(Path(weights).parent, _model_name(row))


def pull(name: str, fetch: Fetch | None = None) -> Checkpoint:
    """Fetch a published checkpoint and record its digests; what is there is not fetched again.

    Raises CheckpointError when it cannot be had, naming what to do.
    """
    with memory_extra():
        from huggingface_hub import errors, snapshot_download
    row = published(name)
    try:
        folder = (fetch or snapshot_download)(row.repository, allow_patterns=list(_FILES))
    except errors.OfflineModeIsEnabled as error:
        raise _offline(row) from error
    except errors.LocalEntryNotFoundError as error:
        from huggingface_hub import constants

        if constants.HF_HUB_OFFLINE:
            raise _offline(row) from error
        raise _unreachable(row, error) from error
    except Exception as error:  # the client's HTTP library changes between its versions
        raise _unreachable(row, error) from error
    checkpoint = open_folder(Path(folder), _model_name(row))
    write_record(checkpoint)
    _LOG.info("checkpoint %s is complete", row.name)
    return checkpoint


def open_checkpoint(name: str | Path, fetch: Fetch | None = None) -> Checkpoint:
    """A checkpoint by published name (fetched on first use) or by its folder.

    Raises CheckpointError when there is none.
    """
    folder = Path(name)
    if isinstance(name, Path) or (name not in CHECKPOINTS and folder.exists()):
        return open_folder(folder)
    return find_local(name) or pull(name, fetch)


def _model_name(row: Published) -> str:
    stem = row.name.removeprefix("distil-")
    return f"whisper-{stem}" if stem == row.name else f"distil-whisper-{stem}"


def _offline(row: Published) -> CheckpointError:
    return CheckpointError(
        f"{row.name}: is not on this machine and HF_HUB_OFFLINE forbids fetching it; run "
        f"`subtone models pull {row.name}` where there is a network and copy the cache folder "
        "(HF_HUB_CACHE) here, or give the folder of a local checkpoint"
    )


def _unreachable(row: Published, error: Exception) -> CheckpointError:
    cause = str(error).partition("\n")[0] or type(error).__name__
    return CheckpointError(
        f"{row.name}: could not be fetched from {row.repository} ({cause}); check the network "
        "and the free space, then pull again: what is there already is kept"
    )
