"""`python generate.py --genre folk -o tune.mid` is `musegen generate`. Knows nothing else."""

import sys

from musegen.cli.main import main

if __name__ == "__main__":
    main(["generate", *sys.argv[1:]], prog_name="musegen")
