"""What `minattn run` and `minattn papers` do."""

from pathlib import Path

from ..errors import OutputError
from . import results
from .base import find, verdict
from .runner import choose_rates, train


def rates_of(row):
    """The recorded learning rates of a row, else chosen now on the tuning seeds; and the table behind them."""
    known = results.load().get(row.slug)
    return (known["rates"], known["tuning"]) if known else choose_rates(row)


def run(slug, seeds=(0,), out=None, record=False, say=print):
    """Train, measure and judge a row.

    slug     which row
    seeds    the seeds to report, none of them a tuning seed
    out      folder for the picture, default minattn-runs
    record   choose the learning rates anew, and put numbers and picture into the checkout (results file, docs/atlas)
    say      called with each line of the report
    Returns (entry of the results file, path of the picture). Raises ArgumentError for an unknown slug and
    OutputError where `out` cannot be written, before any training.
    """
    row = find(slug)
    folder = _folder(results.FILE.parents[2] / "docs" / "atlas" if record else Path(out or "minattn-runs"))
    say(f"{row.paper.number}. {row.paper.title} ({row.paper.year}), arXiv {row.paper.arxiv}")
    say("claim: " + " ".join(row.paper.claim.split()))
    rates, table = choose_rates(row) if record else rates_of(row)
    runs = []
    for seed in seeds:
        runs.append(train(row, seed, rates))
        for arm, metrics in runs[-1].measured.items():
            numbers = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())
            say(f"  seed {seed}  {arm} ({runs[-1].parameters[arm]:,} parameters, lr {rates[arm]:g}): {numbers}")
    checks = row.holds([r.measured for r in runs])
    for check in checks:
        say(f"  {check}")
    say(f"verdict: {verdict(row.paper, checks)}   ({sum(r.seconds for r in runs) / len(runs):.1f} s a seed)")
    picture = _picture(row, runs[0], folder / f"{row.slug}.png")
    say(f"picture: {picture}")
    recorded = results.entry(row, runs, rates, table)
    if record:
        results.record(row.slug, recorded)
    return recorded, picture


def _folder(path):
    try:
        path.mkdir(parents=True, exist_ok=True)
        probe = path / ".minattn-writable"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise OutputError("minattn run --out", expected="a folder that can be written", got=error, hint="--out DIR") from error
    return path


def _picture(row, run, path):
    from ..plots import figure, save

    drawn = figure(width=10, height=4)
    row.draw(drawn, run)
    save(drawn, path)
    return path


def make_atlas():
    """Write docs/atlas.md from the results file; returns its path."""
    page = results.FILE.parents[2] / "docs" / "atlas.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(results.atlas())
    return page
