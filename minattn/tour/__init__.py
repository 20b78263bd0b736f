"""`minattn tour`: four translators, a language model, pictures, and what comes next.

translate   trains the translators and measures them against the truth
language    trains the language model and measures it against n-gram rulers
pictures    what is saved
screen      what is shown in the terminal
"""

import click

from ..errors import ArgumentError


@click.command()
@click.option(
    "--backend",
    metavar="NAME",
    help="Compute with numpy, numba or cupy (default: MINATTN_BACKEND, else numba where it is installed).",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Another language, other start values.")
@click.option(
    "--out",
    type=click.Path(file_okay=False),
    default="minattn-tour",
    show_default=True,
    help="Folder of the pictures.",
)
@click.option("--long", "long_", is_flag=True, help="Train the language model for about five minutes.")
def tour(backend, seed, out, long_):
    """Watch attention learn to translate, in about a minute and a half.

    Trains four translators on the same invented language, with and without attention, and measures each
    against the truth: exact sentences, BLEU, and how often attention looks at the right word. Then trains a
    small language model on the Python reference and lets it write. Saves the pictures.

    \b
    Examples:
      minattn tour
      minattn tour --seed 3 --out my-tour
      minattn tour --long --backend numba
    Next: minattn learn
    """
    from .screen import Screen

    folder, name = prepare(backend, seed, out)
    if name == "numba":
        from ..commands.doctor import compile_all

        compile_all()  # so that no figure counts the compiler's time
    run(Screen(), seed, folder, name, long_)


def prepare(backend, seed, out):
    """Refuse what cannot work before anything is trained; returns the folder and the backend's name."""
    import os

    from .. import backends
    from ..plots import writable_folder

    if seed < 0:
        raise ArgumentError("minattn tour --seed", expected="a number from 0 on", got=seed, hint="--seed 0")
    if backend is None and not os.environ.get("MINATTN_BACKEND"):
        backend = "numba" if backends.available()["numba"] is None else "numpy"
    if backend is not None:
        backends.use(backend)
    return writable_folder(out, f"minattn tour --out {out}"), backends.current()


def run(screen, seed, folder, backend, long_=False, *, steps=600, language_steps=None):
    """The whole tour; returns (results of the translators, result of the language model)."""
    from . import language, pictures, translate

    screen.opening(seed, backend)
    world = translate.World.make(seed)
    screen.first_part(world)
    results = [translate.train(world, arm, seed, steps) for arm in translate.ARMS]
    screen.translators(world, results)
    saved = pictures.translators(folder, world, results)
    text = language.Text.load()
    screen.second_part(text)
    model = language.train(text, seed, language_steps or (language.LONG if long_ else language.SHORT))
    screen.language(model)
    saved += pictures.language(folder, model) + pictures.overview(folder, world, results, model)
    screen.closing(saved)
    return results, model
