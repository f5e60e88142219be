"""The report: one self-contained page about one call."""

from subtone.surfaces.report.page import render_report

__all__ = ["render_report"]
