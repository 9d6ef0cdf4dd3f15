"""The model card: what the model is, what it saw, whom that belongs to, how well it does."""

from musegen.tokens.fields import fingerprint
from musegen.training.card import RunFacts, model_card
from musegen.training.judge import Likelihood
from musegen.training.settings import RunSettings
from musegen.training.state import Progress
from tests.model.tiny import tiny_model

FACTS = RunFacts(
    title="a folder | of songs",
    pieces=1200,
    held_out=36,
    notes=1_234_567,
    licences={"CC-BY": 700, "": 400, "GPL-2": 100},
    sources={"mutopia": 1200},
    genres={"folk": 1000, "": 200},
)
JUDGED = Likelihood(9.8765, 8.5, {"kind": 0.5, "NOTE.pitch": 2.25}, 4321, 5000)


def card(result: Likelihood | None = JUDGED, facts: RunFacts = FACTS) -> str:
    """A card of the tiny model."""
    progress = Progress(step=600, seconds=754, rows=2_000_000)
    return model_card(
        "small", tiny_model(), RunSettings(), facts, progress, result, ("folk", "jazz"), 7
    )


def test_the_card_says_where_the_music_comes_from() -> None:
    """Pieces, notes, sources, and each licence with how many pieces it is for."""
    text = card()
    assert text.startswith("# small\n")
    assert "a folder | of songs: 1,164 pieces to learn from, 36 held out, 1,234,567 notes" in text
    for line in (
        "| CC-BY | 700 |",
        "| not stated | 400 |",
        "| GPL-2 | 100 |",
        "| mutopia | 1,200 |",
    ):
        assert line in text
    assert text.index("| CC-BY |") < text.index("| not stated |") < text.index("| GPL-2 |")
    assert "attribution" in text


def test_the_card_says_what_the_model_is_and_how_it_does() -> None:
    """Size, event table, time, seed, genres, nats in all and by field."""
    text = card()
    for part in (
        f"| parameters | {tiny_model().parameter_count():,} |",
        f"`{fingerprint()}`",
        "| steps | 600 |",
        "| time | 13 minutes |",
        "| seed | 7 |",
        "9.877 nats per note",
        "| `NOTE.pitch` | 2.250 |",
        "folk, jazz",
    ):
        assert part in text


def test_the_card_without_a_figure() -> None:
    """Nothing held out and not judged yet are two things."""
    assert "Not judged yet." in card(None)
    assert "Nothing was held out: no figure." in card(None, RunFacts())


def test_a_stroke_in_a_name_breaks_no_table() -> None:
    """A licence with a stroke or a line break stays in its cell."""
    text = card(facts=RunFacts(licences={"MIT | Apache\n2": 3}))
    assert "| MIT \\| Apache 2 | 3 |" in text
