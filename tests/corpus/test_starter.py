"""The starter collection: what music21 has, as a careful person would have exported it."""

from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from musegen.corpus import notation, starter
from musegen.corpus.labels import read_labels
from musegen.corpus.notation import CHOIR, Manner, corpus_folder, read_notation, score_of
from musegen.corpus.prepare import prepare
from musegen.corpus.starter import SHELVES, Shelf, make_starter, rights_claimed
from musegen.errors import CorpusError, OutputError
from musegen.music.read import read_midi
from musegen.music.score import Key, Meter, Score
from musegen.music.timing import bar_lines
from musegen.music.write import midi_bytes

music21 = pytest.importorskip("music21", reason="needs music21, the extra [starter]")

PLAIN = Manner(73, 90)


def bar(words: str, meter: str = "") -> Any:
    """A measure: "G4 1, C5+E5 2~, r 1" is a note, a chord that is tied, and a rest."""
    measure = music21.stream.Measure()
    if meter:
        measure.timeSignature = music21.meter.TimeSignature(meter)
    for word in filter(None, words.split(", ")):
        pitch, length = word.split()
        quarters = music21.common.opFrac(Fraction(length.rstrip("~")))
        if pitch == "r":
            element: Any = music21.note.Rest(quarterLength=quarters)
        elif "+" in pitch:
            element = music21.chord.Chord(pitch.split("+"), quarterLength=quarters)
        else:
            element = music21.note.Note(pitch, quarterLength=quarters)
        if length.endswith("~"):
            element.tie = music21.tie.Tie("start")
        measure.append(element)
    return measure


def stream(*bars: Any, kind: str = "Part", name: str = "") -> Any:
    """A part of these measures."""
    part = getattr(music21.stream, kind)()
    part.partName = name
    for number, measure in enumerate(bars):
        measure.number = number
        part.append(measure)
    return part


def repeated(measure: Any, side: str) -> Any:
    """The measure with a repeat sign on its "left" or "right"."""
    sign = music21.bar.Repeat(direction="start" if side == "left" else "end")
    setattr(measure, f"{side}Barline", sign)
    return measure


def score(*parts: Any, manner: Manner = PLAIN) -> Score:
    """What musegen makes of a score of these parts."""
    return score_of(music21.stream.Score(list(parts)), manner).score


def notes(score: Score, track: int = 0) -> list[tuple[float, float, int]]:
    """Onset and length in quarters, and pitch."""
    ticks = score.ticks_per_quarter
    return [(n.onset / ticks, n.duration / ticks, n.pitch) for n in score.tracks[track]]


def test_a_pickup() -> None:
    """An upbeat sounds at the end of a first bar that begins with a rest."""
    tune = score(stream(bar("G4 1", "4/4"), bar("C5 2, D5 2"), bar("G5 4")))
    assert notes(tune)[:2] == [(3, 1, 67), (4, 2, 72)]
    assert (bar_lines(tune) / tune.ticks_per_quarter).tolist() == [0, 4, 8, 12]
    assert tune.meters == (Meter(0, 4, 4),)


def test_repeats_are_played() -> None:
    """Sections are played twice, and bars stay whole where an upbeat comes again."""
    tune = score(
        stream(
            bar("G4 1", "4/4"), bar("C5 4"), repeated(bar("D5 3"), "right"),
            repeated(bar("A4 1"), "left"), bar("E5 4"), repeated(bar("F5 3"), "right"),
        )
    )  # fmt: skip
    assert [n[0] for n in notes(tune)] == [3, 4, 8, 11, 12, 16, 19, 20, 24, 27, 28, 32]
    assert [n[2] for n in notes(tune)] == [67, 72, 74] * 2 + [69, 76, 77] * 2
    assert tune.meters == (Meter(0, 4, 4),)


def test_sections_without_a_sign_at_their_beginning() -> None:
    """Where only the ends of sections are marked, each is played twice: A A B B C C."""
    ends = [repeated(bar(f"{p}5 4", "4/4" if p == "C" else ""), "right") for p in "CDE"]
    assert [n[2] for n in notes(score(stream(*ends)))] == [72, 72, 74, 74, 76, 76]


def test_signs_that_are_there_are_kept() -> None:
    """A sign in the middle of a section is where one goes back to: A A B C C."""
    bars = [bar("C5 4", "4/4"), bar("D5 4"), bar("E5 4")]
    bars = [repeated(bars[0], "right"), bars[1], repeated(repeated(bars[2], "left"), "right")]
    assert [n[2] for n in notes(score(stream(*bars)))] == [72, 72, 74, 76, 76]


@pytest.mark.parametrize("more", [[], [77]])
def test_an_end_sign_on_the_second_ending(more: list[int]) -> None:
    """A sign at the end of the second ending is another's slip: nothing new begins there."""
    bars = [bar("C5 4", "4/4"), repeated(bar("D5 4"), "right"), repeated(bar("E5 4"), "right")]
    part = stream(*bars, *(repeated(bar("F5 4"), "right") for _ in more))
    part.insert(0, music21.spanner.RepeatBracket(bars[1], number=1))
    part.insert(0, music21.spanner.RepeatBracket(bars[2], number=2))
    assert [n[2] for n in notes(score(part))] == [72, 74, 72, 76, *more, *more]


def test_a_section_after_a_second_ending() -> None:
    """A section that begins after a second ending goes back to there: A1 A2 B B."""
    bars = [bar("C5 4", "4/4"), repeated(bar("D5 4"), "right"), bar("E5 4")]
    part = stream(*bars, repeated(bar("F5 4"), "right"))
    part.insert(0, music21.spanner.RepeatBracket(bars[1], number=1))
    part.insert(0, music21.spanner.RepeatBracket(bars[2], number=2))
    assert [n[2] for n in notes(score(part))] == [72, 74, 72, 76, 77, 77]


def test_first_and_second_endings() -> None:
    """The second time another ending is played; all parts follow the first one's signs."""
    bars = [bar("C5 4", "4/4"), repeated(bar("D5 4"), "right"), bar("E5 4")]
    upper = stream(*bars)
    upper.insert(0, music21.spanner.RepeatBracket(bars[1], number=1))
    upper.insert(0, music21.spanner.RepeatBracket(bars[2], number=2))
    lower = stream(bar("C3 4", "4/4"), bar("D3 4"), bar("E3 4"))
    tune = score(upper, lower)
    assert [n[2] for n in notes(tune)] == [72, 74, 72, 76]
    assert [n[2] for n in notes(tune, 1)] == [48, 50, 48, 52]


def test_repeats_that_do_not_add_up() -> None:
    """A score whose signs contradict each other is taken as it is written, and that is said."""
    marks = bar("D5 4")
    marks.append(music21.repeat.DalSegno())
    read = score_of(music21.stream.Score([stream(bar("C5 4", "4/4"), marks)]), PLAIN)
    assert not read.repeats_played
    assert len(notes(read.score)) == 2


def test_ties_are_joined() -> None:
    """Tied notes are one, over bar lines too; the same pitch struck again is another."""
    second, third = bar("C5 4"), bar("C5 2, C5 2")
    second.notes[0].tie, third.notes[0].tie = music21.tie.Tie("continue"), music21.tie.Tie("stop")
    tune = score(stream(bar("C5 4~", "4/4"), second, third))
    assert notes(tune) == [(0, 10, 72), (10, 2, 72)]
    open_ended = score(stream(bar("C5 4~", "4/4"), bar("C5 2, C5 2"), bar("D5 4~"), bar("E5 4")))
    assert notes(open_ended) == [(0, 6, 72), (6, 2, 72), (8, 4, 74), (12, 4, 76)]


def test_ornaments_and_chord_names_are_not_notes() -> None:
    """Grace notes have no length, and the name of a chord is not played."""
    first = bar("C5 2, E5 2", "4/4")
    first.insert(0, music21.harmony.ChordSymbol("Am", quarterLength=2.0))
    first.insert(0, music21.note.Note("D5").getGrace())
    assert notes(score(stream(first, bar("G5 4")))) == [(0, 2, 72), (2, 2, 76), (4, 4, 79)]


def test_chords_triplets_and_meters() -> None:
    """Chords sound together, triplets are thirds, a change of meter is where it was written."""
    triplet = "C5 1/3, C5 1/3, C5 1/3, C5 1"
    bars = bar(f"C5+E5+G5 1, {triplet}", "3/4"), bar("C5 1.5, D5 1.5", "6/8"), bar("E5 3", "3/4")
    tune = score(stream(*bars))
    assert [n[2] for n in notes(tune)[:3]] == [72, 76, 79]
    ticks = tune.ticks_per_quarter
    assert [(n.onset, n.duration) for n in tune.tracks[0]][3:6] == [
        (480, 160), (640, 160), (800, 160)
    ]  # fmt: skip
    assert tune.meters == (Meter(0, 3, 4), Meter(3 * ticks, 6, 8), Meter(6 * ticks, 3, 4))


def test_dynamics_and_transposing_instruments() -> None:
    """Louder is louder, and a clarinet in B flat sounds a tone lower than it is written."""
    first = bar("D5 4", "4/4")
    first.insert(0, music21.instrument.Clarinet())
    first.insert(0, music21.dynamics.Dynamic("pp"))
    second = bar("D5 4")
    second.insert(0, music21.dynamics.Dynamic("ff"))
    written = music21.stream.Score([stream(first, second, name="Clarinet")])
    written.atSoundingPitch = False
    for part in written.parts:
        part.atSoundingPitch = False
    tune = score_of(written, PLAIN).score
    assert [n.pitch for n in tune.tracks[0]] == [72, 72]
    soft, loud = (n.velocity for n in tune.tracks[0])
    assert soft < 60 < 100 < loud
    assert (tune.tracks[0].program, tune.tracks[0].name) == (71, "Clarinet")


def test_staves_of_a_piano_are_one_track() -> None:
    """Two staves of one piano are one instrument, two violins are two."""
    right, left = (
        stream(bar(f"{p} 4", "4/4"), bar("C4 4"), kind="PartStaff") for p in ("E5", "C3")
    )
    right.id, left.id = "P1-Staff1", "P1-Staff2"
    assert [len(track) for track in score(right, left).tracks] == [4]
    two = (stream(bar("E5 4", "4/4"), bar("C4 4"), name="Violin") for _ in range(2))
    assert [track.program for track in score(*two).tracks] == [40, 40]


def test_tempo_key_and_dances() -> None:
    """A tempo that is given holds; a dance without one goes at its bars a minute."""
    first = bar("C5 4", "4/4")
    first.insert(0, music21.tempo.MetronomeMark(number=66, referent=2.0))
    first.insert(0, music21.key.Key("a"))
    tune = score(stream(first, bar("C5 4")))
    assert [round(tempo.bpm) for tempo in tune.tempos] == [132]
    assert tune.keys == (Key(0, 9, "minor"),)
    for meter, quarters, bpm in (("2/4", 2, 96), ("4/4", 4, 192), ("6/8", 3, 144)):
        dance = stream(bar(f"C5 {quarters}", meter), bar(f"C5 {quarters}"))
        tune = score(dance, manner=Manner(110, bars_a_minute=48))
        assert round(tune.tempos[0].bpm) == bpm
        assert tune.keys == ()


def test_rests_do_not_make_a_bar_longer() -> None:
    """A rest that stands for the whole bar, written too long in one part, moves nothing."""
    upper = stream(bar("C5 2", "2/4"), bar("D5 2"), bar("E5 2"))
    lower = stream(bar("C3 2", "2/4"), bar("r 2, r 2"), bar("E3 2"))
    tune = score(upper, lower)
    assert [n[0] for n in notes(tune, 1)] == [0, 4]
    assert tune.meters == (Meter(0, 2, 4),)


def test_bars_that_do_not_add_up_are_an_error() -> None:
    """A slip of a 16th in a bar is no meter, and the bar is named."""
    with pytest.raises(CorpusError, match=r"bar 2, as played, lasts 4\.25 quarters"):
        score(stream(bar("C5 4", "4/4"), bar("C5 4.25"), bar("C5 4")))
    with pytest.raises(CorpusError, match="different numbers of bars"):
        score(stream(bar("C5 4", "4/4"), bar("C5 4")), stream(bar("C5 4")))


@pytest.fixture(scope="module")
def chorale() -> Score:
    """Bach's BWV 66.6, with an upbeat."""
    return read_notation(corpus_folder() / "bach/bwv66.6.mxl", Manner(CHOIR, 80)).score


def test_a_chorale(chorale: Score) -> None:
    """Four voices that sing, an upbeat of one quarter, F sharp minor, nine bars and a bit."""
    assert [track.name for track in chorale.tracks] == ["Soprano", "Alto", "Tenor", "Bass"]
    assert {track.program for track in chorale.tracks} == {CHOIR}
    assert chorale.keys == (Key(0, 6, "minor"),)
    assert chorale.meters == (Meter(0, 4, 4),)
    assert [track.notes[0, 0] for track in chorale.tracks] == [3 * chorale.ticks_per_quarter] * 4
    assert len(bar_lines(chorale)) - 1 == 10


def test_what_is_written_is_what_is_read_back(chorale: Score) -> None:
    """The file holds the notes, meters, keys and names of the score, and ends on a bar line."""
    back = read_midi(midi_bytes(chorale))
    assert [t.notes.tolist() for t in back.tracks] == [t.notes.tolist() for t in chorale.tracks]
    assert [t.name for t in back.tracks] == [t.name for t in chorale.tracks]
    assert (back.meters, back.keys) == (chorale.meters, chorale.keys)


@pytest.mark.parametrize(
    ("name", "program"),
    [
        ("Violin II", 40), ("Violino I.", 40), ("Violoncello", 42), ("Tenor", CHOIR), ("S.", CHOIR),
        ("Soprano 1", CHOIR), ("Bb Clarinet", 71), ("Recorder 2", 74), ("MusicXML Part", None),
        ("", None), ("Trumpet 3", 56), ("Timpani", 47),
    ],
)  # fmt: skip
def test_names_of_parts(name: str, program: int | None) -> None:
    """A part plays what its name says: a tenor sings, a second violin is a violin."""
    assert notation._program_by_name(name) == program


FEW = (
    Shelf("baroque-chorale", "bach/bwv6[0-9].*.mxl", Manner(CHOIR, 80), at_most=2),
    Shelf("renaissance", "palestrina/Agnus.krn", Manner(CHOIR, 100)),
    Shelf("folk", "ryansMammoth/A[l-n]*.abc", Manner(110), at_most=8, dance=True),
    Shelf("folk", "oneills1850/0721-0730.abc", Manner(73), at_most=3, book=True, dance=True),
)


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> starter.Starter:
    """A handful of pieces from every kind of shelf."""
    return make_starter(tmp_path_factory.mktemp("data") / "starter", workers=0, shelves=FEW)


def test_a_starter_is_ready_to_train_on(made: starter.Starter, tmp_path: Path) -> None:
    """Every piece that was made can be prepared, with genre, source and licence."""
    facts = prepare(made.folder, tmp_path / "prepared", workers=0).facts
    assert facts.pieces == facts.files == made.pieces
    assert facts.genre_counts == made.genres
    assert set(made.genres) == {"baroque-chorale", "folk"}
    assert facts.licence_counts == {"public domain": made.pieces}
    assert not any("labels.csv" in warning for warning in facts.warnings)
    label = read_labels(made.folder).of("folk/oneills1850-0721.mid")
    assert (label.genre, label.source) == ("folk", "music21 corpus: oneills1850")


def test_what_reserves_rights_is_not_taken(made: starter.Starter) -> None:
    """A file that claims rights in its encoding is left out and named, with its own words."""
    left = {x.path: x.reason for x in made.left_out if x.kind == starter.RESERVED}
    assert "Copyright 2000, John Miller" in left["palestrina/Agnus.krn"]
    assert "Margaret Greentree" in left["bach/bwv65.2.mxl"]
    names = {place.stem for place in made.folder.rglob("*.mid")}
    assert not names & {"bach-bwv65.2", "palestrina-Agnus"}


@pytest.mark.parametrize(
    ("text", "claims"),
    [
        ("<rights>© 2004 A. Person</rights>", True),
        ("<rights>Copyright 2022 A. Person: released as CC0/Public Domain</rights>", False),
        ("!!!YEM: Rights to all derivative electronic formats reserved.", True),
        ("% for non-commercial use", True),
        ("<credit-words>PDF used by permission</credit-words>", True),
        ("X:1\nT:The Copper Plate\nZ:A. Person\nK:D\n(d)cd (c)12", False),
    ],
)
def test_claims(text: str, claims: bool) -> None:
    """Words that reserve rights are seen; words that give them away are not held against it."""
    assert bool(rights_claimed(text)) == claims


@pytest.mark.slow
def test_shelves_hold_only_what_claims_nothing() -> None:
    """Of the collections with terms of their own none is on a shelf, and no shelf is empty."""
    corpus = corpus_folder()
    for shelf in SHELVES:
        assert not shelf.files.startswith(("essen", "palestrina", "trecento", "josquin"))
        assert list(corpus.glob(shelf.files))


def test_one_bad_piece_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever music21 raises, and files that are none, are counted; the rest is made."""
    corpus = tmp_path / "corpus"
    (corpus / "folk").mkdir(parents=True)
    head = "M:4/4\nL:1/8\nK:C\n"
    (corpus / "folk/a.abc").write_text(f"X:1\nT:Good\n{head}{'c2d2e2f2|' * 6}]")
    (corpus / "folk/b.abc").write_text(f"X:1\nT:Odd\n{head}c8|c5|c8|]")
    (corpus / "folk/c.abc").write_text("no music at all")
    (corpus / "folk/d.mxl").write_bytes(b"no zip")
    (corpus / "folk/e.abc").write_text(f"X:1\n{head}c8|]")
    real = starter.read_notation

    def failing(path: Path, *rest: Any) -> notation.Notated:
        if path.name == "e.abc":
            raise ZeroDivisionError("deep inside")
        return real(path, *rest)

    monkeypatch.setattr(starter, "read_notation", failing)
    monkeypatch.setattr(starter, "corpus_folder", lambda: corpus)
    shelves = (Shelf("folk", "folk/*", Manner(110), dance=True),)
    made = make_starter(tmp_path / "starter", workers=0, shelves=shelves)
    assert (made.pieces, made.genres) == (1, {"folk": 1})
    kinds = {x.path: (x.kind, x.reason) for x in made.left_out}
    assert kinds["folk/b"][0] == starter.ODD
    assert kinds["folk/c"][0] in (starter.UNREADABLE, starter.ODD)
    assert kinds["folk/d.mxl"][0] == starter.UNREADABLE
    assert kinds["folk/e"] == (starter.UNREADABLE, "ZeroDivisionError: deep inside")


def test_without_music21(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where music21 is missing, one line says what to install; nothing is made."""
    monkeypatch.setitem(__import__("sys").modules, "music21", None)
    with pytest.raises(CorpusError, match=r"pip install 'musegen\[starter\]'"):
        make_starter(tmp_path / "starter", workers=0)
    assert list(tmp_path.iterdir()) == []


def test_other_files_are_not_replaced(tmp_path: Path) -> None:
    """A folder with other files is never replaced, whatever is asked."""
    (tmp_path / "letters.txt").write_text("dear")
    with pytest.raises(OutputError, match="other files"):
        make_starter(tmp_path, force=True, workers=0, shelves=FEW)
