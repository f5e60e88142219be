"""Checkpoints: which exist, where their files are, whether they are whole."""

from subtone.perception.checkpoints.ct2_binary import read_ct2
from subtone.perception.checkpoints.files import Checkpoint, Layout, open_folder
from subtone.perception.checkpoints.hub import find_local, open_checkpoint, pull
from subtone.perception.checkpoints.record import Finding, require_recorded, verify
from subtone.perception.checkpoints.table import CHECKPOINTS, Published

__all__ = [
    "CHECKPOINTS",
    "Checkpoint",
    "Finding",
    "Layout",
    "Published",
    "find_local",
    "open_checkpoint",
    "open_folder",
    "pull",
    "read_ct2",
    "require_recorded",
    "verify",
]
