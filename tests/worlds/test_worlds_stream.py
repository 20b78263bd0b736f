import numpy as np
import pytest

from minattn.errors import ArgumentError, DTypeError
from minattn.worlds import stream

SIZES = dict(n_segments=7, length=11, n_queries=3, n_subjects=13, n_values=5, most_lag=4)


def drawn(seed=0, **sizes):
    return stream.segments(np.random.default_rng(seed), 17, **(SIZES | sizes))


def test_every_question_is_answered_by_the_one_fact_about_its_subject():
    b = drawn()
    subjects, values = b["inputs"][..., 0], b["inputs"][..., 1]
    facts = values < 5
    assert b["inputs"].shape == (17, 77, 2) and (facts.reshape(17, 7, 11).sum(-1) == 1).all()
    assert not facts.reshape(17, 7, 11)[:, :, 5:].any(), "in the first half"
    for row, place in zip(*np.nonzero(b["asked"])):
        (told,) = np.flatnonzero(facts[row] & (subjects[row] == subjects[row, place]))
        assert told == b["attend"][row, place] < place
        assert values[row, told] == b["targets"][row, place]
        assert place // 11 - told // 11 == b["lag"][row, place]


def test_questions_stand_at_the_end_of_segments_and_lags_are_drawn_evenly():
    b = drawn()
    asked = np.broadcast_to(np.arange(77) % 11 >= 8, (17, 77))
    np.testing.assert_array_equal(b["asked"], asked)
    np.testing.assert_array_equal(b["lag"] >= 0, asked)
    assert (b["inputs"][..., 1][asked] == 5).all() and not b["targets"][~asked].any()
    late = stream.segments(np.random.default_rng(1), 400, **SIZES)["lag"][:, 44:]
    counts = np.bincount(late[late >= 0])
    assert len(counts) == 5 and counts.min() > 0.9 * counts.max()


def test_the_rest_is_noise_and_one_seed_draws_one_stream():
    b, again = drawn(), drawn()
    rest = ~b["asked"] & (b["inputs"][..., 1] == 5)
    assert set(b["inputs"][..., 0][rest]) == set(range(13, 21))
    assert all((b[name] == again[name]).all() for name in b)


@pytest.mark.parametrize("sizes", [{"n_subjects": 6}, {"n_queries": 7}, {"most_lag": -1}, {"n_values": 0}])
def test_sizes_that_do_not_fit(sizes):
    with pytest.raises(ArgumentError):
        drawn(**sizes)
    with pytest.raises(DTypeError):
        stream.segments(0, 3)
