"""The first bytes of a file of weights: refused here is what would cost memory to refuse later.

A path goes in; nothing comes out, or a CheckpointError. Knows no torch and reads no weights.
"""

import struct
from pathlib import Path

from musegen.errors import CheckpointError

LARGEST_HEADER = 16 << 20
"""A header names every tensor in some 200 bytes: this is room for 80,000 of them."""

_DISGUISES = (
    (b"PK\x03\x04", "a zip archive, as torch.save writes it"),
    (b"\x80\x02", "a Python pickle"),
    (b"\x80\x03", "a Python pickle"),
    (b"\x80\x04", "a Python pickle"),
    (b"\x80\x05", "a Python pickle"),
    (b"\x93NUMPY", "a numpy array"),
    (b"\x89HDF", "an HDF5 file"),
    (b"GGUF", "a GGUF file"),
)


def check_header(path: Path) -> None:
    """The file may be safetensors: it says how long its header is, and that is no absurd length.

    Raises CheckpointError where it is something else by its first bytes, with code in it or not.
    """
    try:
        size = path.stat().st_size
        with open(path, "rb") as file:
            start = file.read(9)
    except OSError as error:
        raise CheckpointError(f"{path} cannot be read: {error.strerror}") from None
    length = struct.unpack("<Q", start[:8])[0] if len(start) == 9 else size
    sound = length + 8 <= size and start[8:] == b"{"
    for first, name in _DISGUISES:
        if start.startswith(first) and not (sound and length <= LARGEST_HEADER):
            raise CheckpointError(
                f"{path} is {name}, not safetensors; musegen never opens such files, since they "
                "can run code: ask for the weights as safetensors"
            )
    if not sound:
        raise CheckpointError(f"{path} cannot be read as safetensors: it has no such header")
    if length > LARGEST_HEADER:
        raise CheckpointError(
            f"{path} has a header of {length:,} bytes; at most {LARGEST_HEADER:,} are read"
        )
