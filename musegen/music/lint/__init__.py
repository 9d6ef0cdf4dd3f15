"""Whether a MIDI file opens in a DAW as if a careful person had exported it: 15 points."""
