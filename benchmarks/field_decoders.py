"""Compares forms of the nested decoder, orders of a note's fields, and what a row may see.

    python benchmarks/field_decoders.py PREPARED [--cpu-seconds 300] [--seeds 0 1] [--only NAME ...]

Trains one model per form and seed on one thread with the same pieces and settings until the same
CPU time is spent. Reports held-out nats per note, in all and by field, and whether rows hang
together: at places of held-out pieces a note is drawn, field by field, and its pitch is held
against its instrument and against its own TRACK row, the duration of a drum against its drum.
Writes benchmarks/results/field_decoders.json and .md.
"""

import argparse
import json
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from _machine import Machine, leave, markdown_table
from _machine import options as machine_options
from coherence import DURATION, INSTRUMENT, PITCH, inside, notes_of, promised, ranges
from torch import Tensor, nn

from musegen.corpus.batches import Batch, Batches, BatchSettings, held_out_windows
from musegen.corpus.links import LINKS
from musegen.corpus.shards import Prepared, load_prepared
from musegen.model.config import ModelConfig
from musegen.model.devices import pick_bf16
from musegen.model.loss import row_loss
from musegen.model.transformer import MusicModel, RowDecoder, RowEmbedding
from musegen.tokens.fields import (
    DRUM_BASE,
    KINDS,
    LINK_PLACE,
    NOTE,
    SEEN_LINKS,
    TABLE,
    TRACK,
    Rows,
    Table,
)
from musegen.training.feeding import fed
from musegen.training.judge import Likelihood, likelihood
from musegen.training.optimizers import optimizers_of
from musegen.training.settings import RunSettings, TrainSettings
from musegen.training.stepping import learning_rate

USUAL = KINDS[NOTE].fields
OWN = ("prior", "track", "before")


class Other(RowDecoder):
    """A decoder with states of its own, which are computed as they are written."""

    def foreseen(
        self, full: Tensor, kind: str, h: Tensor, ids: Tensor, prior: Tensor,
        own: Tensor | None = None, first: int = 0,
    ) -> Tensor:  # fmt: skip
        """What the logits are made from."""
        states = self.states(full, kind, h, ids, prior)
        if own is not None:
            states = torch.cat([states[:first], states[first:] + own])
        return self.hidden(kind, states)


class Independent(Other):
    """Every field sees the hidden state and the kind, none sees another field."""

    def states(self, full: Tensor, kind: str, h: Tensor, ids: Tensor, prior: Tensor) -> Tensor:
        """h + E(kind) for every field, and what it said before."""
        h = h + full[ids[:, 0]]
        return h.expand(ids.shape[1] - 1, -1, -1) + self.again(full[prior.T], kind)


class Attentive(Other):
    """One causal attention layer inside the row; the hidden state is added at every field."""

    def __init__(self, table: Table, embedding: RowEmbedding, config: ModelConfig) -> None:
        super().__init__(table, embedding, config)
        self.heads = config.heads
        self.place = nn.Parameter(torch.randn(table.columns, config.width) * 0.02)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def states(self, full: Tensor, kind: str, h: Tensor, ids: Tensor, prior: Tensor) -> Tensor:
        """The row's elements after attention over those before."""
        fields = ids.shape[1] - 1
        x = h[:, None] + full[ids[:, :-1]] + self.place[:fields]
        normed = F.rms_norm(x, x.shape[-1:], eps=1e-5)
        qkv = self.qkv(normed).view(len(x), fields, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*qkv, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(len(x), fields, -1))
        return x.transpose(0, 1) + self.again(full[prior.T], kind)


@dataclass(frozen=True)
class Form:
    """What is tried. `without` names links that are cut; `muon` False trains all with AdamW."""

    decoder: type[RowDecoder] = RowDecoder
    order: tuple[str, ...] = USUAL
    time_share: float = 0.5
    without: tuple[str, ...] = ()
    muon: bool = True
    own: bool = True
    """Whether a note's later fields see the rows of the track that its first fields chose."""


BF16 = pick_bf16("auto", "cpu")
"""As training does: bfloat16 where the processor multiplies in it."""

FORMS: dict[str, Form] = {
    "cumulative (kept)": Form(),
    "independent heads": Form(Independent, own=False),
    "independent heads that see the chosen track": Form(Independent),
    "attention inside the row": Form(Attentive),
    "pitch before instrument": Form(
        order=("onset", "pitch", "instrument", "number", "duration", "velocity")
    ),
    "instrument before onset": Form(
        order=("instrument", "number", "onset", "pitch", "duration", "velocity")
    ),
    "duration before pitch": Form(
        order=("onset", "instrument", "number", "duration", "pitch", "velocity")
    ),
    "velocity before pitch": Form(
        order=("onset", "instrument", "number", "velocity", "pitch", "duration")
    ),
    "no link to the own track": Form(without=("track", "before")),
    "nothing of what a field said before": Form(without=("prior", "before")),
    "no link to the plan (head, section, bar, chord)": Form(without=tuple(SEEN_LINKS)[:-1]),
    "no echo of the bar that returns": Form(without=("echo",)),
    "no links at all": Form(without=(*SEEN_LINKS, *OWN)),
    "no rotary time": Form(time_share=0.0),
    "AdamW for every number": Form(muon=False),
}


@dataclass
class Trial:
    """One form, trained with one seed."""

    form: Form
    seed: int
    model: MusicModel = field(init=False)

    def __post_init__(self) -> None:
        kinds = list(KINDS)
        order = self.form.order
        known = order[max(order.index("instrument"), order.index("number")) + 1 :]
        own_from = known[0] if self.form.own else ""
        kinds[NOTE] = replace(KINDS[NOTE], fields=order, own_from=own_from)
        if known[0] == "onset":  # what follows it sees the track, but the onset itself may, too
            assert order[:3] == ("instrument", "number", "onset")
        config = ModelConfig(
            layers=4, width=128, heads=4, hidden=352, context=512, field_width=128,
            time_share=self.form.time_share,
        )  # fmt: skip
        torch.manual_seed(self.seed)
        self.model = MusicModel(Table(TABLE.fields, tuple(kinds)), config)
        if self.form.decoder is not RowDecoder:
            self.model.decoder = self.form.decoder(self.model.table, self.model.embedding, config)
            nn.init.zeros_(self.model.decoder.own.weight)
        if not self.form.own:
            self.model.decoder.own.requires_grad_(False)

    def arranged(self, batch: Batch) -> Batch:
        """The batch with this form's order of fields, and without the links that it cuts."""
        links = batch.links.copy()
        links[..., [LINK_PLACE[name] for name in self.form.without]] = -1
        rows = batch.rows.copy()
        notes = rows[..., 0] == NOTE
        found = rows[notes]
        columns = [1 + USUAL.index(name) for name in self.form.order]
        found[:, 1 : 1 + len(columns)] = found[:, columns]
        rows[notes] = found
        return replace(batch, rows=rows, links=links)

    def train(self, prepared: Prepared, cpu_seconds: float, weights: dict[str, float]) -> int:
        """Train for so long; how many notes were seen."""
        settings = RunSettings(
            self.model.config,
            BatchSettings(
                max_rows=512, rows_per_step=2048, masked=0.0, source_weights=weights
            ),
            TrainSettings(learning_rate=3e-3, warmup=40, decay=0.4),
        )  # fmt: skip
        if self.form.muon:
            optimizers = optimizers_of(self.model, 3e-3, 0.05, 0.98)
        else:
            adamw = torch.optim.AdamW(self.model.parameters(), betas=(0.9, 0.98), fused=True)
            optimizers = (adamw,)
        batches = Batches(prepared.collection, settings.batches, self.seed)
        started = time.process_time()
        step = notes = 0
        while (share := (time.process_time() - started) / cpu_seconds) < 1:
            for optimizer in optimizers:
                for group in optimizer.param_groups:
                    group["lr"] = learning_rate(settings, step, share)
            with torch.autocast("cpu", torch.bfloat16, enabled=BF16):
                loss = row_loss(self.model, *fed(self.arranged(batches.batch(step))).tensors("cpu"))
            torch.autograd.backward(loss.total / loss.counts["kind"])
            torch.nn.utils.clip_grad_norm_(self.model.parameters(), 1.0)
            for optimizer in optimizers:
                optimizer.step()
                optimizer.zero_grad(set_to_none=True)
            step += 1
            notes += loss.counts.get("NOTE.onset", 0)
        return notes

    def judge(self, windows: Sequence[Batch]) -> Likelihood:
        """Held-out likelihood."""
        return likelihood(self.model, (self.arranged(batch) for batch in windows), bf16=BF16)

    @torch.no_grad()
    def drawn(self, batch: Batch) -> Rows:
        """The batch's rows with every note drawn anew, each after the real rows before it."""
        model, kind = self.model.eval(), self.model.table.kinds[NOTE]
        arranged = self.arranged(batch)
        rows, times, links, _ = fed(arranged).tensors("cpu")
        full = model.embedding.full()
        values = model.embedding.by_field(full)
        hidden, embedded = model(full, rows, times, links)
        chance = torch.Generator().manual_seed(0)
        example, place = (rows[:, 1:, 0] == NOTE).nonzero().unbind(1)
        place = place + 1
        h = hidden[example, place - 1]
        drawn = rows[example, place].clone()
        first = kind.fields.index(kind.own_from) if kind.own_from else len(kind.fields)
        for number, name in enumerate(kind.fields):
            own = _own(links, rows, example, place, drawn, number >= first, self.form)
            prior, track, before = own
            ids = model.embedding.global_ids(drawn)[:, : 2 + number]
            said = model.embedding.global_ids(prior)[:, 1 : 2 + number]
            state = model.decoder.states(full, "NOTE", h, ids, said)[number]
            if number >= first:
                zero = torch.zeros_like(h)
                seen = [
                    torch.where((at >= 0)[:, None], vectors[example, at.clamp(min=0)], zero)
                    for vectors, at in ((embedded, track), (embedded, before), (hidden, before))
                ]
                state = state + model.decoder.own_track(*seen)
            logits = model.decoder.field_logits(
                values, "NOTE", name, model.decoder.hidden("NOTE", state[None], number)[0]
            )
            odds = torch.softmax(logits.float(), -1)
            drawn[:, 1 + number] = torch.multinomial(odds, 1, generator=chance)[:, 0]
        made = batch.rows.copy()
        back = [1 + self.form.order.index(name) for name in USUAL]
        notes = drawn.numpy()
        notes[:, 1 : 1 + len(back)] = notes[:, back]
        made[example.numpy(), place.numpy()] = notes
        return made


def _own(
    links: Tensor, rows: Tensor, example: Tensor, place: Tensor, drawn: Tensor, known: bool,
    form: Form,
) -> tuple[Tensor, Tensor, Tensor]:  # fmt: skip
    """The earlier row (N, columns) whose field a field sees, and the places of TRACK and note.

    Once the track that was drawn is known, these are its own, searched for among the rows before.
    """
    prior = links[example, place, LINK_PLACE["prior"]].long()
    track = torch.full_like(prior, -1)
    before = torch.full_like(prior, -1)
    if known:
        i, n = (1 + form.order.index(name) for name in ("instrument", "number"))
        for e in example.unique().tolist():
            table: dict[tuple[int, int], int] = {}
            heads: dict[tuple[int, int], int] = {}
            mine = {int(p): k for k, p in enumerate(place.tolist()) if int(example[k]) == e}
            for p, row in enumerate(rows[e].tolist()):
                if p in mine:
                    wanted = int(drawn[mine[p], i]), int(drawn[mine[p], n])
                    track[mine[p]] = heads.get(wanted, -1)
                    before[mine[p]] = table.get(wanted, -1)
                if row[0] == TRACK:
                    heads[row[1], row[2]] = p
                elif row[0] == NOTE:
                    table[row[i], row[n]] = p
        if "track" in form.without:
            track = torch.full_like(prior, -1)
        if "before" in form.without:
            before = torch.full_like(prior, -1)
        prior = before
    seen = rows[example, prior.clamp(min=0)].clone()
    seen[prior < 0] = 0
    return seen, track, before


def hang_together(trial: Trial, windows: Sequence[Batch], known: Rows) -> dict[str, float]:
    """Shares of the notes drawn that fit their instrument, their drum and their TRACK row."""
    made = [trial.drawn(batch) for batch in windows]
    pieces = [
        rows[:length]
        for batch, all_rows in zip(windows, made, strict=True)
        for rows, length in zip(all_rows, batch.lengths.tolist(), strict=True)
    ]
    notes = notes_of(pieces)
    drum = notes[:, PITCH] >= DRUM_BASE
    is_drum = known[:, PITCH] >= DRUM_BASE
    of_pitch = ranges(known[~is_drum, INSTRUMENT], known[~is_drum, PITCH])
    of_length = ranges(known[is_drum, PITCH], known[is_drum, DURATION])
    mixed = (notes[:, INSTRUMENT] >= DRUM_BASE) != drum
    return {
        "pitch_fits_instrument": inside(of_pitch, notes[~drum, INSTRUMENT], notes[~drum, PITCH]),
        "length_fits_drum": inside(of_length, notes[drum, PITCH], notes[drum, DURATION]),
        "drum_is_drum": 1 - float(mixed.mean()),
        "in_promised_range": promised([_with_real_tracks(rows) for rows in pieces]),
    }


def _with_real_tracks(rows: Rows) -> Rows:
    """The rows without notes of tracks that HEAD does not have."""
    tracks = {(t[1], t[2]) for t in rows[rows[:, 0] == TRACK].tolist()}
    kept = [r[0] != NOTE or (r[2], r[3]) in tracks for r in rows.tolist()]
    return rows[np.array(kept)]


def table(results: dict[str, list[dict[str, Any]]]) -> list[str]:
    """The Markdown pages of all trials."""
    shown = ("onset", "instrument", "pitch", "duration", "velocity")
    fits = ("pitch_fits_instrument", "length_fits_drum", "drum_is_drum", "in_promised_range")
    lines = []
    for name, trials in results.items():
        nats = [trial["nats_per_note"] for trial in trials]
        spread = f" ±{(max(nats) - min(nats)) / 2:.3f}" if len(nats) > 1 else ""

        def mean(key: str, trials: list[dict[str, Any]] = trials, of: str = "by_field") -> float:
            return statistics.mean(trial[of][key] for trial in trials)

        lines.append(
            [
                name,
                f"{statistics.mean(trial['notes_seen'] for trial in trials):,.0f}",
                f"{statistics.mean(nats):.3f}{spread}",
                f"{statistics.mean(trial['note_fields'] for trial in trials):.3f}",
                *(f"{mean(f'NOTE.{key}'):.2f}" for key in shown),
                *(f"{mean(key, of='fits'):.3f}" for key in fits),
            ]
        )
    header = [
        "form", "notes seen", "nats per note", "notes' fields", *shown, "pitch fits instrument",
        "length fits drum", "drums are drums", "in promised range",
    ]  # fmt: skip
    return [markdown_table(header, lines)]


def earlier(path: Path, cpu_seconds: float) -> dict[str, list[dict[str, Any]]]:
    """The trials of an earlier run of the same length, which are not made again."""
    if not path.is_file():
        return {}
    found = json.loads(path.read_text())
    return found["forms"] if found.get("cpu_seconds") == cpu_seconds else {}


def arguments() -> argparse.Namespace:
    """What was asked for on the command line."""
    parser = machine_options(__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--cpu-seconds", type=float, default=300)
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--only", nargs="*", choices=list(FORMS))
    parser.add_argument("--weight", nargs="*", default=[], help="SOURCE=WEIGHT in sampling")
    return parser.parse_args()


def main() -> None:
    """Run the trials one after another; one that was made already is not made again."""
    options = arguments()
    machine = Machine(["torch"])
    torch.set_num_threads(1)
    prepared = load_prepared(options.prepared)
    weights = {name: float(number) for name, number in (w.split("=") for w in options.weight)}
    collection = prepared.collection
    pieces = collection.judging
    chosen = pieces[np.linspace(0, len(pieces) - 1, min(96, len(pieces))).astype(int)].tolist()
    windows = list(held_out_windows(collection, 512, 8192, pieces=chosen))
    training = collection.training
    known = notes_of([collection.rows(p) for p in training[:: max(len(training) // 2000, 1)]])
    results = earlier(options.results / "field_decoders.json", options.cpu_seconds)
    for name in options.only or FORMS:
        for seed in options.seeds:
            if any(done["seed"] == seed for done in results.get(name, [])):
                continue
            trial = Trial(FORMS[name], seed)
            seen = trial.train(prepared, options.cpu_seconds, weights)
            found = trial.judge(windows)
            results.setdefault(name, []).append(
                {
                    "seed": seed,
                    "notes_seen": seen,
                    "nats_per_note": round(found.per_note, 4),
                    "note_fields": round(found.note_fields, 4),
                    "by_field": {k: round(v, 4) for k, v in found.by_field.items()},
                    "fits": hang_together(trial, windows[:3], known),
                }
            )
            print(name, json.dumps(results[name][-1]), flush=True)
            page = [
                f"{options.title or 'a prepared folder'}: 4 layers of width 128, "
                f"{options.cpu_seconds:g} CPU-seconds each on one thread, "
                f"{'bf16' if BF16 else 'fp32'}, 2,048 rows a "
                f"step; one seed, or two where ± is half their distance; held-out nats per note "
                f"of the first 512 rows of {len(chosen)} pieces.",
                *table(results),
            ]
            figures = {"cpu_seconds": options.cpu_seconds, "forms": results}
            leave(options.results, "field_decoders", machine.describe(), figures, page)


if __name__ == "__main__":
    assert len(SEEN_LINKS) + len(OWN) == LINKS
    main()
