"""Compares forms of the nested decoder and orders of a note's fields at equal compute.

    python benchmarks/field_decoders.py PREPARED [--cpu-seconds 400] [--only NAME ...]

Trains one model per form on one thread with the same data, seed and settings until the same
CPU time is spent, and reports held-out nats per note, in all and by field. Prints a Markdown table
and writes benchmarks/results/field_decoders.json.
"""

import argparse
import json
import platform
import time
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from musegen.corpus.batches import Batch, Batches, BatchSettings, held_out_windows
from musegen.corpus.shards import Prepared, load_prepared
from musegen.model.loss import row_loss
from musegen.model.transformer import ModelConfig, MusicModel, RowDecoder, RowEmbedding
from musegen.tokens.fields import KINDS, NOTE, TABLE, Kind, Table
from musegen.training.judge import likelihood, tensors
from musegen.training.loop import learning_rate
from musegen.training.settings import RunSettings, TrainSettings

RESULT = Path(__file__).parent / "results" / "field_decoders.json"
ORDERS = {
    "": KINDS[NOTE].fields,
    "pitch before instrument": ("onset", "pitch", "instrument", "number", "duration", "velocity"),
    "duration before pitch": ("onset", "instrument", "number", "duration", "pitch", "velocity"),
    "velocity first": ("onset", "velocity", "instrument", "number", "pitch", "duration"),
    "instrument before onset": ("instrument", "number", "onset", "pitch", "duration", "velocity"),
}


class Independent(RowDecoder):
    """Every field sees the hidden state and the kind, none sees another field."""

    def states(self, full: Tensor, h: Tensor, ids: Tensor) -> Tensor:
        """h + E(kind) for every field."""
        return (h + full[ids[:, 0]])[None].expand(ids.shape[1] - 1, -1, -1)


class Attentive(RowDecoder):
    """One causal attention layer inside the row; the hidden state is added at every field."""

    def __init__(self, table: Table, embedding: RowEmbedding, config: ModelConfig) -> None:
        super().__init__(table, embedding, config)
        self.heads = config.heads
        self.place = nn.Parameter(torch.randn(table.columns, config.width) * 0.02)
        self.qkv = nn.Linear(config.width, 3 * config.width, bias=False)
        self.out = nn.Linear(config.width, config.width, bias=False)

    def states(self, full: Tensor, h: Tensor, ids: Tensor) -> Tensor:
        """The row's elements after attention over those before."""
        fields = ids.shape[1] - 1
        x = h[:, None] + full[ids[:, :-1]] + self.place[:fields]
        normed = F.rms_norm(x, x.shape[-1:], eps=1e-5)
        qkv = self.qkv(normed).view(len(x), fields, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        attended = F.scaled_dot_product_attention(*qkv, is_causal=True)
        x = x + self.out(attended.transpose(1, 2).reshape(len(x), fields, -1))
        return x.transpose(0, 1)


FORMS: dict[str, tuple[type[RowDecoder], str, float]] = {
    "cumulative": (RowDecoder, "", 0.5),
    "independent heads": (Independent, "", 0.5),
    "attention inside the row": (Attentive, "", 0.5),
    **{f"cumulative, {name}": (RowDecoder, name, 0.5) for name in ORDERS if name},
    "cumulative, no rotary time": (RowDecoder, "", 0.0),
}


def reordered(batch: Batch, order: str) -> Batch:
    """The batch with the columns of its NOTE rows in another order."""
    if not order:
        return batch
    rows = batch.rows.copy()
    columns = [1 + KINDS[NOTE].fields.index(name) for name in ORDERS[order]]
    notes = rows[..., 0] == NOTE
    found = rows[notes]
    found[:, 1 : 1 + len(columns)] = found[:, columns]
    rows[notes] = found
    return replace(batch, rows=rows)


def trial(prepared: Prepared, form: str, cpu_seconds: float, seed: int) -> dict[str, object]:
    """Train one form for `cpu_seconds` and judge it."""
    decoder, order, time_share = FORMS[form]
    kinds = list(KINDS)
    kinds[NOTE] = Kind("NOTE", ORDERS[order], KINDS[NOTE].meaning)
    table = Table(TABLE.fields, tuple(kinds))
    config = ModelConfig(
        layers=4, width=128, heads=4, hidden=352, context=512, field_width=128,
        time_share=time_share,
    )  # fmt: skip
    settings = RunSettings(
        config,
        BatchSettings(max_rows=512, rows_per_step=4096, masked=0.0),
        TrainSettings(learning_rate=3e-3, warmup=40, decay=0.4),
    )
    torch.manual_seed(seed)
    model = MusicModel(table, config)
    model.decoder = decoder(table, model.embedding, config)
    optimizer = torch.optim.AdamW(model.parameters(), betas=(0.9, 0.98), fused=True)
    batches = Batches(prepared.collection, settings.batches, seed)
    started = time.process_time()
    step = notes = 0
    while (share := (time.process_time() - started) / cpu_seconds) < 1:
        for group in optimizer.param_groups:
            group["lr"] = learning_rate(settings, step, share)
        with torch.autocast("cpu", torch.bfloat16):
            loss = row_loss(model, *tensors(reordered(batches.batch(step), order), "cpu"))
        (loss.total / loss.counts["kind"]).backward()
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        optimizer.zero_grad(set_to_none=True)
        step += 1
        notes += loss.counts.get("NOTE.onset", 0)
    pieces = prepared.collection.judging
    chosen = pieces[np.linspace(0, len(pieces) - 1, min(96, len(pieces))).astype(int)].tolist()
    windows = held_out_windows(prepared.collection, 512, 8192, pieces=chosen)
    result = likelihood(model, (reordered(b, order) for b in windows), bf16=True)
    return {
        "form": form,
        "parameters": model.parameter_count(),
        "steps": step,
        "notes_seen": notes,
        "nats_per_note": round(result.per_note, 3),
        "note_fields": round(result.note_fields, 3),
        "by_field": {
            k: round(v, 3) for k, v in result.by_field.items() if k.startswith(("NOTE", "kind"))
        },
    }


def main() -> None:
    """Run the trials one after another."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--cpu-seconds", type=float, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--only", nargs="*", choices=list(FORMS))
    parser.add_argument("--result", type=Path, default=RESULT)
    options = parser.parse_args()
    torch.set_num_threads(1)
    prepared = load_prepared(options.prepared)
    rows = []
    for form in options.only or FORMS:
        rows.append(trial(prepared, form, options.cpu_seconds, options.seed))
        print(json.dumps(rows[-1]), flush=True)
        options.result.parent.mkdir(exist_ok=True)
        entry = {
            "date": time.strftime("%Y-%m-%d"),
            "machine": platform.processor() or platform.machine(),
            "cpu_seconds": options.cpu_seconds,
            "seed": options.seed,
            "trials": rows,
        }
        options.result.write_text(json.dumps(entry, indent=1) + "\n")


if __name__ == "__main__":
    main()
