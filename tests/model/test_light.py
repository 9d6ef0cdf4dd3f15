"""Composing without torch computes what the torch model computes."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from musegen.corpus.links import row_links
from musegen.corpus.windows import row_times
from musegen.errors import SettingError
from musegen.model import plain
from musegen.model.checkpoint import save_checkpoint
from musegen.model.compiling import arithmetic
from musegen.model.config import ModelConfig
from musegen.model.light import LightModel
from musegen.model.paths import Arithmetic
from musegen.model.sampling import Sampling, weighed
from musegen.model.stored import Stored, read_checkpoint, weight_shapes
from musegen.model.transformer import rotary_angles
from musegen.tokens.fields import BAR, CHORD, KINDS, NOTE, SEEN_LINKS, TABLE, TRACK
from tests.corpus.pieces import made_piece
from tests.model.tiny import TINY, tiny_checkpoint, tiny_model

SHARED = replace(TINY, heads=4, kv_heads=2)
"""Two heads of queries for each of keys and values."""

PIECES = [made_piece(seed, bars=8)[:110] for seed in range(6)]
PARTS = [(p, row_times(p), row_links(p)[:, : len(SEEN_LINKS)]) for p in PIECES]


@pytest.fixture(scope="module", params=[TINY, SHARED], ids=["own", "shared"])
def stored(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Stored:
    """The tiny model as it lies on the disk, in full precision."""
    folder = tmp_path_factory.mktemp("light") / "tiny"
    model = tiny_model(config=request.param)
    save_checkpoint(folder, model, ("folk", "jazz"), "", dtype=torch.float32)
    return read_checkpoint(folder)


@pytest.fixture(params=["plain", "compiled"])
def ways(request: pytest.FixtureRequest, compiled: Path) -> dict[str, Arithmetic]:
    """The arithmetic for each precision: in numpy, and as machine code."""
    found = {precision: arithmetic(precision) for precision in ("int8", "float32")}
    assert all(way is not plain for way in found.values())
    return dict.fromkeys(found, plain) if request.param == "plain" else found  # type: ignore[arg-type]


def test_the_shapes_of_the_weights() -> None:
    """Without torch the names and shapes of all parameters are known."""
    for config in (TINY, SHARED):
        model = tiny_model(config=config)
        parameters = {name: tuple(p.shape) for name, p in model.named_parameters()}
        assert weight_shapes(TABLE, config) == parameters


@pytest.mark.parametrize("together", [1, 5, 6])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("int8", 0.1)])
def test_rows_are_read_alike(
    stored: Stored, ways: dict[str, Arithmetic], precision: str, tolerance: float, together: int
) -> None:
    """Prompts at once, then rows one by one beside each other: the states are those of torch."""
    light = LightModel(stored, precision, ways[precision]).stepper(together)
    torches = tiny_checkpoint(config=stored.config).stepper(together)
    places = [30 + 10 * slot for slot in range(together)]
    for stepper in (light, torches):
        for slot, place in enumerate(places):
            stepper.prefill(slot, *(part[:place] for part in PARTS[slot]))
        for more in range(12):
            newest = [[part[p + more] for part in PARTS[s]] for s, p in enumerate(places)]
            stepper.step(*(np.array(parts) for parts in zip(*newest, strict=True)))
    for slot, place in enumerate(places):
        expected = torches.states[slot, : place + 12].numpy()
        assert np.abs(light.states[slot, : place + 12] - expected).max() < tolerance
    assert light.lengths == torches.lengths == [place + 12 for place in places]


def test_machine_code_and_numpy_give_the_same_bits(stored: Stored, compiled: Path) -> None:
    """In whole numbers a first run, in numpy, composes what later runs do."""
    found: list[list[np.ndarray]] = []
    for way in (arithmetic("int8"), plain):
        stepper = LightModel(stored, "int8", way).stepper(3)  # type: ignore[arg-type]
        for slot in range(3):
            stepper.prefill(slot, *(part[: 30 + slot] for part in PARTS[slot]))
        for more in range(60):
            newest = [[part[30 + s + more] for part in PARTS[s]] for s in range(3)]
            stepper.step(*(np.array(parts) for parts in zip(*newest, strict=True)))
        said = [stepper.states[slot, : 90 + slot] for slot in range(3)]
        draw = stepper.draw(1)
        said.append(draw.kind_logits())
        draw.take_kind(NOTE, PIECES[1][40].tolist())
        for name in KINDS[NOTE].fields:
            if name == KINDS[NOTE].own_from:
                draw.take_track(2, 40, PIECES[1][40].tolist())
            said.append(draw.field_logits(name))
            draw.take_field(name, 1)
        found.append(said)
    for one, other in zip(*found, strict=True):
        np.testing.assert_array_equal(one, other)


def test_a_prompt_is_read_as_rows_are(stored: Stored, ways: dict[str, Arithmetic]) -> None:
    """At once or one by one, in whole numbers rows give the same bits."""
    at_once, by_row = (LightModel(stored, "int8", ways["int8"]).stepper(1) for _ in range(2))
    at_once.prefill(0, *(part[:100] for part in PARTS[0]))
    by_row.prefill(0, *(part[:1] for part in PARTS[0]))
    for row in range(1, 100):
        by_row.step(*(np.array(part[row : row + 1]) for part in PARTS[0]))
    np.testing.assert_array_equal(at_once.states[0, :100], by_row.states[0, :100])


@pytest.mark.parametrize("kind", [NOTE, TRACK, BAR, CHORD])
@pytest.mark.parametrize("lone", [True, False])
@pytest.mark.parametrize(("precision", "tolerance"), [("float32", 1e-4), ("int8", 0.1)])
def test_fields_are_drawn_alike(
    stored: Stored,
    ways: dict[str, Arithmetic],
    precision: str,
    tolerance: float,
    kind: int,
    lone: bool,
) -> None:
    """The logits of a row's kind and of its fields are those of torch, with rows before or none."""
    piece, place = PIECES[0], 80
    draws = []
    for model in (
        LightModel(stored, precision, ways[precision]),
        tiny_checkpoint(config=stored.config),
    ):
        stepper = model.stepper(2)
        stepper.prefill(1, *(part[:place] for part in PARTS[0]))
        draws.append(stepper.draw(1))
    prior = None if lone else piece[np.flatnonzero(piece[:, 0] == kind)[0]].tolist()
    before = int(np.flatnonzero(piece[:, 0] == NOTE)[5])
    said = [[draw.kind_logits()] for draw in draws]
    for draw, logits in zip(draws, said, strict=True):
        draw.take_kind(kind, prior)
        for name in KINDS[kind].fields:
            if name == KINDS[kind].own_from:
                note = None if lone else piece[before].tolist()
                draw.take_track(-1 if lone else 2, -1 if lone else before, note)
            logits.append(draw.field_logits(name))
            draw.take_field(name, 1)
    for light, torches in zip(*said, strict=True):
        assert light.dtype == np.float32
        assert light.shape == torches.shape
        assert np.abs(light - torches).max() < tolerance


def test_a_finished_piece_makes_room(stored: Stored, ways: dict[str, Arithmetic]) -> None:
    """The last slot takes the place of one that is done, and goes on as it was."""
    stepper = LightModel(stored, "int8", ways["int8"]).stepper(3)
    for slot in range(3):
        stepper.prefill(slot, *(part[: 40 + slot] for part in PARTS[slot]))
    alone = LightModel(stored, "int8", ways["int8"]).stepper(1)
    alone.prefill(0, *(part[:42] for part in PARTS[2]))
    stepper.release(0)
    assert stepper.lengths == [42, 41]
    newest = [[part[n] for part in PARTS[s]] for s, n in ((2, 42), (1, 41))]
    stepper.step(*(np.array(parts) for parts in zip(*newest, strict=True)))
    alone.step(*(np.array(part[42:43]) for part in PARTS[2]))
    np.testing.assert_allclose(stepper.states[0, :43], alone.states[0, :43], atol=1e-5)
    stepper.clear(1)
    assert stepper.room(1) == TINY.context


def test_the_context_is_a_limit(stored: Stored) -> None:
    """More rows than the context holds are refused, and a full slot is not stepped."""
    stepper = LightModel(stored).stepper(1)
    rows, times = np.zeros((129, 8), dtype=np.int16), np.zeros(129, dtype=np.int32)
    links = np.full((129, len(SEEN_LINKS)), -1)
    with pytest.raises(SettingError, match="129 rows do not fit into the context of 128"):
        stepper.prefill(0, rows, times, links)
    stepper.prefill(0, rows[:128], times[:128], links[:128])
    with pytest.raises(SettingError, match="context of a slot is full"):
        stepper.step(rows[:1], times[:1], links[:1])


def test_an_unknown_precision(stored: Stored) -> None:
    """A precision that is not there is refused, and those that are there are named."""
    with pytest.raises(SettingError, match="precision 'int4' is unknown; there are int8, float32"):
        LightModel(stored, "int4")


@settings(max_examples=300)
@given(
    arrays.arrays(np.float32, 40, elements=st.floats(-9, 9, width=16)),
    arrays.arrays(np.bool_, 40),
    st.sampled_from([0.0, 0.3, 0.9, 1.0, 2.0]),
    st.sampled_from([0, 1, 5, 100]),
    st.sampled_from([0.1234567, 0.4567891, 0.9217301, 1.0]),
    st.sampled_from([0.0, 0.0513579, 0.5135791]),
)
def test_odds_are_weighed_alike(
    compiled: Path,
    logits: np.ndarray,
    mask: np.ndarray,
    temperature: float,
    top_k: int,
    top_p: float,
    min_p: float,
) -> None:
    """Mask, temperature, top-k, top-p and min-p leave the same odds compiled as in numpy.

    The shares asked for are no simple fractions: of thirty equal odds fifteen hold a half, or in
    the last bit less.
    """
    mask[0] = True
    logits[1:3] = np.nan, np.inf
    expected = weighed(logits, mask, Sampling(temperature, top_k, top_p, min_p))
    summed = np.empty(len(logits))
    share, legal = arithmetic("int8").weigh(logits, mask, temperature, top_k, top_p, min_p, summed)
    assert legal == np.count_nonzero(mask)
    assert share == pytest.approx(expected.legal_share, abs=1e-12)
    if expected.summed is None:
        assert np.diff(summed, prepend=0).argmax() == expected.only
    else:
        np.testing.assert_allclose(summed, expected.summed, atol=1e-9)


def test_rows_turn_by_the_same_angles_on_every_processor(stored: Stored) -> None:
    """They are reckoned in float64: powers of float32 differ by processor, and notes with them."""
    config = ModelConfig(width=32, heads=2, time_share=0.5)  # 4 pairs turn each way
    rates, periods = config.turns
    assert rates == pytest.approx([1, 0.1, 0.01, 0.001], rel=1e-15)
    assert periods == pytest.approx([0.25, 6.3496042078728, 161.2698943865437, 4096], rel=1e-12)
    assert ModelConfig(time_share=0.0).turns[1] == ModelConfig(time_share=1.0).turns[0] == []
    way = LightModel(stored).backbone[3:5]  # periods, rates
    assert way[1].tolist() == np.array(stored.config.turns[0], dtype=np.float32).tolist()
    place, later = torch.tensor([3]), torch.tensor([41])
    cos, _ = rotary_angles(stored.config, place, later)
    light, _ = plain.angles(place.numpy(), later.numpy(), *way)
    np.testing.assert_allclose(light[:, 0], cos.numpy(), rtol=1e-6, atol=1e-6)
