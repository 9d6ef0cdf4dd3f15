"""A folder of MIDI, prepared: what is taken, what is left out, and that chance has no part."""

import json
import os
from pathlib import Path

import mido
import numpy as np
import pytest

from musegen.corpus.batches import Batches, BatchSettings
from musegen.corpus.labels import HELD_OUT
from musegen.corpus.prepare import Progress, prepare
from musegen.corpus.reading import PrepareSettings, identity_of
from musegen.corpus.shards import Prepared
from musegen.errors import CorpusError, OutputError, SettingError
from musegen.music.read import read_midi
from musegen.music.score import Score, Track, note_array
from musegen.music.source import Limits
from musegen.tokens import fields
from musegen.tokens.codec import decode
from musegen.tokens.fields import END, STYLE


def song(
    file: Path, seed: int, up: int = 0, notes: int = 64, program: int = 0, every: int = 120
) -> Path:
    """A tune of random pitches as a MIDI file of 480 ticks a quarter."""
    rng = np.random.default_rng(seed)
    track = mido.MidiTrack([mido.Message("program_change", program=program)])
    for pitch in rng.integers(48, 72, notes).tolist():
        track.append(mido.Message("note_on", note=pitch + up, velocity=80))
        track.append(mido.Message("note_off", note=pitch + up, time=every))
    file.parent.mkdir(parents=True, exist_ok=True)
    mido.MidiFile(tracks=[track]).save(file)
    return file


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Twelve tunes of two genres, and five files that cannot be used."""
    music = tmp_path / "music"
    for seed in range(12):
        song(music / ("Jazz", "folk")[seed % 2] / f"{seed:02}.mid", seed, notes=64 + 16 * seed)
    song(music / "folk/copy of 01.mid", 1, notes=80, program=40)
    song(music / "folk/higher 01.mid", 1, up=5, notes=80)
    song(music / "folk/short.mid", 99, notes=15)
    song(music / "folk/one bar.mid", 98, notes=20, every=24)
    (music / "Jazz/page.mid").write_bytes(b"<html>not found</html>")
    return music


def contents(folder: Path) -> dict[str, bytes]:
    """Every file of a folder by name."""
    return {file.name: file.read_bytes() for file in sorted(folder.iterdir())}


def whys(prepared: Prepared) -> dict[str, str]:
    """Why each file was left out."""
    return {left.path: left.kind for left in prepared.left_out()}


def test_a_folder_is_prepared(folder: Path, tmp_path: Path) -> None:
    """Usable pieces become rows with genres from their folders; each other file has a reason."""
    steps: list[Progress] = []
    prepared = prepare(folder, tmp_path / "out", workers=0, progress=steps.append)
    assert prepared.genres == ("folk", "jazz")
    assert prepared.facts.pieces == 12
    assert prepared.facts.files == 17
    assert whys(prepared) == {
        "Jazz/page.mid": "cannot be read",
        "folk/copy of 01.mid": "duplicate",
        "folk/higher 01.mid": "duplicate in another key",
        "folk/one bar.mid": "too short",
        "folk/short.mid": "too short",
    }
    assert sum(prepared.facts.reasons.values()) == 5
    assert steps[-1] == Progress(17, 17, 12, prepared.facts.notes, 5)
    assert [step.done for step in steps] == list(range(1, 18))
    pieces = list(prepared.pieces())
    collection = prepared.collection
    for number, piece in enumerate(pieces):
        score, controls = decode(collection.rows(number), prepared.genres)
        assert controls.genre == piece.path.split("/")[0].lower() == piece.genre
        assert score.note_count == piece.notes
        assert controls.bars == piece.bars
    assert sum(piece.notes for piece in pieces) == prepared.facts.notes
    assert 1 <= prepared.facts.held_out < 6
    batch = Batches(collection, BatchSettings(256, 1024), seed=0).batch(0)
    assert (batch.rows[:, 0, 0] == STYLE).all()
    assert (collection.rows(0)[-1, 0]) == END


def test_bars_are_found_unless_told_otherwise(tmp_path: Path) -> None:
    """A waltz that its file has in 1/4, beside the beat, is prepared in 3/4 and on the beat."""
    track = mido.MidiTrack([mido.MetaMessage("time_signature", numerator=1, denominator=4)])
    track.append(mido.Message("note_on", note=84, velocity=80, time=60))
    track.append(mido.Message("note_off", note=84, time=480))
    for bar in range(24):
        root = (36, 41, 43, 45)[bar % 4]
        for beat in range(3):
            chord = (root,) if beat == 0 else (root + 16, root + 19)
            for pitch in chord:
                track.append(mido.Message("note_on", note=pitch, velocity=80))
            for place, pitch in enumerate(chord):
                track.append(mido.Message("note_off", note=pitch, time=0 if place else 480))
    (tmp_path / "music").mkdir()
    mido.MidiFile(tracks=[track]).save(tmp_path / "music/waltz.mid")
    told = []
    for find_bars in (True, False):
        settings = PrepareSettings(find_bars=find_bars)
        prepared = prepare(tmp_path / "music", tmp_path / f"{find_bars}", settings, workers=0)
        score, controls = decode(prepared.collection.rows(0), prepared.genres)
        told.append((controls.meter, int(score.tracks[0].notes[0, 0])))
        changes = next(prepared.pieces()).quantised
        assert ("grids_moved" in changes, "bar_lines_moved" in changes) == (find_bars, find_bars)
    assert told == [((3, 4), 48), ((1, 4), 3)]


@pytest.mark.slow
def test_the_number_of_workers_changes_nothing(folder: Path, tmp_path: Path) -> None:
    """In this process, with one worker or with three, every file has the same bytes."""
    told = []
    for workers in (0, 1, 3):
        out = tmp_path / f"out{workers}"
        prepare(folder, out, workers=workers)
        told.append(contents(out))
    assert told[0] == told[1] == told[2]


def test_labels_decide(folder: Path, tmp_path: Path) -> None:
    """Genre, source, licence and split come from labels.csv; groups stay on one side."""
    (folder / "labels.csv").write_text(
        "path,genre,source,licence,split\n"
        + "".join(f"{g}/{n:02}.mid,tango,attic,CC0,\n" for n, g in ((0, "Jazz"), (1, "folk")))
        + "Jazz/02.mid,,attic,GPL,test\nno such.mid,x,,,\n"
    )
    groups = [f"{('Jazz', 'folk')[n % 2]}/{n:02}.mid" for n in range(2, 12)]
    (folder / "groups.csv").write_text("path,group\n" + "".join(f"{g},one\n" for g in groups))
    prepared = prepare(folder, tmp_path / "out", workers=0)
    pieces = {piece.path: piece for piece in prepared.pieces()}
    assert pieces["Jazz/00.mid"].genre == "tango"
    assert pieces["Jazz/02.mid"].genre is None
    assert prepared.genres == ("folk", "jazz", "tango")
    assert (pieces["Jazz/00.mid"].source, pieces["Jazz/04.mid"].source) == ("attic", "Jazz")
    assert prepared.facts.licence_counts["GPL"] == 1
    assert {pieces[path].split for path in groups if path in pieces} == {HELD_OUT}
    told = " | ".join(prepared.facts.warnings)
    assert "1 files that are not there, such as no such.mid" in told


@pytest.mark.parametrize("share", [0.1, 0.5])
def test_arrangements_of_a_melody_lie_on_one_side(tmp_path: Path, share: float) -> None:
    """Twenty tunes alone, transposed, and faster over a bass: none is on both sides."""
    for seed in range(20):
        rng = np.random.default_rng(seed)
        tune = 66 + np.cumsum(rng.choice([-3, -2, -1, 1, 2, 3], 60))
        tune = np.where(tune > 84, 168 - tune, np.where(tune < 50, 100 - tune, tune))
        for name, up, tempo, bass in (
            ("a", 0, 500_000, 0),
            ("b", 4, 500_000, 7),
            ("c", 0, 400_000, 5),
        ):
            lead = mido.MidiTrack([mido.MetaMessage("set_tempo", tempo=tempo)])
            low = mido.MidiTrack([mido.Message("program_change", program=33, channel=1)])
            for place, pitch in enumerate((tune + up).tolist()):
                lead.append(mido.Message("note_on", note=pitch, velocity=80))
                lead.append(mido.Message("note_off", note=pitch, time=240))
                if bass and place % 4 == 0:
                    note = 36 + place // 4 * bass % 12
                    low.append(mido.Message("note_on", note=note, velocity=80, channel=1))
                    low.append(mido.Message("note_off", note=note, time=960, channel=1))
            (tmp_path / "music").mkdir(exist_ok=True)
            mido.MidiFile(tracks=[lead, low]).save(tmp_path / f"music/{seed:02}{name}.mid")
    settings = PrepareSettings(held_out=share)
    sides: dict[str, set[str]] = {}
    for piece in prepare(tmp_path / "music", tmp_path / "out", settings, workers=0).pieces():
        sides.setdefault(piece.path[:2], set()).add(piece.split)
    assert len(sides) == 20
    assert all(len(side) == 1 for side in sides.values())
    assert {HELD_OUT} in sides.values()
    assert {"train"} in sides.values()


def test_what_was_made_from_the_same_files_is_used_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Nothing is read twice but what was touched; a damaged folder is made anew."""
    out = tmp_path / "out"
    prepare(folder, out, workers=0)
    before = contents(out)
    reads: list[str] = []

    def counted(source: Path, limits: Limits) -> Score:
        reads.append(str(source))
        return read_midi(source, limits)

    monkeypatch.setattr("musegen.corpus.reading.read_midi", counted)
    prepare(folder, out, workers=0)
    assert not reads
    os.utime(folder / "Jazz/00.mid", (1, 1))
    prepare(folder, out, workers=0)
    assert len(reads) == 1
    assert contents(out)["rows-00000.npy"] == before["rows-00000.npy"]
    (folder / "labels.csv").write_text("path,genre\nJazz/00.mid,tango\n")
    assert "tango" in prepare(folder, out, workers=0).genres
    assert len(reads) == 1
    (out / "rows-00000.npy").write_bytes(b"damaged")
    assert prepare(folder, out, workers=0).facts.pieces == 12
    assert len(reads) == 18
    facts = json.loads((out / "prepared.json").read_text())
    (out / "prepared.json").write_text(json.dumps({**facts, "fingerprint": "old"}))
    assert prepare(folder, out, workers=0).facts.pieces == 12
    assert len(reads) == 35


def test_nothing_else_is_overwritten(folder: Path, tmp_path: Path) -> None:
    """A folder that is not a prepared one is left alone; an empty one is filled."""
    out = tmp_path / "out"
    out.mkdir()
    prepare(folder, out, workers=0)
    other = tmp_path / "thesis"
    other.mkdir()
    (other / "chapter 1.txt").write_text("all of it")
    with pytest.raises(OutputError, match="not a prepared folder"):
        prepare(folder, other, workers=0)
    assert contents(other) == {"chapter 1.txt": b"all of it"}


def test_a_folder_in_which_nothing_can_be_used_is_one_clear_line(tmp_path: Path) -> None:
    """It says how many files there are, why they cannot be used, and shows one."""
    (tmp_path / "a.mid").write_bytes(b"<html>")
    (tmp_path / "b.mid").write_bytes(b"")
    song(tmp_path / "c.mid", 1, notes=4)
    with pytest.raises(CorpusError) as caught:
        prepare(tmp_path, tmp_path / "out", workers=0)
    line = str(caught.value)
    assert line.startswith("none of the 3 MIDI files in")
    assert "2 cannot be read, 1 too short; the first: a.mid: " in line
    assert "\n" not in line
    assert not (tmp_path / "out").exists()


def test_a_bug_costs_one_file_and_is_said(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where musegen itself fails on a file, the others are prepared and the failure is counted."""

    def failing(source: Path, limits: Limits) -> Score:
        if source.name == "03.mid":
            raise IndexError("out of bounds")
        return read_midi(source, limits)

    monkeypatch.setattr("musegen.corpus.reading.read_midi", failing)
    prepared = prepare(folder, tmp_path / "out", workers=0)
    assert whys(prepared)["folk/03.mid"] == "error in musegen"
    assert prepared.facts.pieces == 11
    assert any("folk/03.mid: IndexError: out of bounds" in w for w in prepared.facts.warnings)


def test_the_rarest_genres_are_left_unsaid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """More genres than the event table holds: the rarest give way, with a warning."""
    monkeypatch.setattr(fields, "MAX_GENRES", 2)
    for seed, genre in enumerate("aabbbcdd"):
        song(tmp_path / genre / f"{seed}.mid", seed)
    prepared = prepare(tmp_path, tmp_path / "out", workers=0)
    assert prepared.genres == ("a", "b")
    assert sum(piece.genre is None for piece in prepared.pieces()) == 3
    assert any("the 2 rarest are left unsaid (3 pieces)" in w for w in prepared.facts.warnings)


def test_the_same_notes_have_one_identity_in_any_key() -> None:
    """Key, instrument, loudness and silence before do not count; rhythm and drums do."""

    def piece(*notes: tuple[int, int, int], drum: int = 0, velocity: int = 80) -> Score:
        rows = [(onset, length, pitch, velocity) for onset, length, pitch in notes]
        other = [(0, 6, drum, 80)] if drum else []
        tracks = [Track(0, notes=note_array(rows)), Track(0, True, notes=note_array(other))]
        return Score(24, tuple(track for track in tracks if len(track)))

    tune = piece((0, 24, 60), (24, 24, 64), (24, 12, 48))
    higher = piece((48, 24, 65), (72, 24, 69), (72, 12, 53), velocity=30)
    assert identity_of(tune)[0] == identity_of(higher)[0]
    assert (identity_of(tune)[1], identity_of(higher)[1]) == (48, 53)
    for other in (
        piece((0, 24, 60), (24, 24, 65), (24, 12, 48)),
        piece((0, 24, 60), (25, 24, 64), (25, 12, 48)),
        piece((0, 24, 60), (24, 23, 64), (24, 12, 48)),
        piece((0, 24, 60), (24, 24, 64), (24, 12, 48), drum=38),
    ):
        assert identity_of(other)[0] != identity_of(tune)[0]
    low, high = [(0, 24, 60), (24, 24, 64)], [(0, 24, 65), (24, 24, 69)]
    assert identity_of(piece(*low, drum=38))[0] == identity_of(piece(*high, drum=38))[0]
    assert identity_of(piece(*low, drum=38))[0] != identity_of(piece(*high, drum=43))[0]


@pytest.mark.parametrize(
    "wrong", [{"held_out": 0.9}, {"mood": "guessed"}, {"least_notes": 0}, {"limit_s": 0}]
)
def test_wrong_settings_are_refused(wrong: dict[str, object]) -> None:
    """A setting out of range is an error that names it."""
    with pytest.raises(SettingError, match=next(iter(wrong))):
        PrepareSettings(**wrong)  # type: ignore[arg-type]


@pytest.mark.slow
def test_a_sample_of_a_real_collection_survives(tmp_path: Path) -> None:
    """Every piece of a real collection's sample decodes to the notes that were counted."""
    corpus = os.environ.get("MUSEGEN_CORPUS")
    if not corpus or not Path(corpus).is_dir():
        pytest.skip("set MUSEGEN_CORPUS to a folder of MIDI files")
    files = sorted(Path(corpus).rglob("*.mid"))
    for file in files[:: max(len(files) // 60, 1)]:
        place = tmp_path / "music" / file.relative_to(corpus)
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(file.read_bytes())
    prepared = prepare(tmp_path / "music", tmp_path / "out", workers=2)
    assert "error in musegen" not in prepared.facts.reasons
    for number, piece in enumerate(prepared.pieces()):
        score, _ = decode(prepared.collection.rows(number), prepared.genres)
        assert score.note_count == piece.notes
