"""What the lessons use: sources as they stand in the files, predictions, described pictures."""

import ast
import base64
import inspect

import pytest

from minattn import plots
from minattn.attention import Attention
from minattn.autodiff import PRIMITIVES, Tensor, ops
from minattn.errors import ArgumentError
from minattn.lab import picture, predict, source


@pytest.mark.parametrize("name", sorted(PRIMITIVES))
def test_a_primitive_shows_both_halves(name):
    primitive = PRIMITIVES[name]
    text = source(primitive).text
    path, forward, derivative = text.split("\n", 1)[0], *text.split("\n", 1)[1].split("\n\n\n@", 1)
    assert forward == inspect.getsource(primitive.forward).strip()
    assert ".vjp" in derivative and "def _(g, out" in derivative
    assert path.startswith("# minattn/autodiff/ops/") and path.endswith(".py")


def test_functions_methods_properties_and_places():
    assert "def trace" in source(Attention.trace).text
    assert "lambda self: self.data.shape" in source(Tensor.shape).text
    place = source("autodiff.primitive.unbroadcast")
    assert str(place) == str(source("minattn.autodiff.primitive.unbroadcast")) == repr(place)
    assert place._repr_markdown_() == f"```python\n{place}\n```"


def test_the_file_is_named_once_for_neighbours():
    text = source(ops.exp, ops.log, "autodiff.primitive.unbroadcast").text
    assert [line for line in text.splitlines() if line.startswith("# ")] == [
        "# minattn/autodiff/ops/elementwise.py",
        "# minattn/autodiff/primitive.py",
    ]


def test_docstrings_can_be_left_out_and_the_rest_stays():
    for thing in (ops.softmax, Attention, "autodiff.tensor.Tensor"):
        short, long = source(thing, docstring=False).text, source(thing).text
        bare = ast.parse(short)
        for node in ast.walk(whole := ast.parse(long)):
            if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) and node.body[1:]:
                del node.body[0]
        assert ast.dump(bare) == ast.dump(whole) and len(short) < len(long)


def test_a_fence_is_longer_than_those_inside():
    def fenced():
        """```"""

    assert source(fenced)._repr_markdown_().startswith("````python\n")


@pytest.mark.parametrize("thing", [len, 3, "autodiff.nothing", "no.such.place", "autodiff.no such"])
def test_what_has_no_source_is_refused(thing):
    with pytest.raises(ArgumentError, match="source"):
        source(thing)


def test_nothing_to_show_is_refused():
    with pytest.raises(ArgumentError, match="nothing"):
        source()


def test_a_prediction_says_what_is_right_in_text_and_html():
    quiz = predict("Is 2 < 3?", ["no", "yes, 2 < 3", "never"], answer="yes, 2 < 3", why="Count & see.")
    assert quiz.choose("b") == quiz.choose(" B ") == "Right. Count & see."
    assert quiz.choose("a") == quiz.choose("c") and "Count" not in quiz.choose("a")
    assert repr(quiz).splitlines()[:3] == ["Predict: Is 2 < 3?", "  a) no", "  b) yes, 2 < 3"]
    html = quiz._repr_html_()
    assert html.count("<details") == 3 and html.count("Count &amp; see.") == 1 and "2 &lt; 3" in html
    with pytest.raises(ArgumentError, match="a or b or c"):
        quiz.choose("d")


@pytest.mark.parametrize("options, answer", [(["a"], "a"), (["a", "b"], "c"), (["a", "a"], "a"), ([], "a")])
def test_a_question_without_a_choice_is_refused(options, answer):
    with pytest.raises(ArgumentError, match="options"):
        predict("?", options, answer, "because")


def test_a_picture_brings_its_description():
    fig, ax = plots.figure()
    plots.curves(ax, {"loss": [3.0, 2.0]})
    shown = picture(fig, 'It falls\n    from "3" to 2.')
    bundle = shown._repr_mimebundle_()
    assert base64.b64decode(bundle["image/png"]).startswith(b"\x89PNG")
    assert bundle["image/png"] in bundle["text/html"]
    assert 'alt="It falls from &quot;3&quot; to 2."' in bundle["text/html"]
    assert repr(shown) == bundle["text/plain"] == 'Picture: It falls from "3" to 2.'


@pytest.mark.parametrize("alt", ["", "  ", None])
def test_a_picture_without_description_is_refused(alt):
    with pytest.raises(ArgumentError, match="description"):
        picture(plots.figure()[0], alt)
