import copy

import numpy as np
import pytest

from minattn import Tensor
from minattn.errors import CheckpointError
from minattn.nn import Dropout, Linear, Module, Parameter


class Leaf(Module):
    def __init__(self, n):
        self.weight = Parameter(np.full(n, float(n)))


class Tree(Module):
    def __init__(self):
        self.first = Leaf(2)
        self.many = [Leaf(3), (Leaf(5), Leaf(7))]
        self.named = {"a": Leaf(11), "b": [Parameter(np.zeros((13, 2)))]}
        self.tied = self.first
        self.also_tied = self.many[0].weight
        self.nothing, self.number, self.array, self.constant = None, 17, np.ones(19), Tensor(np.ones(23))


NAMES = ["named.b.0", "also_tied", "first.weight", "many.1.0.weight", "many.1.1.weight", "named.a.weight"]


def test_parameters_are_found_in_attributes_lists_tuples_and_dicts_and_shared_ones_once():
    tree = Tree()
    assert sorted(name for name, _ in tree.named_parameters()) == sorted(NAMES)
    assert len(tree.parameters()) == len(set(map(id, tree.parameters()))) == 6
    assert tree.n_parameters() == 2 + 3 + 5 + 7 + 11 + 26


def test_modules_come_from_the_outside_in_and_once():
    paths = [path for path, _ in Tree().named_modules()]
    assert paths == ["", "first", "many.0", "many.1.0", "many.1.1", "named.a"]
    assert [path for path, _ in Tree().named_modules("tree")][:2] == ["tree", "tree.first"]


def test_a_module_that_contains_itself_is_walked_once():
    leaf = Leaf(2)
    leaf.parent = leaf
    assert leaf.n_parameters() == 2 and leaf.modules() == [leaf]


def test_train_and_eval_reach_every_module():
    tree = Tree()
    assert tree.training and tree.eval() is tree
    assert not any(m.training for m in tree.modules())
    assert tree.train() is tree and all(m.training for m in tree.modules())


def test_zero_grad_forgets():
    tree = Tree()
    for parameter in tree.parameters():
        parameter.grad = np.ones(parameter.shape)
    tree.zero_grad()
    assert all(parameter.grad is None for parameter in tree.parameters())


def test_state_dict_holds_copies_and_goes_round():
    tree, other = Tree(), Tree()
    state = tree.state_dict()
    assert sorted(state) == sorted(NAMES) and all(type(a) is np.ndarray for a in state.values())
    for value in state.values():
        value += 1.5
    assert tree.first.weight.data.tolist() == [2.0, 2.0], "changing the copy leaves the model alone"
    other.load_state_dict(state)
    assert other.first.weight.data.tolist() == [3.5, 3.5]
    assert other.first.weight.dtype == np.float32
    state["first.weight"][:] = 0
    assert other.first.weight.data.tolist() == [3.5, 3.5], "the model does not share the given array"


def test_loading_keeps_the_parameter_objects_so_that_optimisers_stay_in_touch():
    tree = Tree()
    before = list(map(id, tree.parameters()))
    tree.load_state_dict(tree.state_dict())
    assert list(map(id, tree.parameters())) == before


@pytest.mark.parametrize(
    "spoil, word",
    [
        (lambda s: s.pop("first.weight"), "missing: first.weight"),
        (lambda s: s.update(extra=np.ones(2)), "unknown: extra"),
        (lambda s: s.update({"named.a.weight": np.ones(12)}), r"misfit: named.a.weight float64 \(12,\)"),
        (lambda s: s.update({"named.a.weight": np.full(11, "x")}), "misfit: named.a.weight <U1"),
    ],
)
def test_a_state_that_does_not_fit_changes_nothing(spoil, word):
    tree = Tree()
    before = tree.state_dict()
    state = {name: array + 1 for name, array in before.items()}
    spoil(state)
    with pytest.raises(CheckpointError, match=word):
        tree.load_state_dict(state)
    for name, array in tree.state_dict().items():
        np.testing.assert_array_equal(array, before[name])


def test_long_lists_of_faults_are_cut():
    with pytest.raises(CheckpointError) as caught:
        Tree().load_state_dict({})
    assert caught.value.got.endswith(" ..") and caught.value.got.count(",") == 3


def test_a_deep_copy_is_independent():
    layer = Linear(2, 3, rng=np.random.default_rng(0))
    other = copy.deepcopy(layer)
    other.weight.data[:] = 0
    assert np.abs(layer.weight.data).min() > 0 and other.weight.requires_grad


def test_forward_must_be_written():
    with pytest.raises(NotImplementedError, match="Module has no forward"):
        Module()()


def test_repr_counts_parameters():
    assert repr(Leaf(1234)) == "Leaf(1,234 parameters)"
    assert repr(Dropout(0.5, rng=np.random.default_rng(0))) == "Dropout(0 parameters)"
