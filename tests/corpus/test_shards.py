"""Shards and what a prepared folder says of itself."""

import json
from pathlib import Path

import numpy as np
import pytest

from musegen.corpus.labels import HELD_OUT, TRAIN
from musegen.corpus.shards import (
    PIECES_FILE,
    PREPARED_FILE,
    SCHEMA,
    Facts,
    Piece,
    ShardWriter,
    load_prepared,
    shard_name,
    tally,
    write_facts,
    write_genres,
    write_lines,
)
from musegen.errors import CorpusError
from musegen.tokens import fields
from musegen.tokens.fields import STYLE, Rows, column
from tests.corpus.pieces import made_piece

GENRES = ("folk", "jazz")


def test_a_shard_is_what_numpy_saves(tmp_path: Path) -> None:
    """Byte for byte, however many rows there are."""
    for count in (1, 9, 10, 99_999):
        rows = np.arange(count * fields.COLUMNS, dtype=np.int16).reshape(count, fields.COLUMNS)
        writer = ShardWriter(tmp_path)
        for part in np.array_split(rows, 3) if count > 3 else [rows]:
            writer.add(part)
        writer.close()
        np.save(tmp_path / "saved.npy", rows)
        assert (tmp_path / shard_name(0)).read_bytes() == (tmp_path / "saved.npy").read_bytes()


def prepared_folder(folder: Path, pieces: list[Rows], rows_per_shard: int = 1000) -> Path:
    """A prepared folder of these pieces: folk, jazz and none in turn, every third held out."""
    writer = ShardWriter(folder, rows_per_shard)
    records = []
    for number, rows in enumerate(pieces):
        shard, first = writer.add(rows)
        records.append(
            Piece(
                path=f"p\udcff{number}.mid",
                source="ab"[number % 2],
                genre=(*GENRES, None)[number % 3],
                licence="CC0",
                split=HELD_OUT if number % 3 == 0 else TRAIN,
                shard=shard,
                first=first,
                rows=len(rows),
                notes=10 * (number + 1),
                bars=4,
                identity=f"{number:032x}",
                quantised={"shift_max_ms": float(number), "shift_mean_ms": 1.0, "lengths_cut": 2},
            )
        )
    writer.close()
    write_genres(folder, records, GENRES)
    write_lines(folder / PIECES_FILE, records)
    write_lines(folder / "left_out.jsonl", [])
    facts = Facts(
        schema=SCHEMA,
        fingerprint=fields.fingerprint(),
        inputs="",
        genres=GENRES,
        shards=writer.shards,
        files=len(pieces),
        reasons={},
        settings={},
        warnings=("one",),
        **tally(records),
    )
    write_facts(folder, facts)
    return folder


@pytest.fixture
def pieces() -> list[Rows]:
    """Seven pieces without a genre."""
    made = [made_piece(i, bars=3 + 4 * i) for i in range(7)]
    for rows in made:
        rows[0, column(STYLE, "genre")] = 0
    return made


def test_rows_come_back_from_the_disk(tmp_path: Path, pieces: list[Rows]) -> None:
    """Every piece lies whole in one of several shards; only its genre was written in later."""
    prepared = load_prepared(prepared_folder(tmp_path, pieces))
    collection = prepared.collection
    assert prepared.facts.shards > 1
    assert len(collection) == len(pieces)
    genre = column(STYLE, "genre")
    for number, rows in enumerate(pieces):
        found = collection.rows(number)
        assert found[0, genre] == collection.genre[number] == (1, 2, 0)[number % 3]
        rows[0, genre] = found[0, genre]
        assert (found == rows).all()
        assert not found.flags.writeable
    assert collection.judging.tolist() == [0, 3, 6]
    assert collection.source == ("a", "b", "a", "b", "a", "b", "a")
    assert [piece.path for piece in prepared.pieces()][2] == "p\udcff2.mid"


def test_a_shard_is_never_larger_than_asked_but_for_one_long_piece(
    tmp_path: Path, pieces: list[Rows]
) -> None:
    """Pieces are not cut: a piece longer than a shard has one to itself."""
    prepared_folder(tmp_path, pieces, rows_per_shard=200)
    sizes = [len(np.load(file)) for file in sorted(tmp_path.glob("*.npy"))]
    longest = max(len(rows) for rows in pieces)
    assert sum(sizes) == sum(len(rows) for rows in pieces)
    assert max(sizes) == longest > 200
    assert all(size <= 200 or size in [len(rows) for rows in pieces] for size in sizes)


def test_the_tally_adds_up(tmp_path: Path, pieces: list[Rows]) -> None:
    """Counts by genre, source and licence; means weigh notes, maxima are the largest."""
    facts = load_prepared(prepared_folder(tmp_path, pieces)).facts
    assert (facts.pieces, facts.held_out, facts.notes, facts.bars) == (7, 3, 280, 28)
    assert facts.rows == sum(len(rows) for rows in pieces)
    assert facts.genre_counts == {"": 2, "folk": 3, "jazz": 2}
    assert facts.licence_counts == {"CC0": 7}
    assert facts.quantised["a"] == {
        "pieces": 4,
        "notes": 160,
        "shift_max_ms": 6.0,
        "shift_mean_ms": 1.0,
        "lengths_cut": 8,
    }
    assert facts.warnings == ("one",)


def change(file: Path, **entries: object) -> None:
    """A JSON file with some entries replaced."""
    told = json.loads(file.read_text())
    file.write_text(json.dumps({**told, **entries}))


def test_another_event_table_is_an_error_that_says_what_to_do(
    tmp_path: Path, pieces: list[Rows]
) -> None:
    """Rows of another version must not be trained on."""
    folder = prepared_folder(tmp_path, pieces)
    change(folder / PREPARED_FILE, fingerprint="0" * 16)
    with pytest.raises(CorpusError, match=r"another event table .* prepare the MIDI again"):
        load_prepared(folder)
    change(folder / PREPARED_FILE, fingerprint=fields.fingerprint(), schema=SCHEMA + 1)
    with pytest.raises(CorpusError, match="another event table"):
        load_prepared(folder)


def test_a_damaged_folder_is_an_error_that_says_what_to_do(
    tmp_path: Path, pieces: list[Rows]
) -> None:
    """Missing or cut shards, broken JSON and foreign arrays are found when they are opened."""
    with pytest.raises(CorpusError, match="not a prepared folder"):
        load_prepared(tmp_path)
    folder = prepared_folder(tmp_path, pieces)
    shard = folder / shard_name(0)
    whole = shard.read_bytes()
    for content in (whole[:-100], b"", b"junk"):
        shard.write_bytes(content)
        with pytest.raises(CorpusError, match="delete it and prepare the MIDI again"):
            _ = load_prepared(folder).collection
    np.save(shard, np.zeros((5, 3), dtype=np.int16))
    with pytest.raises(CorpusError, match="damaged"):
        _ = load_prepared(folder).collection
    np.save(shard, np.zeros((5, fields.COLUMNS), dtype=np.int16))
    with pytest.raises(CorpusError, match="do not fill"):
        _ = load_prepared(folder).collection
    shard.unlink()
    with pytest.raises(CorpusError, match="damaged"):
        _ = load_prepared(folder).collection
    shard.write_bytes(whole)
    (folder / PIECES_FILE).write_text('{"path": 1}\n')
    with pytest.raises(CorpusError, match=PIECES_FILE):
        _ = load_prepared(folder).collection
    for text in ("{", "[]", "{}"):
        (folder / PREPARED_FILE).write_text(text)
        with pytest.raises(CorpusError, match="damaged"):
            load_prepared(folder)


def test_pickled_arrays_are_refused(tmp_path: Path, pieces: list[Rows]) -> None:
    """A shard that holds Python objects is never loaded."""
    folder = prepared_folder(tmp_path, pieces)
    np.save(folder / shard_name(0), np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(CorpusError, match="damaged"):
        _ = load_prepared(folder).collection
