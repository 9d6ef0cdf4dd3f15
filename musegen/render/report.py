"""A report as one page that opens without a network, and as Markdown.

In: parts in order: Markdown, charts, samples. Out: HTML with all pictures and files in it, or the
same as Markdown, in which the pictures are left out. Of Markdown this knows what reports use:
headings, paragraphs, tables, lists, **bold** and `code`; everything is escaped first.
"""

import html
import re
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from io import StringIO
from itertools import groupby
from typing import TYPE_CHECKING, Any

from musegen.render.collection import STYLE

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:"
"""What a browser is told: nothing of this page comes from elsewhere, and nothing in it runs."""

LOOKS = """
figure { margin: 1.5rem 0 } figure svg, figure img { max-width: 100%; height: auto }
figcaption { color: #666; font-size: .9rem }
td:not(:first-child), th:not(:first-child) { text-align: right }
code { font-size: .9em }
"""


@dataclass(frozen=True)
class Drawn:
    """A chart, and what it shows in words."""

    figure: "Figure"
    caption: str


@dataclass(frozen=True)
class Sample:
    """A piece to look at and to take along: its picture (PNG) and its MIDI file."""

    name: str
    caption: str
    png: bytes
    midi: bytes


Part = str | Drawn | Sample


def as_markdown(parts: Sequence[Part], page: str = "") -> str:
    """The parts as Markdown; `page` names the file in which the pictures are."""
    where = f" (drawn in {page})" if page else ""
    texts = []
    for part in parts:
        if isinstance(part, Drawn):
            texts.append(f"*{part.caption}*{where}")
        elif isinstance(part, Sample):
            texts.append(f"- {part.name}: {part.caption}")
        else:
            texts.append(part.strip())
    return "\n\n".join(texts) + "\n"


def as_page(title: str, parts: Sequence[Part]) -> str:
    """The parts as one HTML page."""
    lines = [
        "<!DOCTYPE html>",
        '<html lang="en"><head><meta charset="utf-8">',
        f'<meta http-equiv="Content-Security-Policy" content="{POLICY}">',
        '<meta name="viewport" content="width=device-width, initial-scale=1">',
        f"<title>{html.escape(title)}</title><style>{STYLE}{LOOKS}</style></head><body>",
    ]
    for part in parts:
        if isinstance(part, Drawn):
            lines.append(_figure(_svg(part.figure), html.escape(part.caption)))
        elif isinstance(part, Sample):
            lines.append(_sample(part))
        else:
            lines += _from_markdown(part)
    return "\n".join([*lines, "</body></html>", ""])


def _figure(inside: str, caption: str) -> str:
    return f"<figure>{inside}<figcaption>{caption}</figcaption></figure>"


def _sample(part: Sample) -> str:
    png, midi = (b64encode(content).decode() for content in (part.png, part.midi))
    name = html.escape(part.name)
    link = f'<a download="{name}" href="data:audio/midi;base64,{midi}">{name}</a>'
    picture = f'<img alt="piano roll of {name}" src="data:image/png;base64,{png}">'
    return _figure(picture, f"{link}: {html.escape(part.caption)}")


def _svg(figure: "Figure") -> str:
    """A figure as an SVG element; the same figure gives the same text."""
    from matplotlib import rc_context

    plain: Any = {"svg.hashsalt": "musegen", "svg.fonttype": "none"}
    target = StringIO()
    with rc_context(plain):
        figure.savefig(target, format="svg", metadata={"Date": None})
    return target.getvalue()[target.getvalue().index("<svg") :]


def _sort(line: str) -> str:
    if not line.strip():
        return "nothing"
    if line.startswith("#"):
        return "heading"
    return {"|": "table", "-": "list"}.get(line[0], "words")


def _from_markdown(text: str) -> Iterator[str]:
    for sort, group in groupby(text.splitlines(), _sort):
        lines = list(group)
        if sort == "heading":
            for line in lines:
                level = len(line) - len(line.lstrip("#"))
                yield f"<h{level}>{_inline(line.lstrip('# '))}</h{level}>"
        elif sort == "table":
            yield "<table>"
            for number, line in enumerate(lines):
                if number != 1:  # the second line only says how columns are set
                    cell = "td" if number else "th"
                    cells = line.strip().strip("|").split("|")
                    row = "".join(f"<{cell}>{_inline(c.strip())}</{cell}>" for c in cells)
                    yield f"<tr>{row}</tr>"
            yield "</table>"
        elif sort == "list":
            yield "<ul>" + "".join(f"<li>{_inline(line[2:])}</li>" for line in lines) + "</ul>"
        elif sort == "words":
            yield f"<p>{_inline(' '.join(lines))}</p>"


def _inline(text: str) -> str:
    safe = html.escape(text)
    safe = re.sub(r"`([^`]*)`", r"<code>\1</code>", safe)
    safe = re.sub(r"\*\*([^*]*)\*\*", r"<strong>\1</strong>", safe)
    return re.sub(r"\*([^*]*)\*", r"<em>\1</em>", safe)
