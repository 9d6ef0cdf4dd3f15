"""A training run as one page that opens without a network: curves, samples, tables, what next.

In: a `RunStory`, plain figures and scores. Out: HTML with its pictures in it. Everything that comes
from a file is escaped. matplotlib is loaded when a page is made.
"""

import html
from base64 import b64encode
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from io import StringIO
from typing import Any

from musegen.errors import shown
from musegen.music.score import Score
from musegen.render import ink
from musegen.render.collection import STYLE
from musegen.render.pianoroll import draw_pianoroll, picture_bytes
from musegen.tokens.controls import Controls

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser is told: nothing of this page comes from elsewhere, and nothing in it runs."""

DOTS_PER_INCH = 80
MORE_STYLE = "img { max-width: 100%; height: auto } .verdict { font-size: 1.15rem }"

Points = Sequence[tuple[float, float]]


@dataclass(frozen=True)
class RunStory:
    """What a page tells of a run.

    curves: for each figure its lines by name, as points (step, value). samples: what each is, its
    score and its plan. tables: for each heading its rows. verdict: a word and its reasons.
    """

    title: str
    summary: str
    curves: Mapping[str, Mapping[str, Points]]
    samples: Sequence[tuple[str, Score, Controls]] = ()
    tables: Mapping[str, Sequence[tuple[str, str]]] = field(default_factory=dict)
    advice: Sequence[str] = ()
    verdict: tuple[str, Sequence[str]] | None = None


def run_page(story: RunStory) -> str:
    """The page, whole."""
    parts = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{_text(story.title)}</title><style>{STYLE}{MORE_STYLE}</style></head><body>",
        f"<h1>{_text(story.title)}</h1><p>{_text(story.summary)}</p>",
    ]
    if story.verdict is not None:
        word, reasons = story.verdict
        parts.append(f'<h2>Verdict</h2><p class="verdict"><strong>{_text(word)}</strong></p>')
        parts += _list(reasons)
    parts += ["<h2>Curves</h2>", '<div class="plots">']
    parts += [_curves(title, lines) for title, lines in story.curves.items()]
    parts.append("</div>")
    if story.samples:
        parts.append("<h2>What it composes</h2>")
    for name, score, plan in story.samples:
        parts.append(f"<figure>{_pianoroll(name, score, plan)}</figure>")
    parts.append("<h2>What to try next</h2>")
    parts += _list(story.advice)
    for title, rows in story.tables.items():
        parts += [f"<h2>{_text(title)}</h2>", "<table>"]
        parts += [f"<tr><td>{_text(a)}</td><td>{_text(b)}</td></tr>" for a, b in rows]
        parts.append("</table>")
    return "\n".join([*parts, "</body></html>", ""])


def _text(text: str) -> str:
    return html.escape(shown(text))


def _list(lines: Sequence[str]) -> list[str]:
    return ["<ul>", *(f"<li>{_text(line)}</li>" for line in lines), "</ul>"]


def _curves(title: str, lines: Mapping[str, Points]) -> str:
    """Lines over steps, as an SVG element."""
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    plain: Any = {"svg.hashsalt": title, "svg.fonttype": "none", "text.parse_math": False}
    with rc_context(plain):
        figure = Figure(figsize=(6, 3.2), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, points) in enumerate(lines.items()):
            colour = ink.TRACK_COLOURS[number % len(ink.TRACK_COLOURS)]
            steps, values = [p[0] for p in points], [p[1] for p in points]
            mark = "o-" if len(points) < 40 else "-"
            axes.plot(steps, values, mark, color=colour, label=name, markersize=3, linewidth=1.2)
        axes.set_title(title, loc="left", fontsize=10)
        axes.set_xlabel("step", fontsize=8)
        axes.tick_params(labelsize=8)
        axes.spines[["top", "right"]].set_visible(False)
        if len(lines) > 1:
            axes.legend(fontsize=8, frameon=False)
        target = StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()[target.getvalue().index("<svg") :]


def _pianoroll(name: str, score: Score, plan: Controls) -> str:
    figure = draw_pianoroll(
        score, title=name, genre=plan.genre or "", chords=plan.chords, sections=plan.sections
    )
    figure.set_dpi(DOTS_PER_INCH)
    picture = b64encode(picture_bytes(figure, "png")).decode()
    return f'<img alt="{html.escape(shown(name))}" src="data:image/png;base64,{picture}">'
