"""Notes per CPU-second in composing, without torch and with it, beside GPT-2 on REMI tokens.

    python benchmarks/composing_speed.py FOLDER [--checkpoint checkpoints/small] [--bars 16]
        [--rounds 5] [--title TEXT]

One thread. musegen composes whole pieces with grammar and sampling, one alone and several at a
time, by its compiled kernels (int8) and by torch; Hugging Face's GPT-2 of about as many parameters
draws REMI tokens with its key-value cache, as many streams at a time. GPT-2's weights are random,
so its notes are not counted but reckoned: its tokens over the tokens a note that REMI needs for
real files of FOLDER. Without --checkpoint musegen's weights are random too.
Leaves benchmarks/results/composing_speed.json and .md. Needs the `bench` extra.
"""

import gc
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from importlib import import_module
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from _machine import Machine, Spent, clocked, leave, markdown_table, median, noise, options
from _remi import SETTINGS, remi, sample

from musegen.composing.composer import Composer
from musegen.model.checkpoint import Checkpoint, load_checkpoint, save_checkpoint
from musegen.model.compiling import compile_kernels
from musegen.model.config import ModelConfig
from musegen.model.sampling import Sampling
from musegen.model.transformer import MusicModel
from musegen.music.read import read_midi
from musegen.tokens.controls import Controls
from musegen.tokens.fields import TABLE
from musegen.training.settings import PRESETS

transformers: Any = import_module("transformers")  # its own types would cost mypy minutes

PACKAGES = ("numpy", "numba", "torch", "miditok", "transformers")
PRESET = "small"
TOP_P = Sampling().top_p
WIDTH_STEP = 8
WARM_UP_BARS = 1


@dataclass(frozen=True)
class Drawn:
    """What a call drew: rows or tokens one after another in each stream, and notes in all."""

    steps: int
    notes: float


@dataclass
class Candidate:
    """A way to compose, and what each round drew and took."""

    name: str
    call: Callable[[int], Drawn]
    drawn: list[Drawn] = field(default_factory=list)
    spent: list[Spent] = field(default_factory=list)

    def compose(self, number: int) -> None:
        """One more round."""
        gc.collect()
        drawn, spent = clocked(partial(self.call, number))
        self.drawn.append(drawn)
        self.spent.append(spent)

    @property
    def notes_per_cpu_s(self) -> list[float]:
        """Notes per CPU second in each round."""
        return [d.notes / s.cpu_s for d, s in zip(self.drawn, self.spent, strict=True)]

    @property
    def ms_per_step(self) -> float:
        """CPU milliseconds for a row, or a token, of all streams together."""
        return median(1000 * s.cpu_s / d.steps for d, s in zip(self.drawn, self.spent, strict=True))


def composers_of(folder: Path | None) -> tuple[Composer, Checkpoint]:
    """A checkpoint without torch and with it: in a folder, or the small preset, random weights."""
    if folder is not None:
        return Composer.load(folder), load_checkpoint(folder)
    torch.manual_seed(0)
    with TemporaryDirectory() as place:
        made = Path(place) / PRESET
        save_checkpoint(made, MusicModel(TABLE, PRESETS[PRESET].model), (), "")
        return Composer.load(made), load_checkpoint(made)


def musegen_draws(composer: Composer, bars: int, count: int, seed: int) -> Drawn:
    """`count` pieces of so many bars; the steps are those of the longest."""
    pieces = composer.compose(Controls(bars=bars), seed=seed, count=count, workers=1)
    return Drawn(max(len(p.rows) for p in pieces), sum(p.score.note_count for p in pieces))


def gpt2_of_size(parameters: int, like: ModelConfig, vocabulary: int) -> Any:
    """GPT-2 with random weights, as deep as musegen's model, as wide as makes it as large."""

    def config(width: int) -> Any:
        return transformers.GPT2Config(
            vocab_size=vocabulary,
            n_positions=like.context,
            n_embd=width,
            n_layer=like.layers,
            n_head=like.heads,
            bos_token_id=1,
            eos_token_id=None,
        )

    def size(width: int) -> int:
        """Weights, biases and norms of GPT-2 with tied output (Radford et al. 2019)."""
        block = 12 * width * width + 13 * width
        return (vocabulary + like.context + 2) * width + like.layers * block

    step = WIDTH_STEP * like.heads // 4
    best = min(range(step, 8192, step), key=lambda width: abs(size(width) - parameters))
    torch.manual_seed(0)
    model = transformers.GPT2LMHeadModel(config(best)).eval()
    assert model.num_parameters() == size(best)
    return model


def gpt2_draws(model: Any, tokens: int, tokens_per_note: float, count: int, seed: int) -> Drawn:
    """`count` streams of so many tokens, sampled with top-p and a key-value cache."""
    torch.manual_seed(seed)
    start = torch.ones(count, 1, dtype=torch.long)
    drawn = model.generate(
        start,
        attention_mask=torch.ones_like(start),
        do_sample=True,
        top_p=TOP_P,
        top_k=0,
        max_new_tokens=tokens,
        use_cache=True,
    )
    made = drawn.shape[1] - 1
    assert made == tokens
    return Drawn(made, count * made / tokens_per_note)


def tokens_per_note(paths: Sequence[Path]) -> tuple[float, int]:
    """How many REMI tokens a note of these files takes, and how large REMI's vocabulary is."""
    tokenizer = remi()
    tokens = sum(len(tokenizer.encode(path).ids) for path in paths)
    notes = sum(read_midi(path).note_count for path in paths)
    return tokens / notes, len(tokenizer)


def page(said: dict[str, object], tried: Sequence[Candidate], per_note: float) -> list[str]:
    """The page of results in Markdown. Candidates come in threes: musegen twice, then GPT-2."""
    rows = []
    for place, candidate in enumerate(tried):
        speed = candidate.notes_per_cpu_s
        peer = median(tried[place // 3 * 3 + 2].notes_per_cpu_s)
        rows.append(
            (
                candidate.name,
                f"{median(speed):.1f}",
                f"{median(speed) / peer:.2f}",
                f"{candidate.ms_per_step:.2f}",
                f"{median(d.steps for d in candidate.drawn):,.0f}",
                f"{median(d.notes for d in candidate.drawn):,.0f}",
                f"{noise(speed):.0%}",
            )
        )
    table = markdown_table(
        ("", "notes/CPU-s", "x GPT-2", "CPU-ms a step", "steps", "notes", "noise"), rows
    )
    return [
        "# Composing, beside GPT-2",
        f"One thread, CPU seconds, median of {said['rounds']} rounds in turn. musegen: "
        f"{said['weights']}, {said['musegen_parameters']:,} parameters, {said['bars']} bars and "
        f"nothing else asked for, top-p {TOP_P}. GPT-2: {said['gpt2_parameters']:,} parameters "
        f"({said['gpt2_shape']}), {said['tokens']} tokens after one, top-p {TOP_P}, `generate` "
        "with its key-value cache. A step is a row of musegen's or a token of GPT-2's, in all "
        "streams at once; steps are those of the longest stream, notes those of all. Noise of "
        "musegen holds the differences between its pieces.",
        table,
        "**GPT-2's weights are random: its notes are not counted.** They are its tokens over "
        f"{per_note:.2f}, the tokens a note that REMI takes on {said['sampled']} files drawn from "
        f"{said['music']}. REMI here: {SETTINGS}. musegen's notes are those in its Scores; its "
        "time includes grammar, sampling and decoding, GPT-2's has no grammar and makes no Score.",
    ]


def main() -> None:
    """Measure and leave the results."""
    parser = options(__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--bars", type=int, default=16)
    parser.add_argument("--tokens", type=int, default=1000)
    parser.add_argument("--variations", type=int, default=8)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--files", type=int, default=300)
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    machine = Machine(PACKAGES)
    paths, in_all = sample(chosen.folder, chosen.files, seed=0)
    per_note, vocabulary = tokens_per_note(paths)
    assert compile_kernels()
    composer, checkpoint = composers_of(chosen.checkpoint)
    with_torch = Composer(checkpoint)
    parameters = checkpoint.model.parameter_count()
    gpt2 = gpt2_of_size(parameters, checkpoint.model.config, vocabulary)
    tried = []
    for count in (1, chosen.variations):
        pieces = "1 piece" if count == 1 else f"{count} variations"
        streams = "1 stream" if count == 1 else f"{count} streams"
        own = partial(musegen_draws, composer, chosen.bars, count)
        plain = partial(musegen_draws, with_torch, chosen.bars, count)
        peer = partial(gpt2_draws, gpt2, chosen.tokens, per_note, count)
        tried += [
            Candidate(f"musegen, int8, {pieces}", own),
            Candidate(f"musegen, torch float32, {pieces}", plain),
            Candidate(f"GPT-2 and REMI, {streams}", peer),
        ]
    musegen_draws(composer, WARM_UP_BARS, 2, seed=0)
    musegen_draws(with_torch, WARM_UP_BARS, 2, seed=0)
    gpt2_draws(gpt2, 64, per_note, 2, seed=0)
    for number in range(chosen.rounds):
        for candidate in tried[:: -1 if number % 2 else 1]:
            candidate.compose(number)
    random_weights = f"random weights of the preset {PRESET}"
    said: dict[str, object] = {
        "music": f"{chosen.title or chosen.folder.resolve().name}, {in_all:,} files",
        "sampled": len(paths),
        "remi_tokens_per_note": round(per_note, 3),
        "remi_vocabulary": vocabulary,
        "weights": "a trained checkpoint" if chosen.checkpoint else random_weights,
        "checkpoint_sha256": checkpoint.sha256,
        "musegen_parameters": parameters,
        "gpt2_parameters": gpt2.num_parameters(),
        "gpt2_shape": f"{gpt2.config.n_layer} layers of {gpt2.config.n_embd}",
        "bars": chosen.bars,
        "tokens": chosen.tokens,
        "rounds": chosen.rounds,
    }
    figures = {
        **said,
        "candidates": {
            c.name: {
                "notes_per_cpu_second": round(median(c.notes_per_cpu_s), 2),
                "cpu_ms_per_step": round(c.ms_per_step, 3),
                "rounds": [
                    {**asdict(d), **asdict(s)} for d, s in zip(c.drawn, c.spent, strict=True)
                ],
            }
            for c in tried
        },
    }
    leave(
        chosen.results, "composing_speed", machine.describe(), figures, page(said, tried, per_note)
    )


if __name__ == "__main__":
    main()
