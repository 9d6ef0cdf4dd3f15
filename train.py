"""`python train.py FOLDER --out checkpoints/mine` is `musegen train`. Knows nothing else."""

import sys

from musegen.cli.main import main

if __name__ == "__main__":
    main(["train", *sys.argv[1:]], prog_name="musegen")
