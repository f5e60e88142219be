"""The probe report: one page and every number, from what looking inside found."""

from subtone.surfaces.probe_report.files import write_probe
from subtone.surfaces.probe_report.page import render_probe
from subtone.surfaces.probe_report.words import answers, headline

__all__ = ["answers", "headline", "render_probe", "write_probe"]
