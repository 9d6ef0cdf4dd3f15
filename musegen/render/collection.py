"""What was found in a folder as one page with plots, which opens without a network.

In: an `Overview`. Out: HTML with the plots as SVG in it. Everything that comes from a file is
escaped. matplotlib is loaded when a page is made.
"""

import html
from collections import Counter
from collections.abc import Iterable, Iterator
from io import StringIO
from typing import Any

from musegen.corpus.overview import Overview
from musegen.errors import shown

MOST_BARS = 20
BAR_INCHES = 0.22
PLOTS = {
    "genres": "Genres", "keys": "Keys", "tempos": "Tempo, quarter notes a minute",
    "meters": "Meters", "lengths": "Length", "instruments": "Instruments",
    "licences": "Licences",
}  # fmt: skip
IN_ORDER = ("tempos", "lengths")

STYLE = """
body { font: 16px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem;
  color: #222; background: #fff }
h1 { font-size: 1.6rem } h2 { font-size: 1.2rem; margin-top: 2rem }
table { border-collapse: collapse; width: 100%; font-size: .9rem }
td, th { text-align: left; padding: .2rem .8rem .2rem 0; border-bottom: 1px solid #ddd;
  vertical-align: top; overflow-wrap: anywhere }
.plots { display: grid; grid-template-columns: repeat(auto-fit, minmax(26rem, 1fr)); gap: 1rem }
.plots svg { max-width: 100%; height: auto }
summary { cursor: pointer }
"""

POLICY = "default-src 'none'; style-src 'unsafe-inline'"
"""What a browser is told: nothing of this page comes from elsewhere, and nothing in it runs."""


def collection_page(found: Overview) -> str:
    """The page, whole."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(found.folder)}</title><style>{STYLE}</style></head><body>",
        f"<h1>{_text(found.folder)}</h1>",
        f"<p>{found.used:,} of {found.files:,} files can be used: {found.notes:,} notes, "
        f"{found.bars:,} bars, {found.seconds / 60:,.0f} minutes.</p>",
        *(f"<p><strong>Note:</strong> {_text(warning)}</p>" for warning in found.warnings),
    ]
    if found.used:
        parts += ['<div class="plots">', *_plots(found), "</div>"]
    parts.append("<h2>Left out</h2>" if found.left_out else "<p>Every file is used.</p>")
    for kind, count in found.reasons.most_common():
        rows = ((x.path, x.reason) for x in found.left_out if x.kind == kind)
        parts += _folded(f"{count:,} {kind}", rows)
    if found.repaired:
        parts.append("<h2>Repaired</h2>")
        parts += _rows((what, f"{n:,} files") for what, n in found.repairs.most_common())
        words = (
            (path, "; ".join(f"{what} ({times:,})" for what, times in repairs))
            for path, repairs in found.repaired.items()
        )
        parts += _folded(f"{len(found.repaired):,} files", words)
    if found.suspicious_drums:
        parts.append("<h2>Suspicious drums</h2>")
        drums = found.suspicious_drums
        parts += _folded(f"{len(drums):,} files", drums.items())
    return "\n".join([*parts, "</body></html>", ""])


def _text(text: str) -> str:
    return html.escape(shown(text))


def _folded(title: str, rows: Iterable[tuple[str, str]]) -> list[str]:
    return [f"<details><summary>{_text(title)}</summary>", *_rows(rows), "</details>"]


def _rows(rows: Iterable[tuple[str, str]]) -> list[str]:
    cells = (f"<tr><td>{_text(one)}</td><td>{_text(other)}</td></tr>" for one, other in rows)
    return ["<table>", *cells, "</table>"]


def _plots(found: Overview) -> Iterator[str]:
    for name, title in PLOTS.items():
        counts: Counter[str] = getattr(found, name)
        yield f"<figure>{_plot(title, counts, name in IN_ORDER)}</figure>"


def _plot(title: str, counts: Counter[str], in_order: bool) -> str:
    """Bars, as an SVG element."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    bars = sorted(counts.items()) if in_order else counts.most_common(MOST_BARS)
    left_over = counts.total() - sum(count for _, count in bars)
    if left_over:
        bars.append((f"{len(counts) - len(bars)} others", left_over))
    plain: Any = {"svg.hashsalt": "musegen", "svg.fonttype": "none", "text.parse_math": False}
    with rc_context(plain):
        figure = Figure(figsize=(6, 0.8 + BAR_INCHES * len(bars)), layout="constrained")
        axes = figure.add_subplot()
        names = [shown(name)[:40] for name, _ in bars]
        drawn = axes.barh(range(len(bars)), [count for _, count in bars], color="#3b6ea5")
        axes.bar_label(drawn, fmt="{:,.0f}", padding=3, fontsize=8)
        axes.set_yticks(range(len(bars)), names, fontsize=8)
        axes.invert_yaxis()
        axes.set_xticks([])
        axes.margins(x=0.15)
        axes.spines[["top", "right", "bottom"]].set_visible(False)
        axes.set_title(title, loc="left", fontsize=10)
        target = StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()[target.getvalue().index("<svg") :]
