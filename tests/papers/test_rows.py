"""Every row: its facts, exact checks, fair arms; results file, atlas and pictures that belong together."""

import json
import re

import pytest

from minattn import papers, plots
from minattn.papers import base, results
from minattn.papers.runner import sizes
from minattn.training.study import check_fair

ROWS = papers.rows()
RECORDED = results.load()
DOCS = results.docs()


def each(*rows):
    return pytest.mark.parametrize("row", rows or ROWS, ids=lambda row: row.slug)


def built(row):
    """Arms, and the number of parameters of each, untrained."""
    arms = row.arms(row.world(row.paper.tune[0]))
    return arms, sizes(arms, 7)


def test_there_are_rows_with_numbers_titles_and_addresses_of_their_own():
    assert len(ROWS) >= 4
    for what in ("number", "title", "arxiv"):
        values = [getattr(row.paper, what) for row in ROWS]
        assert len(set(values)) == len(values), what
    assert len({row.slug for row in ROWS}) == len(ROWS)


@each()
def test_the_facts_of_the_paper_are_complete(row):
    paper, family = row.paper, row.module.__name__.split(".")[2]
    assert family.replace("_", "-") == paper.family
    assert row.module.__doc__.startswith(f"{paper.number}. ")
    assert re.fullmatch(r"\d{4}\.\d{4,5}", paper.arxiv)
    assert 0 <= paper.year - (2000 + int(paper.arxiv[:2])) <= 2
    assert all((paper.title, paper.slot, paper.lesson, paper.choose)) and paper.claim.endswith(".")
    assert 0 < paper.budget_s <= 60
    assert [name for name in base.PARTS if not callable(getattr(row.module, name, None))] == []


@each()
def test_exact_facts_hold(row):
    facts = row.exact()
    assert facts and [fact for fact, holds in facts.items() if not holds] == []


@each()
def test_arms_are_fair(row):
    arms, parameters = built(row)
    assert len(arms) >= 2
    check_fair(row.slug, arms, parameters)
    for arm in arms.values():
        rivals = [other for other in arms.values() if other.group == arm.group]
        assert 1 <= len(arm.rates) <= 3 and {other.rates for other in rivals} == {arm.rates}


@each()
def test_what_is_recorded_belongs_to_the_row(row):
    recorded, (arms, parameters) = RECORDED[row.slug], built(row)
    assert len(recorded["seeds"]) >= 3 and not set(recorded["seeds"]) & set(row.paper.tune)
    assert len(recorded["measured"]) == len(recorded["seeds"])
    assert recorded["parameters"] == parameters
    assert recorded["unequal"] == {name: arm.because for name, arm in arms.items() if arm.because}
    assert all(measured.keys() == arms.keys() for measured in recorded["measured"])


@each()
def test_recorded_rates_are_the_best_on_the_tuning_seeds(row):
    recorded, (arms, _) = RECORDED[row.slug], built(row)
    sign = -1 if row.paper.choose.startswith("-") else 1
    assert recorded["rates"].keys() == arms.keys()
    for name, arm in arms.items():
        table = recorded["tuning"].get(name, {})
        assert [float(rate) for rate in table] == (list(arm.rates) if len(arm.rates) > 1 else [])
        assert all(len(scores) == len(row.paper.tune) for scores in table.values())
        best = max(table, key=lambda rate: sign * sum(table[rate])) if table else arm.rates[0]
        assert recorded["rates"][name] == float(best)


@each()
def test_recorded_verdict_is_what_holds_says_of_the_recorded_numbers(row):
    recorded = RECORDED[row.slug]
    checks = row.holds(recorded["measured"])
    now = [[c.name, c.value, c.relation, c.bound, c.ok] for c in checks]
    assert [[*c[:1], *c[2:]] for c in now] == [[*c[:1], *c[2:]] for c in recorded["checks"]]
    assert [c[1] for c in now] == pytest.approx([c[1] for c in recorded["checks"]], abs=1e-6)
    assert recorded["verdict"] == base.verdict(row.paper, checks)


def test_atlas_is_made_from_the_results_file():
    assert (DOCS / "atlas.md").read_text(encoding="utf-8") == results.atlas(), "run papers.make_atlas()"


def test_every_recorded_row_has_its_picture_and_nothing_is_left_over():
    assert RECORDED.keys() == {row.slug for row in ROWS}
    pictures = {path.stem: path.read_bytes()[:8] for path in (DOCS / "atlas").iterdir()}
    assert pictures.keys() == RECORDED.keys()
    assert set(pictures.values()) == {b"\x89PNG\r\n\x1a\n"}


def test_summary_is_plain_json_with_what_the_command_promises():
    summary = json.loads(json.dumps(papers.summary()))
    keys = ["number", "slug", "title", "family", "module", "verdict", "measured", "seconds"]
    assert [list(one) for one in summary] == [keys] * len(ROWS)
    for one in summary:
        numbers = [value for metrics in one["measured"].values() for value in metrics.values()]
        assert numbers and all(low <= mean <= high for mean, low, high in numbers)


@pytest.mark.claims
@each()
def test_claim_at_one_seed(row, tmp_path):
    """What held on each recorded seed by itself holds on a fresh run; the rest is claimed of means only."""
    recorded = RECORDED[row.slug]
    always = set.intersection(*({c.name for c in row.holds([m]) if c.ok} for m in recorded["measured"]))
    run = papers.train(row, recorded["seeds"][0], recorded["rates"])
    checks = {check.name: check for check in row.holds([run.measured])}
    assert [str(checks[name]) for name in sorted(always) if not checks[name].ok] == []
    assert run.seconds <= 4 * row.paper.budget_s
    figure, axes = plots.figure()
    axes.remove()
    row.draw(figure, run)
    assert plots.save(figure, tmp_path / "picture.png").stat().st_size > 10_000
