"""The documentation page is what the tables say now."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = next(p for p in Path(__file__).resolve().parents if (p / "pyproject.toml").is_file())
SCRIPT = ROOT / "scripts" / "make_state_diagrams.py"


def test_page_is_fresh() -> None:
    done = subprocess.run(
        [sys.executable, str(SCRIPT), "--check"], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


def test_check_notices_a_stale_page(tmp_path: Path) -> None:
    (tmp_path / "scripts").mkdir()
    (tmp_path / "docs").mkdir()
    copy = tmp_path / "scripts" / SCRIPT.name
    copy.write_text(SCRIPT.read_text(encoding="utf-8"), encoding="utf-8")
    page = tmp_path / "docs" / "state-machines.md"

    def run(*arguments: str) -> int:
        command = [sys.executable, str(copy), *arguments]
        return subprocess.run(command, capture_output=True, check=False).returncode

    assert run("--check") == 1
    assert run() == 0
    assert run("--check") == 0
    page.write_text(page.read_text(encoding="utf-8") + "\n", encoding="utf-8")
    assert run("--check") == 1
    page.write_text("", encoding="utf-8")
    assert run("--check") == 1
