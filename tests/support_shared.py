"""Where the shared measurement material is; absent on a user's machine, required in CI."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SHARED = ROOT.parent / "shared"


def shared(*parts: str) -> Path:
    """A path inside the shared folder; skips the test where there is none, fails it in CI."""
    path = SHARED.joinpath(*parts)
    if path.exists():
        return path
    if os.environ.get("CI") == "true":
        pytest.fail(f"CI must have shared/{'/'.join(parts)}")
    pytest.skip("the shared measurement material is not beside this checkout")
