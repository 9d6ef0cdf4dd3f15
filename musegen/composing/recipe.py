"""The recipe of a piece: all that decides it, as a text event in its file, and the piece again.

A composition and how it was asked for go in, a file that carries its recipe comes out; a recipe
and a Composer go in, the same file comes out. It also says that a model composed the music.
"""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, fields
from itertools import zip_longest
from pathlib import Path
from typing import Any

import numpy as np

import musegen
from musegen.composing.composer import TOGETHER, Composer, Composition
from musegen.composing.writing import Watcher
from musegen.errors import CheckpointError, MidiError, MusegenError
from musegen.model.loading import computed_by
from musegen.model.sampling import UNLED, Sampling
from musegen.music.humanize import humanized
from musegen.music.read import read_midi, read_texts
from musegen.music.score import Score
from musegen.music.timing import bar_lines
from musegen.music.transform import trim
from musegen.music.write import midi_bytes
from musegen.tokens.controls import BarPlan, Chord, Controls, SectionPlan, TrackPlan

MARK = "musegen recipe "
ENGINE = 5
"""Goes up when the same recipe gives other notes than before: 0 added up float32 numbers, 1 whole
ones (decision 17); 2 moves a precedent to more of what is wished (decision 20); 3 chooses chords
more freely than pitches, keeps to the key that a piece is laid out in, leads the last chord to the
tonic, and does not ask how long a precedent is (decision 23); 4 turns rows by angles that are the
same on every processor (decision 26); 5 gives an exact repeat the chord of its source (decision
28)."""

HUMANIZING = 1
"""Which stream of a piece's chance humanises it; the first draws its notes."""

_PARTS: dict[str, Any] = {
    "tracks": TrackPlan, "sections": SectionPlan, "plan": BarPlan, "chords": Chord,
}  # fmt: skip


@dataclass(frozen=True)
class Recipe:
    """What makes a file again, byte for byte.

    `checkpoint` is the SHA-256 of its weights, `checkpoint_name` its folder's name. Piece `number`
    (from 0) of `count` that were composed side by side; of each `best_of` in a row the one nearest
    to the wishes was kept; `alone`: the model laid it out without a precedent. `prompt` is the
    SHA-256 of the file that the piece goes on from, where there is one. `device` is where it was
    composed and `computed` says in which numbers and with what, as `model.loading` has it: sums in
    another order may end in other bits. `engine` is the ENGINE that composed it.
    """

    version: str
    checkpoint: str
    checkpoint_name: str
    seed: int
    number: int
    count: int
    wishes: Controls
    sampling: Sampling
    humanize: float = 0.0
    best_of: int = 1
    alone: bool = False
    prompt: str | None = None
    device: str = "cpu"
    computed: str = ""
    engine: int = 0

    @classmethod
    def of(
        cls,
        composer: Composer,
        name: str,
        piece: Composition,
        count: int,
        wishes: Controls,
        sampling: Sampling,
        *,
        humanize: float = 0.0,
        best_of: int = 1,
        alone: bool = False,
    ) -> "Recipe":
        """The recipe of one of `count` pieces that this composer made of these wishes."""
        return cls(
            version=musegen.__version__,
            checkpoint=composer.checkpoint.sha256,
            checkpoint_name=name,
            seed=piece.seed,
            number=piece.number,
            count=count,
            wishes=wishes,
            sampling=sampling,
            humanize=humanize,
            best_of=best_of,
            alone=alone,
            device=composer.checkpoint.device,
            computed=computed_by(composer.checkpoint),
            engine=ENGINE,
        )

    @property
    def disclosure(self) -> str:
        """Who composed it, for those who must say so."""
        return (
            f"This music was composed by a model: musegen {self.version}, checkpoint "
            f"{self.checkpoint_name} (SHA-256 {self.checkpoint[:16]})"
        )

    def as_json(self) -> dict[str, Any]:
        """The recipe as JSON holds it, without wishes that say nothing, as its engine wrote it."""
        entries = asdict(self)
        if not self.engine:
            del entries["engine"]
        entries["wishes"] = {name: entries["wishes"][name] for name in self.wishes.wished}
        return {"composed_by": self.disclosure, **entries}

    def texts(self) -> tuple[str, str]:
        """The text events that a file carries: who composed it, and the recipe."""
        entries = self.as_json()
        del entries["composed_by"]
        return self.disclosure, MARK + json.dumps(entries, ensure_ascii=True, sort_keys=True)


def read_recipe(source: str | Path | bytes) -> Recipe:
    """The recipe in a MIDI file; MidiError where it carries none, or a damaged one."""
    place = "MIDI bytes" if isinstance(source, bytes) else source
    for text in read_texts(source):
        if text.startswith(MARK):
            try:
                return _recipe(json.loads(text.removeprefix(MARK)))
            except (ValueError, TypeError, AttributeError, MusegenError) as error:
                raise MidiError(place, f"its recipe is damaged: {error}") from error
    raise MidiError(
        place, "carries no recipe: musegen did not compose it, or another program saved it since"
    )


def _recipe(entries: dict[str, Any]) -> Recipe:
    """A recipe from its JSON; TypeError for a key that there is not or that is missing."""
    told = dict(entries)
    told["wishes"] = _wishes(told.get("wishes", {}))
    told["sampling"] = Sampling(**{**UNLED, **told.get("sampling", {})})
    for field in fields(Recipe):
        if field.type in (int, float, str, bool) and field.name in told:
            kinds = (int, float) if field.type is float else (field.type,)
            if type(told[field.name]) not in kinds:
                raise TypeError(f"{field.name} cannot be {told[field.name]!r}")
    recipe = Recipe(**told)
    if not 0 <= recipe.number < recipe.count or recipe.seed < 0:
        raise ValueError(f"piece {recipe.number} of {recipe.count}, seed {recipe.seed}")
    return recipe


def _wishes(entries: dict[str, Any]) -> Controls:
    told = {**entries}
    for name, kind in _PARTS.items():
        if name in told:
            told[name] = [kind(**_as_tuples(part)) for part in told[name]]
    return Controls(**_as_tuples(told))


def _as_tuples(entries: dict[str, Any]) -> dict[str, Any]:
    """The entries with every list, and every list in it, as a tuple: JSON has none."""

    def one(value: Any) -> Any:
        return tuple(map(one, value)) if isinstance(value, list) else value

    return {name: one(value) for name, value in entries.items()}


def finished(piece: Composition, recipe: Recipe) -> Score:
    """The piece as it is written: a loop cut at its last bar line, humanised where asked for."""
    score = piece.score
    if recipe.wishes.loop:
        lines = bar_lines(score)
        score = trim(score, 0, recipe.wishes.bars or len(lines) - 1)
    chance = np.random.default_rng([recipe.seed, recipe.number, HUMANIZING])
    return humanized(score, recipe.humanize, chance)


def composed_file(piece: Composition, recipe: Recipe) -> bytes:
    """The bytes of the piece's MIDI file, its recipe in it."""
    return midi_bytes(finished(piece, recipe), texts=recipe.texts())


def other_engine(recipe: Recipe) -> str:
    """That another engine than this composed it, in words; "" where it was this one."""
    if recipe.engine == ENGINE:
        return ""
    return (
        f"it was composed by engine {recipe.engine} of musegen, and this is engine {ENGINE}: they "
        "make other notes from the same recipe"
    )


def computed_otherwise(recipe: Recipe, composer: Composer) -> str:
    """How the composer computes otherwise than the recipe's, in words; "" where it does not.

    A recipe that does not say how it was computed differs from none.
    """
    if other := other_engine(recipe):
        return other
    here = computed_by(composer.checkpoint)
    if not recipe.computed or here == recipe.computed:
        return ""
    return f"it was computed as {recipe.computed}, and here as {here}: notes may differ"


def remade(recipe: Recipe, composer: Composer, watch: Watcher | None = None) -> bytes:
    """The file that the recipe makes; CheckpointError where this is not the checkpoint of it.

    What was composed side by side is composed so again, up to the group of the piece itself.
    """
    if composer.checkpoint.sha256 != recipe.checkpoint:
        raise CheckpointError(
            f"the piece was composed with checkpoint {recipe.checkpoint_name!r} (SHA-256 "
            f"{recipe.checkpoint[:16]}), and this one is {composer.checkpoint.sha256[:16]}; name "
            "the right one with --checkpoint"
        )
    count = min(recipe.count, (recipe.number // TOGETHER + 1) * TOGETHER)
    pieces = composer.compose(
        recipe.wishes, recipe.sampling, recipe.seed, count, watch, recipe.alone
    )
    return composed_file(pieces[recipe.number], recipe)


def difference(one: bytes, other: bytes) -> str | None:
    """Where two files differ, in words; None where they are the same to the byte."""
    if one == other:
        return None
    first, second = read_midi(one), read_midi(other)
    bars = zip_longest(_bars(first), _bars(second))
    for number, (here, there) in enumerate(bars, 1):
        if here != there:
            return f"bar {number} is the first that differs"
    return "every note is the same; names, markers or other signs differ"


def _bars(score: Score) -> Iterable[list[tuple[int, ...]]]:
    """What sounds in every bar: its length and tempo, then track, program and note."""
    lines = bar_lines(score)
    tempos = np.array([tempo.tick for tempo in score.tempos])
    for start, end in zip(lines[:-1].tolist(), lines[1:].tolist(), strict=True):
        tempo = score.tempos[int(np.searchsorted(tempos, start, side="right")) - 1]
        bar: list[tuple[int, ...]] = [(end - start, tempo.microseconds)]
        for place, track in enumerate(score.tracks):
            inside = (track.notes[:, 0] >= start) & (track.notes[:, 0] < end)
            for onset, *rest in track.notes[inside].tolist():
                bar.append((place, track.program, onset - start, *rest))
        yield bar
