"""What `minattn run` and `minattn papers` do."""

from ..errors import ArgumentError, BackendMissing
from ..plots import writable_folder
from . import results
from .base import find
from .runner import choose_rates, train


def run(slug, seeds=(0,), out=None, record=False, say=print):
    """Train, measure and judge a row.

    slug     which row
    seeds    the seeds to report, none of them a tuning seed
    out      folder for the picture, default minattn-runs
    record   choose the learning rates anew, and put numbers and picture into the checkout
    say      called with each line of the report
    Returns (entry of the results file, path of the picture or None without matplotlib). Before any training,
    raises ArgumentError for an unknown slug or a tuning seed, OutputError where `out` cannot be written.
    """
    row = find(slug)
    _check_seeds(row, seeds)
    folder = writable_folder(
        results.docs() / "atlas" if record else out or "minattn-runs", "minattn run --out"
    )
    say(f"{row.paper.number}. {row.paper.title} ({row.paper.year}), arXiv {row.paper.arxiv}")
    say("claim: " + " ".join(row.paper.claim.split()))
    rates, table = _rates(row, record, say)
    runs = []
    for seed in seeds:
        runs.append(train(row, seed, rates))
        _report(runs[-1], rates, say)
    entry = results.entry(row, runs, rates, table)
    for check in row.holds([r.measured for r in runs]):
        say(f"  {check}")
    say(f"verdict: {entry['verdict']}, {entry['seconds']} s a seed")
    if row.paper.part:
        say(f"a miniature can show: {' '.join(row.paper.part.split())}")
    picture = _picture(row, runs[0], folder / f"{row.slug}.png", say)
    if record:
        results.record(row.slug, entry)
    return entry, picture


def _check_seeds(row, seeds):
    if not seeds or set(seeds) & set(row.paper.tune) or min(seeds) < 0:
        raise ArgumentError(
            f"run({row.slug!r}, seeds)",
            expected=f"seeds >= 0, none of {row.paper.tune}, on which learning rates were chosen",
            got=seeds,
            hint="seeds=(0, 1, 2)",
        )


def _rates(row, anew, say):
    """{arm: learning rate} and the table behind it: as recorded, else chosen now."""
    known = results.load().get(row.slug)
    if known and not anew and known["rates"].keys() == row.arms(row.world(0)).keys():
        return known["rates"], known["tuning"]
    say(f"choosing learning rates on seeds {', '.join(map(str, row.paper.tune))}")
    return choose_rates(row)


def _report(run, rates, say):
    width = max(map(len, run.measured))
    say(f"  seed {run.seed}, {run.seconds:.1f} s")
    for arm, metrics in run.measured.items():
        numbers = "  ".join(f"{name} {value:.3f}" for name, value in metrics.items())
        say(f"    {arm:{width}}  {run.parameters[arm]:7,} parameters  lr {rates[arm]:<6g}  {numbers}")


def _picture(row, run, path, say):
    from ..plots import figure, save

    try:
        drawn, axes = figure(width=10, height=4)
    except BackendMissing as missing:
        say(f"no picture: {missing.hint}")
        return None
    axes.remove()
    row.draw(drawn, run)
    say(f"picture: {save(drawn, path)}")
    return path


def make_atlas():
    """Write docs/atlas.md from the results file; returns its path."""
    page = results.docs() / "atlas.md"
    page.parent.mkdir(exist_ok=True)
    page.write_text(results.atlas(), encoding="utf-8")
    return page
