"""Puts the weights that gpu_run left in pieces together as a checkpoint, and checks every byte.

python tools/gpu_collect.py results --out checkpoints/from-the-gpu
"""

import argparse
import sys
import tempfile
from pathlib import Path

from _pieces import join, unpack

sys.path.insert(0, str(Path(__file__).parents[1]))

from musegen.errors import MusegenError
from musegen.folders import whole_folder
from musegen.model.stored import read_checkpoint


def main() -> None:
    """Join, unpack, check, put in place."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="the folder that came back")
    parser.add_argument("--out", type=Path, required=True, help="the checkpoint to make")
    parser.add_argument("--force", action="store_true", help="replace what is there")
    asked = parser.parse_args()
    try:
        with whole_folder(asked.out, asked.force) as staging, tempfile.TemporaryDirectory() as here:
            join(asked.results, "weights", Path(here, "weights"))
            unpack(Path(here, "weights"), staging)
            stored = read_checkpoint(staging)
    except MusegenError as error:
        raise SystemExit(f"error: {error}") from None
    facts = stored.facts
    print(
        f"{asked.out}: {sum(w.size for w in stored.weights.values()):,} parameters, step "
        f"{facts.get('step')}, held-out {facts.get('held_out_nats_per_note')} nats per note"
    )


if __name__ == "__main__":
    main()
