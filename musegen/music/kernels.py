"""The kernels of this room, all that `machine` names."""

from musegen.music.kernel_grid import snap as snap
from musegen.music.kernel_midi import parse as parse
from musegen.music.kernel_tempos import whole_tempos as whole_tempos
