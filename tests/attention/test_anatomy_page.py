"""The heart of the library stays one page that a learner can read from top to bottom."""

import re
from pathlib import Path

from minattn.attention import anatomy

TEXT = Path(anatomy.__file__).read_text(encoding="utf-8")
STEPS = re.findall(r"^    (\w+)  +\S", anatomy.__doc__, re.MULTILINE)


def steps_run_in(text):
    return [name for name in re.findall(r"self\.(\w+)[,)]", text) if name in STEPS]


def test_the_page_is_a_page():
    assert TEXT.count("\n") <= 150


def test_every_step_that_the_page_announces_is_one_method_and_they_stand_in_this_order():
    assert " ".join(STEPS) == "project remember rotate share compare bias mask weigh gather merge"
    places = [TEXT.index(f"    def {step}(self, t):") for step in STEPS]
    assert places == sorted(places)


def test_the_traced_path_runs_the_steps_in_this_order():
    begin, trace = TEXT[TEXT.index("def begin") :], TEXT[TEXT.index("def trace") : TEXT.index("def forward")]
    assert steps_run_in(begin) + steps_run_in(trace) == STEPS


def test_no_step_is_longer_than_a_few_lines():
    for step in STEPS:
        body = TEXT.split(f"    def {step}(self, t):\n")[1].split("\n\n")[0]
        assert body.count("\n") <= 5, step


def test_every_piece_of_the_record_says_its_shape_or_meaning():
    record = TEXT.split("class Trace")[1].split("def __repr__")[0]
    pieces = re.findall(r"^    \w+: .*$", record, re.MULTILINE)
    assert len(pieces) == 18 and all("  # " in piece for piece in pieces)
