"""`python -m musegen` is the `musegen` command. Knows nothing else."""

from musegen.cli.main import main

if __name__ == "__main__":
    main(prog_name="musegen")
