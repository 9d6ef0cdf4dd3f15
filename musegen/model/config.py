"""The sizes of a model, and the constants of its positions: what both ways to compute it share.

Knows no torch.
"""

from dataclasses import dataclass

from musegen.errors import SettingError

ROW_BASE = 10_000.0
TIME_PERIODS = (0.25, 4096.0)
"""Shortest and longest period, in quarter notes, of the rotary positions over musical time."""

NORM_EPSILON = 1e-5
"""Added to the mean square of a row before its root is divided by."""

STEPS_PER_TIME_UNIT = 24


@dataclass(frozen=True)
class ModelConfig:
    """Sizes of a model. `width` must be `heads` times an even number that 4 divides.

    `context` is the largest number of rows that it was trained to see; `field_width` the hidden
    width of the nested decoder; `time_share` the share of each head's rotary dimensions that turn
    with musical time, the rest turn with the row number. `kv_heads` heads of keys and values are
    shared by all heads in equal groups (grouped-query attention, Ainslie et al. 2023): what is
    kept of each row, and read for the next, is that much less; 0: each head has its own.
    """

    layers: int = 8
    width: int = 256
    heads: int = 4
    hidden: int = 704
    context: int = 1024
    field_width: int = 256
    dropout: float = 0.0
    time_share: float = 0.5
    kv_heads: int = 0

    def __post_init__(self) -> None:
        if min(self.layers, self.width, self.heads, self.hidden, self.field_width) < 1:
            raise SettingError("model sizes (layers, width, heads, hidden, ...) must be at least 1")
        if self.width % (4 * self.heads):
            raise SettingError(
                f"model.width {self.width} must be a multiple of four times model.heads "
                f"({self.heads})"
            )
        if not 0 <= self.kv_heads <= self.heads or self.heads % self.key_heads:
            raise SettingError(
                f"model.kv_heads {self.kv_heads} must divide model.heads ({self.heads}), or be 0"
            )
        if self.context < 64:
            raise SettingError(f"model.context {self.context} is too small: at least 64 rows")
        if not 0 <= self.dropout < 1:
            raise SettingError(f"model.dropout {self.dropout} must be at least 0 and below 1")
        if not 0 <= self.time_share <= 1:
            raise SettingError(f"model.time_share {self.time_share} must be between 0 and 1")

    @property
    def head_width(self) -> int:
        """Numbers of a head's query, key or value."""
        return self.width // self.heads

    @property
    def key_heads(self) -> int:
        """How many heads of keys and values there are."""
        return self.kv_heads or self.heads

    @property
    def qkv_width(self) -> int:
        """Numbers of all queries, keys and values of a row, in this order."""
        return self.width + 2 * self.key_heads * self.head_width

    @property
    def turns(self) -> tuple[list[float], list[float]]:
        """How each head's pairs of dimensions turn: radians a row, then quarters a whole turn.

        Reckoned in float64, and rounded by whoever needs less: powers of float32 end in other bits
        on other processors, and a last bit here becomes another note somewhere in most pieces.
        """
        pairs = self.head_width // 2
        timed = round(pairs * self.time_share)
        plain = pairs - timed
        shortest, longest = TIME_PERIODS
        rates = [ROW_BASE ** (-pair / plain) for pair in range(plain)]
        places = [pair / max(timed - 1, 1) for pair in range(timed)]
        return rates, [shortest * (longest / shortest) ** place for place in places]
