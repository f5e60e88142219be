"""A calibration from a file: what an operator changed, over the shipped defaults."""

from __future__ import annotations

from pathlib import Path

import msgspec

from subtone.contracts.calibration import Calibration
from subtone.ingest.errors import IngestError


def read_calibration(path: Path) -> Calibration:
    """Read one calibration; fields the file leaves out keep their defaults.

    Raises IngestError when the file cannot be read, breaks the contract, or changes
    anything under the version of the defaults: a decision must name what made it.
    """
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Calibration)
    except OSError as error:
        raise IngestError(
            path.name, f"cannot be read ({error.strerror})", "check the path"
        ) from error
    except (msgspec.DecodeError, ValueError) as error:
        raise IngestError(
            path.name, f"is no calibration ({error})", "see `subtone schema Calibration`"
        ) from error
    default = Calibration()
    if found != default and found.version == default.version:
        raise IngestError(
            path.name,
            "changes the calibration but not its version",
            'give it a "version" of its own',
        )
    return found
