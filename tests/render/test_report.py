"""A report is one page with everything in it, and the same in Markdown."""

import numpy as np

from musegen.render.charts import draw_intervals, draw_lags, draw_steps
from musegen.render.report import POLICY, Drawn, Sample, as_markdown, as_page

TEXT = """## Bars & <notes>

Two lines of
one paragraph, **bold** and `a|b`.

| what | how many |
| --- | ---: |
| *all* | 12 |
| r&b | **3** |

- one
- two
"""


def parts() -> list[str | Drawn | Sample]:
    """One of each kind."""
    steps = draw_steps({"real": np.full(25, 0.04), "made": np.arange(25) / 300})
    return [TEXT, Drawn(steps, "Steps"), Sample("a&b.mid", "folk", b"\x89PNG", b"MThd")]


def test_a_page_needs_nothing_else() -> None:
    """Pictures, files and tables are in it, text is escaped, and nothing may be loaded."""
    page = as_page("What it is <worth>", parts())
    assert POLICY in page
    assert "http" not in page.split("<svg")[0].replace("http-equiv", "")
    assert "<title>What it is &lt;worth&gt;</title>" in page
    assert "<h2>Bars &amp; &lt;notes&gt;</h2>" in page
    assert "<p>Two lines of one paragraph, <strong>bold</strong> and <code>a|b</code>.</p>" in page
    assert "<tr><th>what</th><th>how many</th></tr>" in page
    assert "<tr><td><em>all</em></td><td>12</td></tr>" in page
    assert "---" not in page.split("</style>")[1].split("<svg")[0]
    assert "<ul><li>one</li><li>two</li></ul>" in page
    assert 'href="data:audio/midi;base64,TVRoZA=="' in page
    assert 'src="data:image/png;base64,' in page
    assert page.count("<svg") == 1
    assert page == as_page("What it is <worth>", parts()), "the same, byte for byte"


def test_markdown_says_where_the_pictures_are() -> None:
    """Text as it is, captions in place of pictures."""
    text = as_markdown(parts(), "small.html")
    assert TEXT.strip() in text
    assert "*Steps* (drawn in small.html)" in text
    assert "- a&b.mid: folk" in text


def test_charts_show_every_number() -> None:
    """A bar for each step and set, a point for each distance, a line for each interval."""
    (axes,) = draw_steps({"a": np.full(25, 0.04), "b": np.full(25, 0.04)}).axes
    assert len(axes.patches) == 50
    assert {round(p.get_height(), 2) for p in axes.patches} == {0.04}
    (axes,) = draw_lags({"a": np.linspace(0, 1, 16)}).axes
    assert axes.lines[0].get_ydata().tolist() == np.linspace(0, 1, 16).tolist()
    rows = [("x", [(2.0, 1.0, 4.0), (3.0, 2.0, 5.0)]), ("y", [(-1.0, -2.0, 0.0)])]
    (axes,) = draw_intervals(rows).axes
    drawn = [list(line.get_xdata()) for line in axes.lines[::2]]
    assert drawn == [[0.5, 2.0], [1.0, 2.5], [-2.0, 0.0]]
    assert [tick.get_text() for tick in axes.get_yticklabels()] == ["x", "y"]
