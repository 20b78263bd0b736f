"""What the tour shows in the terminal."""

import textwrap

from rich.console import Console
from rich.table import Table
from rich.text import Text

from .translate import GROUPS, LONG

SHADES = " ░▒▓█"


def map_text(weights, source, target, links):
    """An attention map as text: darker = more weight, [brackets] = the gold links; target words are rows.

    weights (T,S), source S words, target T words, links a set of (target index, source index).
    """
    width = max(len(word) for word in target)
    height = max(len(word) for word in source)
    lines = [
        " " * (width + 1) + "".join(f" {word.rjust(height)[i]} " for word in source) for i in range(height)
    ]
    for t, (word, row) in enumerate(zip(target, weights)):
        cells = ""
        for s, weight in enumerate(row):
            shade = SHADES[min(int(weight * len(SHADES)), len(SHADES) - 1)]
            cells += f"[{shade}]" if (t, s) in links else f" {shade} "
        lines.append(f"{word.rjust(width)} {cells}")
    return "\n".join(line.rstrip() for line in lines)


class Screen:
    """The tour's voice."""

    def __init__(self, console=None):
        self.console = console or Console()

    def say(self, text="", style=None):
        self.console.print(Text(text, style or ""), highlight=False)

    def opening(self, seed, backend):
        self.say("minattn: learn attention by building it", "bold")
        self.say(f"Everything you see is NumPy written to be read (backend {backend}, seed {seed}).", "dim")

    def first_part(self, world):
        pair = world.corpus.test[world.example]
        self.say()
        self.say("1  Can a network translate a language that nobody speaks?", "bold")
        self.say(f"   source  {' '.join(pair.source)}")
        self.say(f"   target  {' '.join(pair.target)}")
        self.say(
            f"   {len(world.train)} sentence pairs to learn from, {len(world.test)} new ones as the test.\n"
            "   Verbs and adjectives move, some words become two; the truth is known exactly.\n"
        )

    def translators(self, world, results):
        """The table of all translators, the yardstick, and the best map."""
        table = Table(box=None, pad_edge=False, padding=(0, 1), header_style="bold")
        table.add_column("")
        groups = [f"{low}-{high}" for low, high in GROUPS]
        columns = [*(f"exact %\n{g}" for g in groups), *(f"BLEU\n{g}" for g in groups)]
        for name in ("params", *columns, "AER", "s"):
            table.add_column(name, justify="right", no_wrap=True)
        for r in results:
            exact = [f"{100 * r.exact[g]:.0f}" for g in GROUPS]
            bleu = [f"{r.bleu[g]:.0f}" for g in GROUPS]
            error = "-" if r.aer is None else f"{r.aer:.3f}"
            table.add_row(r.name, f"{r.parameters:,}", *exact, *bleu, error, f"{r.seconds:.0f}")
        blanks = [""] * (1 + 2 * len(GROUPS))
        table.add_row("IBM Model 1", *blanks, f"{world.yardstick:.3f}", "", style="dim")
        self.console.print(table)
        self.say(
            "exact: sentences without a wrong word, by number of source words. AER: alignment\n"
            "error rate, how often attention looks at a word that it should not (0 = never).\n"
            "IBM Model 1 aligns by counting alone: the yardstick.",
            "dim",
        )
        best = min((r for r in results if r.maps), key=lambda r: r.aer)
        without = next(r for r in results if not r.maps)
        most = max(r.long for r in results)
        self.say(
            f"\nSentences of {LONG} words and more: {most:.0%} exact with attention, "
            f"{without.long:.0%} without.\n"
            "One vector cannot hold a sentence; attention looks back at it."
        )
        pair = world.corpus.test[world.example]
        self.say(f"\nWhere {best.name} looks while it writes (rows: its words; brackets: the truth)\n")
        self.say(map_text(best.maps[world.example], pair.source, pair.target, pair.links))

    def second_part(self, text):
        self.say()
        self.say("2  Can a network write Python's manual?", "bold")
        self.say(f"   {len(text.train):,} characters to learn from, {len(text.held_out):,} held out.\n")

    def language(self, model):
        """Bits per character beside the rulers, and a sample."""
        table = Table(box=None, pad_edge=False, header_style="bold")
        table.add_column("model")
        table.add_column("bits per character, held out", justify="right")
        rows = [(f"n-gram of order {order}", bits, "dim") for order, bits in model.rulers.items()]
        rows.append(
            (f"transformer, {model.parameters:,} parameters, {model.seconds:.0f} s", model.bits, "bold")
        )
        for name, bits, style in sorted(rows, key=lambda row: -row[1]):
            table.add_row(name, f"{bits:.2f}", style=style)
        self.console.print(table)
        self.say("Fewer bits: less surprised. Order 2 knows the last character, 3 the last two.", "dim")
        self.say(f"\nIt writes (with the key-value cache, {model.speed:.0f} characters a second):\n")
        for line in model.sample.splitlines():
            self.say("\n".join("   " + part for part in textwrap.wrap(line, 74)))

    def closing(self, saved):
        self.say()
        self.say(f"Pictures in {saved[0].parent}", "bold")
        for path in saved:
            self.say(f"   {path.name}")
        self.say()
        self.say("Next: build it yourself.  minattn learn", "bold")
