"""The model card that training writes: what the model is, what it saw, how well it did."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from musegen.model.transformer import MusicModel
from musegen.tokens.fields import fingerprint
from musegen.training.judge import Likelihood
from musegen.training.settings import RunSettings
from musegen.training.state import Progress


@dataclass(frozen=True)
class RunFacts:
    """What is known of the data that a model is trained on.

    licences and sources: how many pieces of each. title: what the card calls the collection.
    """

    title: str = "a folder of MIDI files"
    pieces: int = 0
    held_out: int = 0
    notes: int = 0
    licences: Mapping[str, int] = field(default_factory=dict)
    sources: Mapping[str, int] = field(default_factory=dict)
    genres: Mapping[str, int] = field(default_factory=dict)


def model_card(
    name: str,
    model: MusicModel,
    settings: RunSettings,
    facts: RunFacts,
    progress: Progress,
    result: Likelihood | None,
    genres: tuple[str, ...],
    seed: int,
    base: Mapping[str, Any] | None = None,
    computed_on: str = "cpu",
) -> str:
    """The card as Markdown. `base` names the checkpoint that was fine-tuned, where one was."""
    config, train = settings.model, settings.train
    parts = [
        f"# {name}",
        "A musegen checkpoint: it composes symbolic music (MIDI) by genre, mood and other wishes. "
        "What it writes was composed by a model; say so where that must be disclosed.",
        "## Model",
        _table(
            ("", ""),
            [
                ("parameters", f"{model.parameter_count():,}"),
                ("layers, width, heads", f"{config.layers}, {config.width}, {config.heads}"),
                ("heads of keys and values", f"{config.key_heads}"),
                ("context", f"{config.context} rows (one row is one musical event)"),
                ("event table", f"`{fingerprint()}`"),
            ],
        ),
        "## Data",
        _base(base),
        "It carries precedents: the HEAD rows (genre, mood, key, tempo, meter, instruments and "
        "registers; no notes, no chords) of some of the pieces that it learned from, for what "
        "nobody wishes to be laid out alike.",
        f"Trained on {facts.title}: {facts.pieces - facts.held_out:,} pieces to learn from, "
        f"{facts.held_out:,} held out, {facts.notes:,} notes in all.",
        _counts("Licence", facts.licences),
        _counts("Source", facts.sources),
        _counts("Genre", facts.genres),
        "Licences are as the labels state them; a model trained on such pieces may owe their "
        "authors attribution, and share-alike or GPL sources may ask for more. Without a stated "
        "licence: for research and personal use.",
        "## Training",
        _table(
            ("", ""),
            [
                ("steps", f"{progress.step:,}"),
                ("rows seen", f"{progress.rows:,}"),
                ("time", f"{progress.seconds / 60:.0f} minutes"),
                ("computed on", computed_on),
                ("rows per second", f"{progress.rows / max(progress.seconds, 1e-9):,.0f}"),
                ("learning rate", f"{train.learning_rate:g}"),
                ("share of rewriting examples", f"{settings.batches.masked:g}"),
                ("seed", str(seed)),
            ],
        ),
        "## Held-out likelihood",
        _likelihood(result, facts.held_out),
        "## Genres",
        ", ".join(genres) or "None: this checkpoint knows no genre labels.",
        "## Limits",
        "Small and trained on little: long-range form is weak, and what it has seldom seen it does "
        "poorly. Bars, meter, tempo and instruments are kept by construction; genre, mood and key "
        "are learned and not always met.",
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _base(base: Mapping[str, Any] | None) -> str:
    if not base:
        return ""
    return (
        f"Fine-tuned from the checkpoint {base['name']} (SHA-256 of its weights "
        f"`{base['sha256'][:16]}`): what that was trained on, and its licences, count here, too."
    )


def _likelihood(result: Likelihood | None, held_out: int) -> str:
    if result is None:
        return "Not judged yet." if held_out else "Nothing was held out: no figure."
    rows = [(f"`{key}`", f"{value:.3f}") for key, value in result.by_field.items()]
    head = (
        f"{result.per_note:.3f} nats per note (all that was to be foretold over the number of "
        f"notes), of which {result.note_fields:.3f} in the notes' own fields; {result.notes:,} "
        "notes of held-out pieces."
    )
    return head + "\n\n" + _table(("field", "nats"), rows)


def _counts(title: str, counts: Mapping[str, int]) -> str:
    if not counts:
        return ""
    ordered = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))
    return _table((title, "pieces"), [(name or "not stated", f"{n:,}") for name, n in ordered])


def _table(head: tuple[str, str], rows: list[tuple[str, str]]) -> str:
    def cell(text: str) -> str:
        return text.replace("|", "\\|").replace("\n", " ")

    lines = [f"| {head[0]} | {head[1]} |", "|---|---|"]
    lines += [f"| {cell(left)} | {cell(right)} |" for left, right in rows]
    return "\n".join(lines)
