"""Held-out likelihood of a checkpoint beside its floors, as one table.

In: a model and a prepared collection. Out: nats per note and by field for the model and for three
floors computed on the same rows: uniform over legal choices, unigram, 5-gram (`floors`).
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np

from musegen.corpus.batches import held_out_windows
from musegen.corpus.collection import Collection
from musegen.corpus.windows import scored_rows
from musegen.errors import CorpusError
from musegen.evaluation.floors import Piece, field_sequences, fitted, foretold, ngram, uniform
from musegen.model.transformer import MusicModel
from musegen.training.judge import Likelihood, likelihood

MODEL, UNTOLD, NGRAM, UNIGRAM, UNIFORM = (
    "model",
    "model, nothing wished",
    "5-gram per field",
    "unigram per field",
    "uniform over legal choices",
)
ROWS_PER_STEP = 8192


@dataclass(frozen=True)
class LikelihoodReport:
    """Likelihoods by judge, and the model's and the 5-gram's by genre; all on the same windows."""

    judges: Mapping[str, Likelihood]
    by_genre: Mapping[str, Likelihood]
    floor_by_genre: Mapping[str, Likelihood]
    pieces: int
    context: int

    def markdown(self) -> str:
        """The tables, as Markdown."""
        model = self.judges[MODEL]
        saved = 1 - model.per_note / self.judges[NGRAM].per_note
        lines = [
            f"{self.pieces} held-out pieces, the first {self.context} rows of each; "
            f"{model.notes:,} notes in {model.bars:,} bars. Nats per note: everything that was to "
            "be foretold (kinds, tracks, sections, bars, chords, notes) over the number of notes. "
            f"The model needs {100 * saved:.0f} in 100 less than the 5-gram.",
            "",
            "| | nats per note | nats per bar | in the notes' fields | of the model's |",
            "|---|---:|---:|---:|---:|",
        ]
        for name, judged in self.judges.items():
            ratio = judged.per_note / model.per_note
            lines.append(
                f"| {name} | {judged.per_note:.3f} | {judged.per_bar:.1f} "
                f"| {judged.note_fields:.3f} | {ratio:.2f} x |"
            )
        columns = [name for name in self.judges if name != UNTOLD]
        head = "| field | " + " | ".join(columns)
        lines += ["", head + " | 5-gram / model |", "|---" + "|---:" * (len(columns) + 1) + "|"]
        for field in model.by_field:
            nats = [self.judges[name].by_field.get(field, 0.0) for name in columns]
            ratio = self.judges[NGRAM].by_field.get(field, 0.0) / max(nats[0], 1e-9)
            cells = " | ".join(f"{value:.3f}" for value in nats)
            lines.append(f"| `{field}` | {cells} | {ratio:.2f} x |")
        lines += [
            "",
            "| genre | notes | nats per note | nats per bar | 5-gram, per note | of the model's |",
            "|---|---:|---:|---:|---:|---:|",
        ]
        for genre, judged in self.by_genre.items():
            floor = self.floor_by_genre[genre].per_note
            lines.append(
                f"| {genre} | {judged.notes:,} | {judged.per_note:.3f} | {judged.per_bar:.1f} "
                f"| {floor:.3f} | {floor / judged.per_note:.2f} x |"
            )
        return "\n".join(lines) + "\n"


def likelihood_report(
    model: MusicModel,
    collection: Collection,
    genres: tuple[str, ...],
    bf16: bool = False,
    train_pieces: int = 3000,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> LikelihoodReport:
    """Judge `model` and the floors on the held-out pieces of `collection`.

    The n-gram floors are fitted on up to `train_pieces` training pieces, evenly spread. Raises
    CorpusError where nothing is held out.
    """
    context = model.config.context
    pieces = collection.judging
    if not len(pieces):
        raise CorpusError("this collection holds nothing out: there is nothing to judge with")
    by_genre: dict[str, Likelihood] = {}
    ids = np.unique(collection.genre[pieces])
    steps = len(ids) + 4
    for done, genre in enumerate(ids.tolist()):
        chosen = pieces[collection.genre[pieces] == genre].tolist()
        windows = held_out_windows(collection, context, ROWS_PER_STEP, pieces=chosen)
        name = genres[genre - 1] if genre else "none"
        by_genre[name] = likelihood(model, windows, bf16=bf16)
        progress(done + 1, steps)
    windows = held_out_windows(collection, context, ROWS_PER_STEP)
    told = likelihood(model, windows, bf16=bf16)
    windows = held_out_windows(collection, context, ROWS_PER_STEP, unset_head=True)
    untold = likelihood(model, windows, bf16=bf16)
    progress(steps - 3, steps)
    held_out = field_sequences(_windows(collection, pieces, context))
    training = collection.training
    spread = np.linspace(0, len(training) - 1, min(train_pieces, len(training))).astype(int)
    train = field_sequences(_windows(collection, training[spread], context))
    models = fitted(train, 5)
    five = foretold(models, held_out)
    one = ngram(train, held_out, 1)
    floor_by_genre = {}
    for genre in ids.tolist():
        chosen = pieces[collection.genre[pieces] == genre]
        sequences = field_sequences(_windows(collection, chosen, context))
        floor_by_genre[genres[genre - 1] if genre else "none"] = foretold(models, sequences)
    progress(steps - 1, steps)
    flat = uniform(_windows(collection, pieces, context))
    progress(steps, steps)
    judges = {MODEL: told, UNTOLD: untold, NGRAM: five, UNIGRAM: one, UNIFORM: flat}
    return LikelihoodReport(judges, by_genre, floor_by_genre, len(pieces), context)


def _windows(
    collection: Collection, pieces: np.ndarray[tuple[int], np.dtype[np.int64]], max_rows: int
) -> Iterator[Piece]:
    for piece in pieces.tolist():
        rows = collection.rows(piece)[:max_rows]
        yield rows, scored_rows(rows)
