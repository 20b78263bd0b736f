"""The figures for the terminal (rich tables) and for a page (Markdown): the same rows for both."""

from .contenders import OURS, PAIRS
from .figures import standing


def race_rows(found):
    """(contender, median, quartiles, x) of a race; x: how many times the time of minattn numba."""
    ours = found["rows"].get(OURS)
    for name, row in sorted(found["rows"].items(), key=lambda item: item[1]["median"]):
        median, low, high = (milliseconds(row[key]) for key in ("median", "low", "high"))
        times = f"{row['median'] / ours['median']:.2f}" if ours else ""
        yield name, median, f"{low} to {high}", times


RACE_HEAD = ("contender", "median, ms", "quartiles", f"x {OURS}")
HEAD = ("workload", "minattn, ms", "best peer, ms", "ratio", "quartiles", "goal", "x numpy")


def summary_rows(figures):
    """A row of HEAD for each race with both sides: ratio above 1 means that minattn is faster."""
    for name, found in figures["races"].items():
        for ours, device in PAIRS.items():
            if at := standing(found, ours):
                peer = f"{milliseconds(at['peer_ms'])} {at['peer']}"
                spread = f"{at['low']:.2f} to {at['high']:.2f}"
                plain = f"{at['numpy']:.1f}" if at["numpy"] else ""
                label = name if device == "cpu" else f"{name}, {device}"
                yield (
                    label,
                    milliseconds(at["ms"]),
                    peer,
                    f"{at['ratio']:.2f}",
                    spread,
                    f"{found['goal']:g}",
                    plain,
                )


def milliseconds(value):
    """Three figures that count."""
    return f"{value:.3g}" if value < 100 else f"{value:.0f}"


def rich_table(head, rows, title=None):
    """A table for the terminal; all columns but the first hold numbers."""
    from rich.table import Table
    from rich.text import Text

    table = Table(title=title, title_justify="left", title_style="bold", box=None, header_style="bold")
    for n, name in enumerate(head):
        table.add_column(name, justify="right" if n else "left", no_wrap=n == 0)
    for row in rows:
        table.add_row(*(Text(str(cell)) for cell in row))
    return table


def markdown(figures):
    """The whole page of the results."""
    parts = [
        "# Results",
        "Written by `minattn bench --out`; do not edit. README.md says how to read it.",
        _setting(figures),
        "## Beside the best peer",
        _markdown_table(HEAD, summary_rows(figures)),
        "## Every contender, median in ms",
        _markdown_table(*_everybody(figures["races"])),
        *_absences(figures["races"]),
    ]
    for part, title in (("growth", "Time in ms"), ("memory", "Peak memory in MB")):
        for name, series in figures[part].items():
            parts += [
                f"## {title} as T grows, {name}, forward and backward",
                _markdown_table(*growth_rows(series)),
            ]
    return "\n\n".join(parts) + "\n"


def growth_rows(series):
    """(head, rows) of a growth series: a row for each contender, a column for each T."""
    lengths = [str(t) for t in series["size"]["T"]]
    rows = [
        (name, *(milliseconds(values[t]) if t in values else "" for t in lengths))
        for name, values in series["of"].items()
    ]
    return ("contender", *lengths), rows


def _setting(figures):
    here, how = figures["machine"], figures["settings"]
    known = (
        here["processor"],
        f"{here['cores']} cores",
        here["vectors"],
        f"{here['memory_gb']} GB",
        here["system"],
        f"{how['threads']} threads each",
        how["date"],
    )
    lines = [", ".join(known), ""]
    for name, facts in figures["processes"].items():
        versions = ", ".join(f"{package} {version}" for package, version in facts["versions"].items())
        lines.append(f"- {name}: {versions}. Pools: {'; '.join(dict.fromkeys(facts['pools']))}.")
    return "\n".join(lines)


def _everybody(races):
    names = list(dict.fromkeys(name for found in races.values() for name in found["rows"]))
    rows = []
    for key, found in races.items():
        medians = (found["rows"].get(name, {}).get("median") for name in names)
        rows.append((f"{key}: {found['title']}", *("" if m is None else milliseconds(m) for m in medians)))
    return ("workload", *names), rows


def _absences(races):
    lines = [
        f"- {key}: {name} did not take part ({why})"
        for key, found in races.items()
        for name, why in found["absent"].items()
    ]
    return ["\n".join(lines)] if lines else []


def _markdown_table(head, rows):
    lines = [head, ("---", *["---:"] * (len(head) - 1)), *rows]
    return "\n".join("| " + " | ".join(str(cell).replace("|", "/") for cell in line) + " |" for line in lines)
