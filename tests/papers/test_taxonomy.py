"""The taxonomy: every kind has a member that runs, every mixer a kind that is known."""

import json

import numpy as np
from click.testing import CliRunner

from minattn import cli
from minattn.attention import mixers
from minattn.papers import taxonomy


def said(*args):
    return CliRunner().invoke(cli.main, ["papers", "--by", "taxonomy", *args], prog_name="minattn")


def test_no_kind_is_without_a_runnable_member():
    assert [kind for kind in taxonomy.taxonomy() if not kind["mixers"]] == []


def test_every_mixer_has_one_place_and_the_tree_knows_it():
    kinds = taxonomy.taxonomy()
    assert sorted(name for kind in kinds for name in kind["mixers"]) == sorted(mixers.registry())
    places = [(kind["family"], kind["kind"]) for kind in kinds]
    assert [place for place in places if place in taxonomy.TREE] == list(taxonomy.TREE)
    families = [family for family, _ in places]
    assert families == sorted(families, key=["full", "linear", "sparse", "hybrid"].index)


def test_sources_are_read_off_the_docstrings():
    make = mixers.load("retention")
    made = make(8, 2, rng=np.random.default_rng(0))
    assert taxonomy.sources(make, made)[0] == "2307.08621"  # its file
    assert "2006.16236" in taxonomy.sources(make, made)  # the class behind it


def test_the_command_prints_the_tree_and_json():
    shown = said()
    assert shown.exit_code == 0 and "block-routed" in shown.stdout and "softmax" in shown.stdout
    assert json.loads(said("--json").stdout) == taxonomy.taxonomy()
