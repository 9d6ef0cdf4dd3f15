"""Compositions to look at: a wish and a seed go in, the file and its picture come out."""

from dataclasses import dataclass

from musegen.composing.composer import Composer
from musegen.composing.recipe import Recipe, composed_file, finished
from musegen.model.sampling import Sampling
from musegen.music.mood import NAMED_MOODS
from musegen.render.pianoroll import draw_pianoroll, small_png
from musegen.render.report import Sample
from musegen.tokens.controls import Controls

DOTS_PER_INCH = 72
"""Of a picture among many: a page 15 inches wide is 1080 pixels."""


@dataclass(frozen=True)
class Asked:
    """What a sample is asked for, in the words of the command line."""

    genre: str
    mood: str
    bars: int
    seed: int

    @property
    def name(self) -> str:
        """The name of its files, without an ending."""
        return f"{self.genre.replace('&', 'n')}-{self.mood}".lower()

    def command(self, checkpoint: str) -> str:
        """The command that makes it again."""
        genre = f'"{self.genre}"' if "&" in self.genre else self.genre
        return (
            f"musegen generate --checkpoint {checkpoint} --genre {genre} --mood {self.mood} "
            f"--bars {self.bars} --seed {self.seed} -o {self.name}.mid"
        )

    @property
    def wishes(self) -> Controls:
        """The same as Controls."""
        valence, arousal = NAMED_MOODS[self.mood]
        return Controls(genre=self.genre, valence=valence, arousal=arousal, bars=self.bars)


def sampled(
    composer: Composer, checkpoint: str, asked: Asked, dots_per_inch: int = DOTS_PER_INCH
) -> Sample:
    """The composition that `asked` makes, as its command makes it."""
    (piece,) = composer.compose(asked.wishes, Sampling(), asked.seed)
    recipe = Recipe.of(composer, checkpoint, piece, 1, asked.wishes, Sampling())
    plan = piece.controls
    figure = draw_pianoroll(
        finished(piece, recipe),
        title=asked.name,
        genre=asked.genre,
        chords=plan.chords,
        sections=plan.sections,
    )
    return Sample(
        f"{asked.name}.mid",
        f"{asked.genre}, {asked.mood}, seed {asked.seed}",
        small_png(figure, dots_per_inch),
        composed_file(piece, recipe),
    )
