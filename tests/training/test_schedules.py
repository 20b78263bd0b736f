import pytest

from minattn.errors import ArgumentError
from minattn.training.schedules import cosine, inverse_sqrt, linear, warm_up


@pytest.mark.parametrize(
    "schedule", [warm_up(7), cosine(31, warmup=7), linear(31, warmup=7), inverse_sqrt(7)]
)
def test_the_rate_rises_in_equal_steps_to_one(schedule):
    assert [schedule(step) for step in range(7)] == pytest.approx([(step + 1) / 7 for step in range(7)])


@pytest.mark.parametrize("make", [cosine, linear])
def test_the_rate_falls_to_the_floor_and_stays(make):
    schedule = make(31, warmup=7, floor=0.25)
    values = [schedule(step) for step in range(7, 32)]
    assert values[0] == 1 and values[-1] == pytest.approx(0.25)
    assert all(a > b for a, b in zip(values, values[1:]))
    assert schedule(1000) == pytest.approx(0.25)
    assert schedule((7 + 31) // 2) == pytest.approx(0.625)  # half-way between 1 and the floor


def test_without_warm_up_the_first_step_has_the_full_rate():
    assert warm_up(0)(0) == cosine(5)(0) == linear(5)(0) == 1


def test_inverse_square_root_follows_the_paper_up_to_its_peak():
    schedule, warmup = inverse_sqrt(11), 11
    paper = [min(n**-0.5, n * warmup**-1.5) for n in range(1, 53)]  # arXiv 1706.03762, equation 3
    assert [schedule(n) for n in range(52)] == pytest.approx([p / max(paper) for p in paper])


@pytest.mark.parametrize(
    "make", [lambda: warm_up(-1), lambda: cosine(5, warmup=5), lambda: linear(0), lambda: inverse_sqrt(0)]
)
def test_impossible_numbers_are_refused(make):
    with pytest.raises(ArgumentError, match="warmup"):
        make()
