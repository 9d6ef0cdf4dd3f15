"""What follows from a Score is worked out once."""

from musegen.music.remembering import remembered
from musegen.music.score import Score, Track, note_array


def test_each_score_has_its_own_result_worked_out_once() -> None:
    """Equal scores are told apart, and one that is gone leaves nothing to another."""
    asked: list[int] = []

    @remembered
    def notes(score: Score) -> int:
        asked.append(id(score))
        return score.note_count

    one = Score(24, (Track(0, notes=note_array([(0, 24, 60, 80)])),))
    other = Score(24)
    assert [notes(s) for s in (one, one, other, other, one)] == [1, 1, 0, 0, 1]
    assert len(asked) == 3
    notes.tell(other, 7)  # by somebody who knows
    assert notes(other) == 7
    assert notes(one) == 1
    for count in range(50):  # many are made where one was
        rows = [(24 * n, 24, 60, 80) for n in range(count)]
        assert notes(Score(24, (Track(0, notes=note_array(rows)),))) == count
