"""Puts the page together; the policy lets its own style in and nothing else, no script at all."""

from __future__ import annotations

import base64
import hashlib
from importlib.resources import files
from string import Template

from subtone.contracts.probing import Presence, ProbeReport
from subtone.surfaces.probe_report import sections
from subtone.surfaces.probe_report.words import headline
from subtone.surfaces.report.markup import esc


def render_probe(report: ProbeReport) -> str:
    """The report as one HTML page that needs nothing but itself; its labels are taken as hostile.

    Where emotion is not shown, the sections on where it lies would describe noise: they are
    left out.
    """
    style = files(__package__).joinpath("page.css").read_text(encoding="utf-8")
    page = files(__package__).joinpath("page.html").read_text(encoding="utf-8")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    parts = [("Is it emotion?", sections.presence(report))]
    if report.verdict.presence is Presence.PRESENT:
        parts += [
            ("One dimension or many?", sections.dimensions(report)),
            ("Entangled with what?", sections.entanglement(report)),
        ]
    parts.append(("Pictures", sections.pictures(report)))
    subject = report.subject
    return Template(page).substitute(
        policy=f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; "
        "form-action 'none'",
        style=style,
        title=esc(f"{subject.corpus}, {subject.space}: {headline(report)}"),
        source=esc(f"{subject.corpus}, {subject.space}"),
        headline=esc(headline(report)),
        scope=esc(sections.scope(report)),
        verdict=sections.verdict(report),
        facts=sections.facts(report),
        untested=sections.untested(report),
        sections="".join(
            f"<section><h2>{esc(title)}</h2>{content}</section>" for title, content in parts
        ),
        speakers=subject.speakers,
        repeats=report.importance.repeats,
        nulls=report.importance.nulls,
        version=esc(subject.software_version),
    )
