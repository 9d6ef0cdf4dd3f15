"""The gallery: sixteen compositions that nobody picked, each with the command that makes it again.

    python benchmarks/gallery.py CHECKPOINT [--out docs/gallery.md] [--bars 16]

Genres and moods are dealt in turn, seeds are numbers in a row: what comes out is shown. Writes the
page, and the piano rolls as PNG into a folder beside it that has the page's name.
"""

import argparse
import hashlib
from pathlib import Path

from musegen.cli.progress import counted
from musegen.composing.composer import Composer
from musegen.evaluation.samples import Asked, sampled
from musegen.files import write_whole

PIECES = (
    ("folk", "happy"), ("baroque-chorale", "calm"), ("pop", "sad"), ("classical", "tense"),
    ("jazz", "dreamy"), ("rock", "energetic"), ("electronic", "exciting"), ("latin", "happy"),
    ("waltz", "calm"), ("blues", "sad"), ("country", "happy"), ("reggae", "playful"),
    ("metal", "angry"), ("religious", "peaceful"), ("hip-hop", "dark"), ("ambient", "mysterious"),
)  # fmt: skip
FIRST_SEED = 1001


def main() -> None:
    """Compose, draw, and write the page."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("checkpoint")
    parser.add_argument("--out", type=Path, default=Path("docs/gallery.md"))
    parser.add_argument("--bars", type=int, default=16)
    options = parser.parse_args()
    composer = Composer.load(options.checkpoint, much=True)
    folder = options.out.with_suffix("")
    folder.mkdir(exist_ok=True)
    checkpoint = Path(options.checkpoint).name
    lines = [
        "# Gallery",
        "",
        f"Sixteen compositions of `checkpoints/{checkpoint}`, not picked: genres and moods in "
        f"turn, seeds from {FIRST_SEED} on, default settings, the first that came. Made by "
        f"`python benchmarks/gallery.py checkpoints/{checkpoint}`; weights have SHA-256 "
        f"`{composer.checkpoint.sha256[:16]}`.",
        "",
        "Each command makes its piece again, byte for byte: the file's SHA-256 begins as is said.",
    ]
    with counted("composing", False) as show:
        for number, (genre, mood) in enumerate(PIECES):
            asked = Asked(genre, mood, options.bars, FIRST_SEED + number)
            made = sampled(composer, checkpoint, asked)
            write_whole(folder / f"{asked.name}.png", made.png, force=True)
            lines += [
                "",
                f"## {number + 1}. {genre}, {mood}",
                "",
                f"![{genre}, {mood}]({folder.name}/{asked.name}.png)",
                "",
                f"    {asked.command(f'checkpoints/{checkpoint}')}",
                "",
                f"SHA-256 `{hashlib.sha256(made.midi).hexdigest()[:16]}`",
            ]
            show(number + 1, len(PIECES))
    write_whole(options.out, ("\n".join(lines) + "\n").encode(), force=True)


if __name__ == "__main__":
    main()
