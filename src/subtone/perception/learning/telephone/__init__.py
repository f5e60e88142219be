"""Telephone lines: what they do to a voice, reproducible by seed."""

from subtone.perception.learning.telephone.codecs import Codec
from subtone.perception.learning.telephone.line import (
    CLEAN,
    Line,
    draw_line,
    through_line,
)

__all__ = ["CLEAN", "Codec", "Line", "draw_line", "through_line"]
