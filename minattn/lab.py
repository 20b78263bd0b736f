"""What the lessons use in their cells: code, predictions and pictures that every notebook front end can show.

    source(ops.exp)                     the library's own code, so that a lesson cannot drift from it
    predict(question, options, ...)     a question to answer before the experiment is run
    picture(fig, "falls with distance") a figure, with its description for those who cannot see it

Plain text in a terminal; in a notebook Markdown, and HTML that needs no widgets.
"""

import ast
import base64
import html
import inspect
import io
import pkgutil
import re
import string
import textwrap
from pathlib import Path

from .errors import ArgumentError

__all__ = ["Code", "Prediction", "Picture", "picture", "predict", "source"]

ROOT = Path(__file__).resolve().parents[1]


def source(*things, docstring=True):
    """The source of functions, methods, classes or primitives, in the order given.

    things      of a primitive both halves are shown: what it computes, and its derivative (vjp). A string is
                the place of something that is read but not used: "autodiff.primitive.unbroadcast"
    docstring   False leaves the docstrings out
    Returns a `Code`. Raises ArgumentError for what has no Python source.

        >>> from minattn.autodiff import ops
        >>> print(source(ops.exp))
        # minattn/autodiff/ops/elementwise.py
        @primitive
        def exp(x):
            \"\"\"e ** x.\"\"\"
            return xp.exp(x)
        <BLANKLINE>
        <BLANKLINE>
        @exp.vjp
        def _(g, out, x):
            return (g * out,)
    """
    if not things:
        raise ArgumentError(
            "source()", expected="something to show", got="nothing", hint="source(ops.softmax)"
        )
    blocks, shown = [], None
    for part in (part for thing in things for part in _parts(thing)):
        file, text = _read(part, docstring)
        blocks.append(text if file == shown else f"# {file}\n{text}")
        shown = file
    return Code("\n\n\n".join(blocks))


def _parts(thing):
    """A primitive as its forward and its derivative, anything else as it is."""
    from .autodiff import Primitive

    if isinstance(thing, str):
        thing = _at(thing)
    return (thing.forward, thing._vjp) if isinstance(thing, Primitive) else (thing,)


def _at(place):
    """What stands at a dotted path below minattn."""
    try:
        return pkgutil.resolve_name(f"minattn.{place.removeprefix('minattn.')}")
    except (ImportError, AttributeError, ValueError) as error:
        raise ArgumentError(
            "source(place)",
            expected="the dotted path of something in the library",
            got=f"{place!r} ({error})",
            hint='source("autodiff.primitive.unbroadcast")',
        ) from None


def _read(thing, docstring):
    """(file, source) of one function or class."""
    thing = inspect.unwrap(thing.fget if isinstance(thing, property) else thing)
    try:
        text = textwrap.dedent(inspect.getsource(thing)).rstrip()
        path = Path(inspect.getsourcefile(thing)).resolve()
    except (TypeError, OSError):
        raise ArgumentError(
            "source(thing)",
            expected="a function, method, class or primitive written in Python",
            got=repr(thing)[:60],
            hint="pass the thing itself: source(ops.softmax)",
        ) from None
    if not docstring:
        text = _without_docstrings(text)
    return path.relative_to(ROOT).as_posix() if path.is_relative_to(ROOT) else path.name, text


def _without_docstrings(text):
    """Source whose functions and classes begin with their first statement."""
    lines, dropped = text.splitlines(), set()
    for node in ast.walk(ast.parse(text)):
        body = getattr(node, "body", None)
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and ast.get_docstring(node) and len(body) > 1:
            end = body[0].end_lineno
            while not lines[end].strip():
                end += 1
            dropped.update(range(body[0].lineno - 1, end))
    return "\n".join(line for n, line in enumerate(lines) if n not in dropped)


class Code:
    """Python code that shows itself: `text`, highlighted in a notebook."""

    def __init__(self, text):
        self.text = text

    def __str__(self):
        return self.text

    __repr__ = __str__

    def _repr_markdown_(self):
        longest = max((len(run) for run in re.findall("`+", self.text)), default=0)
        fence = "`" * max(3, longest + 1)
        return f"{fence}python\n{self.text}\n{fence}"


def predict(question, options, answer, why):
    """A question to answer before the experiment is run.

    question   one or two sentences
    options    list of possible answers, at least two
    answer     the right one, word for word
    why        the explanation, shown with the right answer
    Returns a `Prediction`: a notebook lets you click on an option, and `.choose("b")` works everywhere.
    Raises ArgumentError where `answer` is none of the options.

        >>> quiz = predict("1 + 1?", ["2", "3"], answer="2", why="Count.")
        >>> print(quiz.choose("a"))
        Right. Count.
    """
    options = list(options)
    if len(set(options)) < max(2, len(options)) or answer not in options:
        raise ArgumentError(
            "predict(question, options, answer, why)",
            expected="at least two different options, and one of them as the answer",
            got=f"options {options}, answer {answer!r}",
            hint='predict("1 + 1?", ["2", "3"], answer="2", why="Count.")',
        )
    return Prediction(question, options, answer, why)


class Prediction:
    """What `predict` returns. Choose an option by its letter; a wrong choice may be followed by another."""

    def __init__(self, question, options, answer, why):
        self.question, self.answer, self.why = question, answer, why
        self.options = dict(zip(string.ascii_lowercase, options))

    def choose(self, letter):
        """What there is to say about option `letter`, a string. Raises ArgumentError for no such option."""
        letter = str(letter).strip().lower()
        if letter not in self.options:
            raise ArgumentError(
                "choose(letter)",
                expected=" or ".join(self.options),
                got=repr(letter),
                hint='quiz.choose("a")',
            )
        if self.options[letter] == self.answer:
            return f"Right. {self.why}"
        return "Not this one. Run the experiment, look at its numbers, then choose again."

    def __repr__(self):
        listed = [f"  {letter}) {option}" for letter, option in self.options.items()]
        return "\n".join(
            [f"Predict: {self.question}", *listed, 'Answer with .choose("a"), .choose("b"), ...']
        )

    def _repr_html_(self):
        rows = "".join(
            f"<details style='margin:.3em 0 .3em 1em'><summary style='cursor:pointer'>{letter}) "
            f"{html.escape(option)}</summary><p style='margin:.3em 0 .6em 1.6em'>"
            f"{html.escape(self.choose(letter))}</p></details>"
            for letter, option in self.options.items()
        )
        asked = f"<b>Predict.</b> {html.escape(self.question)} <i>Click on your answer.</i>"
        return f"<div style='border-left:4px solid #0072B2;padding-left:.8em'><p>{asked}</p>{rows}</div>"


def picture(fig, alt):
    """`fig` as the last line of a cell, with a description in words for those who cannot see it.

    fig   from `minattn.plots.figure`
    alt   what the picture shows, in one or two sentences
    Returns a `Picture`. Raises ArgumentError without a description.
    """
    if not isinstance(alt, str) or not alt.strip():
        raise ArgumentError(
            "picture(fig, alt)",
            expected="a description in words",
            got=repr(alt),
            hint='picture(fig, "The loss falls from 2.1 to 0.3.")',
        )
    return Picture(fig, alt)


class Picture:
    """A figure and its description `alt`."""

    def __init__(self, fig, alt):
        self.fig, self.alt = fig, " ".join(alt.split())

    def __repr__(self):
        return f"Picture: {self.alt}"

    def _repr_mimebundle_(self, include=None, exclude=None):
        """HTML, which alone can carry the description to a screen reader, and PNG for other front ends."""
        file = io.BytesIO()
        self.fig.savefig(file, format="png")
        png = base64.b64encode(file.getvalue()).decode()
        shown = (
            f'<img src="data:image/png;base64,{png}" alt="{html.escape(self.alt)}" style="max-width:100%">'
        )
        return {"text/plain": repr(self), "text/html": shown, "image/png": png}
