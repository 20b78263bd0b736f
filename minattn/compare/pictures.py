"""A comparison as a picture: what state, length and cost do to accuracy."""

from .. import plots
from .comparison import FACTORS


def draw(comparison, path):
    """Accuracy against state size, accuracy against length, cost against length. Returns the path."""
    fig, (left, middle, right) = plots.figure(1, 3, width=15, height=4.6)
    measured = comparison.study.measured
    known = {name: state for name, state in comparison.state.items() if state is not None}
    at = comparison.task.length
    if known:
        values = {name: (known[name][at], measured[name]["1x"]) for name in known}
        plots.trade_off(
            left, values, order=list(measured), xlabel=f"state after {at} tokens, floats", ylabel="accuracy"
        )
    left.set_title(f"{comparison.name}: accuracy against state")
    lines = {name: {f"{f}x": comparison.study.mean(name, f"{f}x") for f in FACTORS} for name in measured}
    plots.lines_by_group(
        middle, lines, xlabel="length / training length", ylabel="accuracy", title="accuracy against length"
    )
    costs = {name: cost for name, cost in comparison.cost.items() if cost is not None}
    if costs:
        series = {name: (list(cost), list(cost.values())) for name, cost in costs.items()}
        plots.doubling(right, series, ylabel="multiply-adds of one more token", title="cost against length")
        right.get_legend().remove()  # the colours are those of the other two
    return plots.save(fig, path)
