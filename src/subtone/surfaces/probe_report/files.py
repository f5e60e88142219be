"""The files of one probe; each appears whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

from subtone.contracts.probing import ProbeReport
from subtone.surfaces.probe_report.page import render_probe

REPORT = "probe.html"
NUMBERS = "probe.json"


def write_probe(report: ProbeReport, folder: Path) -> Path:
    """Write the page and the numbers into ``folder``; gives the page's path. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    numbers = msgspec.json.format(msgspec.json.encode(report), indent=1) + b"\n"
    for name, content in ((NUMBERS, numbers), (REPORT, render_probe(report).encode())):
        partial = folder / f".{name}.partial"
        with partial.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        partial.replace(folder / name)
    return folder / REPORT
