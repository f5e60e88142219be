"""The sections below the verdict: charts first, tables folded away."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from subtone.contracts.probing import (
    DimensionImportance,
    MapQuality,
    Picture,
    ProbeReport,
    RemovalEffect,
    RemovalReport,
)
from subtone.surfaces.probe_report import charts
from subtone.surfaces.probe_report.charts import Row
from subtone.surfaces.probe_report.words import answers, figure, held_out, plain
from subtone.surfaces.report.markup import esc

SHOWN_MAPS = ("PCA", "t-SNE, perplexity 30", "UMAP, 15 neighbours")  # others are folded away


def table(head: Sequence[str], rows: Sequence[Sequence[str]], summary: str = "") -> str:
    """A table that scrolls in its own place; folded where it has a summary."""
    cells = "".join(
        "<tr>"
        + "".join(
            f'<th scope="row">{esc(c)}</th>' if i == 0 else f"<td>{esc(c)}</td>"
            for i, c in enumerate(row)
        )
        + "</tr>"
        for row in rows
    )
    heads = "".join(f'<th scope="col">{esc(name)}</th>' for name in head)
    made = (
        '<div class="scroll" tabindex="0" role="region" aria-label="table"><table><thead><tr>'
        f"{heads}</tr></thead><tbody>{cells}</tbody></table></div>"
    )
    return f"<details><summary>{esc(summary)}</summary>{made}</details>" if summary else made


def verdict(report: ProbeReport) -> str:
    """Each question with its answer."""
    return "".join(
        f"<div><dt>{esc(a.question)}</dt><dd><b>{esc(a.short)}.</b> {esc(a.why)}</dd></div>"
        for a in answers(report)
    )


def scope(report: ProbeReport) -> str:
    """What the verdict is about, in one sentence."""
    s = report.subject
    speech = "acted" if s.is_acted else "natural"
    language = "" if s.language == "unknown" else f" in {s.language}"
    return (
        f"Of {s.clips} {speech} clips{language} by {s.speakers} speakers, {s.band} band; of "
        "nothing else. Brackets are 95 % intervals over speakers."
    )


def facts(report: ProbeReport) -> str:
    """What was probed."""
    s = report.subject
    sentences = str(s.sentences) if s.sentences > 1 else "unknown"
    pairs = {
        "corpus": s.corpus,
        "language": s.language,
        "speech": "acted" if s.is_acted else "natural",
        "band": s.band,
        "clips": f"{s.clips}" + (f" ({s.left_out} left out: no speech)" if s.left_out else ""),
        "speakers": str(s.speakers),
        "sentences": sentences,
        "vectors": f"{s.space}, {s.dimensions} dimensions",
        "encoder": s.encoder,
        "seed": str(s.seed),
    }
    shown = "".join(f"<div><dt>{esc(k)}</dt><dd>{esc(v)}</dd></div>" for k, v in pairs.items())
    counts = zip(s.emotions, s.clips_of_emotion, strict=True)
    emotions = ", ".join(f"{name} {count}" for name, count in counts)
    return f"{shown}<div><dt>clips of each emotion</dt><dd>{esc(emotions)}</dd></div>"


def untested(report: ProbeReport) -> str:
    """What nothing here says anything about."""
    return "".join(f"<li>{esc(text)}</li>" for text in report.not_tested)


def presence(report: ProbeReport) -> str:
    """Probes, baselines and controls on one scale."""
    own, *others = report.scores
    rows = [Row("these vectors", own.unseen)]
    rows += [Row(s.name, s.unseen, "other") for s in others]
    if report.words_alone is not None:
        rows.append(Row("the sentence alone", report.words_alone, "other"))
    controls = [Row("emotion", own.seen)]
    controls += [Row(f"random, fixed to {c.fixed_to}", c.seen, "control") for c in report.controls]
    selectivity = [
        (f"random, fixed to {c.fixed_to}", figure(c.selectivity_unseen), figure(c.selectivity_seen))
        for c in report.controls
    ]
    lengths = [
        (c.name, f"{c.bits:.0f}", f"{c.uniform_bits:.0f}", figure(c.compression))
        for c in report.code_lengths
    ]
    curve = charts.code_curve(report.code_lengths[0].curve)
    return (
        f"<h3>Unseen {held_out(report)}</h3>{charts.intervals(rows, report.chance)}"
        "<h3>Control: the same speakers on both sides</h3>"
        f"{charts.intervals(controls, report.chance)}"
        '<p class="note">Mean recall over the emotions, with 95 % intervals over speakers. Dashed: '
        "chance. A probe that has heard the speakers learns random labels too, so only the upper "
        "figures count.</p>"
        + table(("control", "selectivity, unseen", "selectivity, seen"), selectivity, "Selectivity")
        + table(
            ("labels sent", "bits", "uniform bits", "compression"),
            lengths,
            "How easily it is read (online code length)",
        ).replace(
            "</details>", f'<p class="note">Bits a label, clips at random: {curve}.</p></details>'
        )
    )


def dimensions(report: ProbeReport) -> str:
    """How many dimensions, and which."""
    points = [
        (
            str(p.k),
            figure(p.top),
            figure(p.random),
            "–" if p.without_top is None else figure(p.without_top),
        )
        for p in report.concentration
    ]
    found = report.importance
    return (
        charts.concentration(report.concentration, report.chance)
        + f'<p class="note">Mean recall for unseen {held_out(report)} by number of dimensions; '
        "bands are 95 % intervals over speakers. Dimensions are ranked on the training side.</p>"
        + table(("k", "best k", "random k", "all but the best k"), points, "The numbers")
        + _ranked("Top dimensions", found.top, found.null_drop)
        + _ranked("Top clusters (|r| above .7)", found.top_clusters, found.cluster_null_drop)
    )


def _ranked(title: str, found: Sequence[DimensionImportance], null: float) -> str:
    rows = [
        (
            str(d.dimension),
            str(d.size),
            f"{plain(d.drop.value, 4)} [{plain(d.drop.low, 4)}, {plain(d.drop.high, 4)}]",
            "yes" if d.is_beyond_null else "no",
        )
        for d in found
    ]
    head = ("dimension", "size", "recall lost when shuffled", f"beyond chance ({null:.4f})")
    return table(head, rows, title)


def entanglement(report: ProbeReport) -> str:
    """What an erasure takes along, and DCI."""
    parts = []
    asked: dict[tuple[str, str], list[tuple[RemovalReport, RemovalEffect]]] = {}
    for removal in report.removal:
        for effect in removal.effects:
            asked.setdefault((effect.factor, effect.held_out), []).append((removal, effect))
    for (factor, unseen), effects in asked.items():
        rows = [Row("nothing erased", effects[0][1].before)]
        for removal, effect in effects:
            rank = f"{removal.rank:.0f}"
            rows.append(Row(f"{removal.removed} erased ({rank} directions)", effect.after, "gone"))
            rows.append(Row(f"{rank} random directions erased", effect.random, "control"))
        told = f"{factor}, unseen {unseen}"
        if unseen == "clips":
            told = f"{factor}, other clips of the same speakers"
        chance = effects[0][1].chance
        parts.append(f"<h3>Recall of {told}</h3>{charts.intervals(rows, chance)}")
    codes = [
        (d.basis, figure(d.disentanglement), figure(d.completeness), str(d.used_dimensions))
        for d in report.disentanglement
    ]
    factors = [
        (
            f.factor,
            str(f.classes),
            figure(f.informativeness),
            f.held_out,
            *(f"{d.factors[at].completeness:.2f}" for d in report.disentanglement),
        )
        for at, f in enumerate(report.disentanglement[0].factors)
    ]
    bases = tuple(f"C, {d.basis}" for d in report.disentanglement)
    return (
        "".join(parts)
        + "<h3>One dimension, one factor?</h3>"
        + table(("basis", "disentanglement D", "completeness C", "dimensions used"), codes)
        + '<p class="note">D is 1 where each dimension codes one factor. A sparse probe among '
        "redundant dimensions scores high by itself, so only what exceeds random axes means "
        "anything. Intervals: jackknife over speakers.</p>"
        + table(("factor", "values", "recall", "held out", *bases), factors, "Factor by factor")
    )


def pictures(report: ProbeReport) -> str:
    """The maps in three colourings, and the figures that hold."""
    g = report.geometry
    colourings = {"emotion": g.emotion, "speaker": g.speaker}
    if report.subject.sentences > 1:
        colourings["sentence"] = g.sentence
    maps = {_map_name(drawn): _maps(drawn, colourings) for drawn in g.pictures}
    shown = [maps.pop(name) for name in SHOWN_MAPS if name in maps]
    rows = [(s.factor, figure(s.value)) for s in g.silhouettes]
    nearest = max(g.silhouettes, key=lambda s: s.value.value)
    kept = [
        (
            _map_name(q),
            str(q.seeds),
            f"{q.trustworthiness:.2f} ({q.trustworthiness_low:.2f}–{q.trustworthiness_high:.2f})",
            "–" if q.neighbours_shared is None else f"{100 * q.neighbours_shared:.0f} %",
        )
        for q in g.qualities
    ]
    return (
        '<p class="lead">A cluster in a picture proves nothing: perplexity and starting point make '
        "clusters, and speakers and sentences cluster too. Here, in all dimensions, clips lie "
        f"closest by {nearest.factor} (silhouette {figure(nearest.value)}). The key is of the "
        "emotions; speakers and sentences have the same colours in the order of their names.</p>"
        f"{charts.legend(g.emotion)}{''.join(shown)}"
        f"<details><summary>Other settings</summary>{''.join(maps.values())}</details>"
        "<h3>Do labels cluster in the space itself?</h3>"
        + table(("label", "silhouette, −1 to 1"), rows)
        + "<h3>How far to believe the pictures</h3>"
        + table(
            ("picture", "seeds", "trustworthiness, mean (least–most)", "neighbours shared"), kept
        )
        + '<p class="note">Trustworthiness is 1 where a picture shows no neighbours that are none '
        "in all dimensions, and about .5 for points strewn at random. Neighbours shared: of each "
        "clip’s nearest, between the pictures of two seeds.</p>"
    )


def _maps(drawn: Picture, colourings: Mapping[str, Sequence[str]]) -> str:
    figures = (
        charts.picture(drawn, labels, f"{_map_name(drawn)}, by {factor}")
        for factor, labels in colourings.items()
    )
    return f'<div class="maps">{"".join(figures)}</div>'


def _map_name(of: MapQuality | Picture) -> str:
    """Its method and setting."""
    return of.method if of.perplexity is None else f"{of.method}, perplexity {of.perplexity:.0f}"
