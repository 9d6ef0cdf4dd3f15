"""Fine-tuning: a checkpoint goes on learning, with its labels and with new ones."""

from pathlib import Path

import numpy as np
import pytest
import torch

from musegen.corpus.batches import piece_weights
from musegen.corpus.collection import renumbered
from musegen.errors import CheckpointError, CorpusError, LabelError
from musegen.model.checkpoint import load_checkpoint, save_checkpoint
from musegen.tokens import fields
from musegen.training.loop import RunOrigin, Trainer
from musegen.training.settings import RunSettings
from musegen.training.tuning import read_base, tuning_settings, with_new_genres
from tests.model.tiny import tiny_model
from tests.training.runs import FACTS, QUICK, Notes, pieces


@pytest.fixture
def base(tmp_path: Path) -> Path:
    """A checkpoint that knows waltz and jazz."""
    save_checkpoint(tmp_path / "base", tiny_model(), ("waltz", "jazz"), "# base\n")
    return tmp_path / "base"


def test_genres_keep_their_numbers() -> None:
    """Known genres stay where they are, new ones come behind, and there is an end."""
    assert with_new_genres(("waltz", "jazz"), ("folk", "jazz")) == ("waltz", "jazz", "folk")
    with pytest.raises(LabelError, match="64"):
        with_new_genres([str(n) for n in range(64)], ["folk"])


def test_music_is_numbered_as_the_checkpoint_numbers_it() -> None:
    """Every piece has the genre that it had, under its number in the other list; rows say so."""
    plain = pieces()
    moved = renumbered(plain, ("folk", "jazz"), ("waltz", "jazz", "folk"))
    names = ["folk", "jazz"], ["waltz", "jazz", "folk"]
    for number in range(len(plain)):
        before, after = plain.rows(number), moved.rows(number)
        assert names[0][before[0, 1] - 1] == names[1][after[0, 1] - 1]
        assert moved.genre[number] == after[0, 1]
        assert np.array_equal(before[1:], after[1:])
    assert renumbered(plain, ("folk",), ("folk",)) is plain
    with pytest.raises(CorpusError, match="folk"):
        renumbered(plain, ("folk", "jazz"), ("jazz",))


def test_a_new_genre_begins_as_the_mean_of_the_known(base: Path) -> None:
    """All weights are those of the checkpoint but those of the new genre."""
    read = read_base(base)
    weights = read.weights(("waltz", "jazz", "folk"))
    same = {n: p for n, p in read.model.named_parameters() if torch.equal(p, weights[n])}
    assert set(weights) - set(same) == {"embedding.weight"}
    before, after = read.model.embedding.weight, weights["embedding.weight"]
    (changed,) = (before != after).any(1).nonzero().flatten().tolist()
    ids = read.model.embedding.global_ids(torch.tensor([[fields.STYLE, 3, 0, 0, 0, 0, 0, 0]]))
    assert changed == int(ids[0, fields.column(fields.STYLE, "genre")])
    assert torch.allclose(after[changed], before[changed - 2 : changed].mean(0))


def test_every_piece_counts_alike() -> None:
    """Settings for small collections: long pieces and large genres are not favoured; all keys."""
    settings = tuning_settings(QUICK.model)
    weights = piece_weights(pieces(), settings.batches)
    assert len(set(weights[weights > 0].tolist())) == 1
    assert settings.batches.augment.transpose_down + settings.batches.augment.transpose_up == 11
    assert settings.train.patience > 0


def tuned(out: Path, base: Path, notes: Notes, steps: int = 4, resume: bool = False) -> Trainer:
    """A run that goes on from `base`."""
    read = read_base(base)
    genres = with_new_genres(read.genres, ("folk", "jazz"))
    music = renumbered(pieces(), ("folk", "jazz"), genres)
    quick = tuning_settings(read.config)
    settings = RunSettings(
        read.config, QUICK.batches,
        quick.train.__class__(steps=steps, evaluate_every=2, short_rows=64, patience=1),
    )  # fmt: skip
    origin = RunOrigin("", read.origin, read.weights(genres))
    return Trainer(music, genres, settings, out, notes, FACTS, 3, "cpu", resume, None, origin)


def test_it_is_judged_before_it_learns(tmp_path: Path, base: Path) -> None:
    """The first figure is that of the base; the card and the facts say what was tuned."""
    notes = Notes()
    run = tuned(tmp_path / "c", base, notes)
    expected = run.judged().per_note
    run.run()
    assert notes.judged[0][0] == 0
    assert notes.judged[0][1].per_note == pytest.approx(expected)
    loaded = load_checkpoint(tmp_path / "c")
    assert loaded.genres == ("waltz", "jazz", "folk")
    assert loaded.facts["base"]["name"] == "base"
    assert "Fine-tuned from the checkpoint base" in (tmp_path / "c" / "README.md").read_text()
    again = Notes()
    tuned(tmp_path / "c", base, again, steps=6, resume=True).run()
    assert again.judged[0][0] > 0


def test_what_makes_it_worse_is_not_kept(tmp_path: Path, base: Path) -> None:
    """Where no judgement is better than the first, OUT composes as the base did."""
    notes = Notes()
    run = tuned(tmp_path / "c", base, notes)
    judged = run.judged
    run.judged = lambda: judged().__class__(**{  # type: ignore[method-assign]
        **vars(judged()), "per_note": 5.0 + len(notes.judged)
    })  # fmt: skip
    result = run.run()
    assert result is not None
    assert result.per_note == 5.0
    assert [report.step for report in notes.steps] == [1, 2], "patience ended it"
    kept, first = load_checkpoint(tmp_path / "c").model, read_base(base).model
    assert torch.equal(kept.norm.weight, first.norm.weight)
    assert "step 0 foretold held-out pieces best" in notes.notes[0]


def test_weights_that_do_not_fit_are_refused(tmp_path: Path, base: Path) -> None:
    """A base of other sizes is one clear error."""
    read = read_base(base)
    weights = read.weights(read.genres)
    weights["norm.weight"] = torch.zeros(3)
    origin = RunOrigin("", read.origin, weights)
    with pytest.raises(CheckpointError, match=r"no fitting norm\.weight"):
        Trainer(
            pieces(), ("folk", "jazz"), QUICK, tmp_path / "c", Notes(), FACTS, 3, "cpu",
            origin=origin,
        )  # fmt: skip
