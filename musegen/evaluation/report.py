"""What was measured of a checkpoint, in words, tables and charts.

In: the reports on music and form. Out: the parts of a page, the most telling first.
"""

from collections.abc import Mapping, Sequence

from musegen.evaluation.comparing import LEAST_IN_GENRE, Estimate
from musegen.evaluation.form import FormReport
from musegen.evaluation.music import (
    COMPOSED,
    EVERYTHING,
    MusicReport,
)
from musegen.evaluation.statistics import NOTES, SOUND, STANDARD, STATISTICS
from musegen.render.charts import draw_intervals, draw_lags, draw_steps
from musegen.render.report import Drawn, Part

MOST_TELLING = 12
LEAST_SHARE = 2 / 3
"""In so many of the genres a statistic should lie within the real pieces' interval."""


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A table in Markdown, numbers on the right."""
    lines = [head, ["---", *["---:"] * (len(head) - 1)], *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def music_parts(report: MusicReport) -> list[Part]:
    """Can compositions be told from real pieces, and by what?"""
    made = report.sets[COMPOSED]
    told = made.told
    return [
        f"## Compositions beside real pieces\n\n{made.pieces} compositions of at most "
        f"{report.bars} bars with default settings, asked for by genre alone, beside the first "
        f"{report.bars} bars of {len(report.real)} held-out pieces, in the same genres. Numbers in "
        "brackets are 95 % bootstrap intervals over pieces. Compositions end where the real "
        "excerpts mostly are cut off, which the classifier may use. Distances grow as pieces get "
        "fewer: compare sets of about equal size.",
        f"A classifier tells compositions from real pieces in {told[EVERYTHING]} of cases (0.5: it "
        f"cannot; real pieces with shuffled pitches are below). By notes, rhythm and form alone: "
        f"{told[NOTES]}; by instruments, loudness and tempo alone: {told[SOUND]}. Of the melodic "
        f"steps, {made.intervals} are others.",
        _sets(report),
        Drawn(
            draw_steps(
                {"real, held out": report.steps(report.real), COMPOSED: report.steps(report.made)}
            ),
            "Melodic steps of the highest notes of every track",
        ),
        "### What gives them away\n\nThe features by which compositions differ most: how often a "
        "composition has more of it than a real piece (0.5: as often as not).\n\n"
        + table(
            ["feature", "composition has more"],
            [[name, f"{share:.2f}"] for name, share in report.telling[:MOST_TELLING]],
        ),
        "### Statistics\n\nPitch-class entropy, scale and groove consistency are muspy's. The last "
        "columns say in how many genres (of those with at least "
        f"{LEAST_IN_GENRE} held-out pieces) the mean lies within the 95 % interval of the real "
        "pieces' mean: of compositions, and of as many other real pieces.\n\n"
        + _statistics(report),
        Drawn(
            draw_intervals(
                [
                    (s.title, [_ends(report.real_means[name]), _ends(made.means[name])])
                    for name, s in STATISTICS.items()
                ]
            ),
            "Means with their 95 % intervals: real pieces above, compositions below",
        ),
        "### By genre\n\nReal pieces' mean with its 95 % interval, and the compositions' mean; "
        "outside of the interval in bold.\n\n" + _genres(report),
    ]


def _ends(estimate: Estimate) -> tuple[float, float, float]:
    return estimate.value, estimate.low, estimate.high


def _sets(report: MusicReport) -> str:
    head = [
        "against held-out real pieces", "pieces", "told apart", "melodic steps that are others",
        "Fréchet distance", "mean overlap",
    ]  # fmt: skip
    rows = [
        [
            name,
            found.pieces,
            found.told[EVERYTHING],
            found.intervals,
            found.distance,
            f"{sum(found.overlaps.values()) / len(found.overlaps):.3f}",
        ]
        for name, found in report.sets.items()
    ]
    return table(head, rows)


def _statistics(report: MusicReport) -> str:
    made, names = report.sets[COMPOSED], list(report.sets)
    ceiling = report.sets[names[1]] if len(names) > 1 else None
    head = ["statistic", "real", "composed", "overlap", "genres inside", "of other real pieces"]
    rows = []
    for name, statistic in STATISTICS.items():
        inside, genres = made.inside[name]
        met = genres and inside / genres >= LEAST_SHARE
        share = f"**{inside} of {genres}**" if not met else f"{inside} of {genres}"
        other = "" if ceiling is None else "{} of {}".format(*ceiling.inside[name])
        rows.append(
            [
                f"{statistic.title} ({statistic.unit})",
                report.real_means[name],
                made.means[name],
                f"{made.overlaps[name]:.3f}",
                share,
                other,
            ]
        )
    return table(head, rows)


def _genres(report: MusicReport) -> str:
    made = report.sets[COMPOSED].genre_means
    head = ["genre"]
    for name in STANDARD:
        head += [f"{STATISTICS[name].title}: real", "composed"]
    rows = []
    for genre, intervals in report.genre_intervals.items():
        row = [genre]
        for name in STANDARD:
            real = intervals[name]
            mean = made.get(genre, {}).get(name)
            if mean is None:
                row += [str(real), ""]
                continue
            inside = real.low <= mean <= real.high
            row += [str(real), f"{mean:.2f}" if inside else f"**{mean:.2f}**"]
        rows.append(row)
    return table(head, rows)


def form_parts(report: FormReport) -> list[Part]:
    """Does it repeat and vary as real pieces do, and does it end?"""
    parts: list[Part] = ["## Form"]
    if report.pieces:
        counts = ", ".join(f"{name}: {count}" for name, count in report.pieces.items())
        parts += [
            f"Pieces of {report.bars} bars ({counts}).\n\n" + _questions(report.repeats),
            Drawn(draw_lags(report.likeness), "How alike bars are that lie 1, 2, 3 ... bars apart"),
        ]
    counts = ", ".join(f"{name}: {count}" for name, count in report.ended.items())
    parts.append(
        f"### Does it end?\n\nShare of pieces ({counts}). Real pieces cut off in the middle show "
        "what chance would give.\n\n" + _questions(report.endings)
    )
    return parts


def _questions(answers: Mapping[str, Mapping[str, Estimate]]) -> str:
    names = list(answers)
    questions = list(answers[names[0]]) if names else []
    rows = [[question, *(answers[name][question] for name in names)] for question in questions]
    return table(["", *names], rows)
