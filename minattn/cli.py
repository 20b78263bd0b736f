"""The command line: `minattn --help`.

Every command lives in a module of its own, imported when the command is called: so `--help` is quick, and a
missing package hinders only the command that needs it.
"""

import difflib
import importlib

import click

from . import __version__
from .errors import MinattnError

COMMANDS = {  # in the order in which a newcomer meets them
    "tour": ("minattn.tour:tour", "Watch attention learn to translate. Start here."),
    "learn": ("minattn.commands.learn:learn", "See the lessons and your progress; open the next lesson."),
    "check": ("minattn.commands.check:check", "Check an exercise and get hints."),
    "papers": ("minattn.commands.papers:papers", "List the papers that can be run, and what they gave."),
    "run": (
        "minattn.commands.papers:run",
        "Train a paper's mechanism against its rivals; judge the claim.",
    ),
    "compare": (
        "minattn.commands.compare:compare",
        "Swap mixers, yours too, into one tiny transformer; see what each buys.",
    ),
    "bench": (
        "minattn.commands.bench:bench",
        "Time minattn beside PyTorch and JAX; see where its time goes.",
    ),
    "doctor": (
        "minattn.commands.doctor:doctor",
        "Say what this machine offers; mend what can be mended.",
    ),
}


class Commands(click.Group):
    """A group that imports its commands late and shows minattn's errors as four lines."""

    def list_commands(self, ctx):
        return list(COMMANDS)

    def get_command(self, ctx, name):
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        return getattr(importlib.import_module(module), attribute)

    def resolve_command(self, ctx, args):
        name = args[0]
        if name not in COMMANDS and not name.startswith("-"):
            near = difflib.get_close_matches(name.lower(), COMMANDS, n=3, cutoff=0.5)
            advice = f"Did you mean {' or '.join(near)}?" if near else "minattn --help lists them."
            ctx.fail(f"There is no command {name!r}. {advice}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx, formatter):
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def invoke(self, ctx):
        try:
            return super().invoke(ctx)
        except MinattnError as error:
            if ctx.params["traceback"]:
                raise
            show(error)
            ctx.exit(2)
        except EOFError as error:  # Numba's, from a cache file that was cut short
            cache = MinattnError(
                "the cache of compiled kernels",
                expected="whole files",
                got=f"EOFError: {error}",
                hint="minattn doctor --fix",
            )
            show(cache)
            ctx.exit(2)
        except KeyboardInterrupt:
            click.echo("\nStopped.", err=True)
            ctx.exit(130)


def show(error):
    """Print an error on stderr as a panel: where it happened, what was expected, what came, what to try."""
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    parts = Table.grid(padding=(0, 2))
    for name, text in (("expected", error.expected), ("got", error.got), ("try", str(error.hint))):
        parts.add_row(Text(name, "bold"), Text(text, overflow="fold"))
    title = Text(str(error.where), "bold red")
    Console(stderr=True).print(Panel(parts, title=title, title_align="left", border_style="red"))


@click.group(cls=Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__, prog_name="minattn")
@click.option("--traceback", is_flag=True, help="Show Python's traceback instead of the short error.")
def main(traceback):
    """Learn attention by building it.

    \b
    First hour:
      minattn tour            watch four translators train, with and without attention
      minattn learn next      open the first lesson
      minattn check softmax   check your first exercise
    Each command has its own help: minattn check --help
    """
