"""Syllable nuclei after the description of de Jong & Wempe (2009), as a streaming rule.

A nucleus is an intensity peak with a dip of at least 2 dB on either side. Following the
level up and down and turning only after 2 dB finds exactly these peaks, one frame at a
time. Whether a peak is voiced and loud enough is judged when its frame is emitted.
"""

from __future__ import annotations

from dataclasses import dataclass

from subtone.kernel.voice_intelligence.acoustics.arrays import F32

DIP_DB = 2.0


@dataclass(frozen=True, slots=True)
class Contour:
    """Where the intensity stands: climbing or not, and the extreme since it turned."""

    is_climbing: bool = True
    extreme_db: float = -100.0
    frames_since: int = 0  # from the extreme to the newest frame


def follow(contour: Contour, level_db: F32) -> tuple[Contour, list[int]]:
    """Return the contour after level_db [n] and the peaks it confirmed.

    Peaks are offsets from level_db[0], negative where the peak lies in earlier frames.
    """
    is_climbing, extreme = contour.is_climbing, contour.extreme_db
    at = -1 - contour.frames_since
    peaks = []
    for i, level in enumerate(level_db.tolist()):
        if (level > extreme) if is_climbing else (level < extreme):
            extreme, at = level, i
        elif abs(level - extreme) >= DIP_DB:
            if is_climbing:
                peaks.append(at)
            is_climbing, extreme, at = not is_climbing, level, i
    return Contour(is_climbing, extreme, len(level_db) - 1 - at), peaks
