"""A bank of summaries: what is written, what is gone, what stays as it was."""

import numpy as np
import pytest

from minattn import attention as A
from minattn import precision
from minattn.attention.memory import FIFOMemory, TokenCache
from minattn.attention.mixers.recurrent_memory import RecurrentMemory
from minattn.autodiff import Tensor, as_tensor, gradcheck
from minattn.errors import ArgumentError

B, N, L, D, M = 2, 7, 5, 6, 3


@pytest.fixture(autouse=True)
def exact():
    with precision(64):
        yield


@pytest.fixture
def h(rng):
    return as_tensor(rng.normal(size=(B, N, L, D)))


@pytest.fixture
def memory(rng):
    made = FIFOMemory(D, M, rng=rng)
    for parameter in made.parameters():
        parameter.data = rng.normal(size=parameter.shape)
    return made


def opened(memory, bias):
    memory.gate_new.weight.data[:], memory.gate_last.data[:], memory.gate_new.bias.data[:] = 0, 0, bias
    return memory


def written(memory, h):
    bank = None
    for i in range(h.shape[1]):
        bank = memory.write(bank, h[:, i])
    return bank.data


def test_the_formulas_of_one_slot(memory, h):
    e = np.exp(h.data[1, 0] @ memory.pool.data[:, 0])
    u = e @ h.data[1, 0] / e.sum()
    new = np.tanh(memory.update.weight.data @ u + memory.update.bias.data)
    last = np.full((1, 1, D), 0.3)
    z = memory.gate_new.weight.data @ u + memory.gate_new.bias.data + memory.gate_last.data @ last[0, 0]
    g = 1 / (1 + np.exp(-z))
    slot = memory.slots(h[1:, :1], last=as_tensor(last)).data[0, 0]
    np.testing.assert_allclose(slot, g * new + (1 - g) * 0.3, atol=1e-12)


def test_an_open_gate_keeps_the_last_summaries_and_a_shut_one_the_slot_before(memory, h, rng):
    memory.update.weight.data, memory.update.bias.data[:] = 1e-5 * np.eye(D), 0  # tanh(x) = x
    np.testing.assert_allclose(
        written(opened(memory, 60), h), 1e-5 * memory.summarise(h).data[:, -M:], atol=1e-12
    )
    last = as_tensor(rng.normal(size=(B, 1, D)))
    shut = opened(memory, -800).slots(h, last=last).data
    np.testing.assert_array_equal(shut, np.broadcast_to(last.data, shut.shape))


def test_written_one_by_one_is_all_at_once(memory, h):
    np.testing.assert_allclose(written(memory, h), memory.slots(h).data[:, -M:], atol=1e-12)
    assert written(memory, h).size == B * memory.floats()


def test_the_bank_of_a_segment_holds_the_slots_before_it_and_no_more(memory):
    expected = [[0] * 5, [1, 0, 0, 0, 0], [1, 1, 0, 0, 0], [1, 1, 1, 0, 0], [0, 1, 1, 1, 0]]
    np.testing.assert_array_equal(memory.visible(5), np.array(expected, dtype=bool))


def test_padding_is_not_summarised(memory, h):
    valid = np.arange(L) < np.array([3, 0])[:, None, None] + np.zeros((1, N, 1))
    shown = memory.summarise(h, valid).data
    np.testing.assert_allclose(shown[0], memory.summarise(h[:1, :, :3]).data[0], atol=1e-12)
    assert not shown[1].any()


def test_a_mean_is_the_pooling_of_equal_tokens(h, rng):
    mean = FIFOMemory(D, M, rng=rng, summary="mean").summarise(h).data
    np.testing.assert_allclose(mean, h.data.mean(2), atol=1e-12)
    np.testing.assert_allclose(FIFOMemory(D, M, rng=rng).summarise(h).data, mean, atol=1e-12)
    with pytest.raises(ArgumentError):
        FIFOMemory(D, M, rng=rng, summary="sum")


@pytest.mark.parametrize("n_tokens", [0, 3, 12])
def test_raw_tokens_written_one_by_one_are_those_before_a_segment(h, n_tokens):
    cache, tokens = TokenCache(D, n_tokens), h.data.reshape(B, -1, D)
    seen = cache.visible(N, L)
    np.testing.assert_array_equal(seen.sum(1), np.minimum(np.arange(N) * L, n_tokens))
    np.testing.assert_array_equal(written(cache, h[:, :4]), tokens[:, seen[4]])
    assert cache.floats() == n_tokens * D


def test_gradients_reach_everything_through_the_bank(memory, rng):
    def run(x, pool, update):
        memory.pool, memory.update.weight = pool, update
        return mixer(x)

    mixer = RecurrentMemory(D, 1, memory, segment=2, chunk=1, rng=rng)
    shapes = (2, 7, D), (D, 1), (D, D)
    assert gradcheck(run, *(rng.normal(size=shape) for shape in shapes), most=15) < 1e-6
    x = Tensor(rng.normal(size=(1, 14, D)), requires_grad=True)
    opened(memory, 60)
    mixer(x)[:, 12:].sum().backward()
    assert not x.grad[:, :6].any() and x.grad[:, 6:].any(axis=-1).all(), "three slots of two tokens back"


@pytest.mark.parametrize("memory", [lambda rng: FIFOMemory(8, 2, rng=rng), lambda rng: TokenCache(8, 3)])
def test_token_by_token_is_the_whole_stream(memory, rng):
    mixer = RecurrentMemory(8, 2, memory(rng), segment=5, chunk=2, rng=rng)
    x, state, outs = as_tensor(rng.normal(size=(3, 23, 8))), None, []
    for t in range(23):
        out, state = mixer.step(x[:, t : t + 1], state)
        outs.append(out.data)
    np.testing.assert_allclose(np.concatenate(outs, axis=1), mixer(x).data, atol=1e-12)


def test_without_a_memory_it_is_two_attentions_of_the_page(rng):
    mixer = RecurrentMemory(8, 2, TokenCache(8, 0), segment=20, chunk=4, rng=rng)
    x, total = rng.normal(size=(3, 20, 8)), 0
    for masks in ([A.Causal()], [A.Causal(), A.masks.Chunk(4)]):
        attention = A.Attention(A.MultiHead(8, 2, rng=rng, bias=False), positions=[A.Rotary(4)], masks=masks)
        for name in ("w_q", "w_k", "w_v", "w_o"):
            setattr(attention.projection, name, getattr(mixer, name))
        total = total + attention(x).data
    np.testing.assert_allclose(mixer(x).data, total, atol=1e-12)


def test_chunks_are_blocks_on_the_diagonal():
    t = A.Trace(None, None, q_pos=np.arange(3, 9), k_pos=np.arange(9))
    np.testing.assert_array_equal(A.masks.Chunk(3)(t), np.kron(np.eye(3), np.ones((3, 3)))[3:] > 0)
    assert A.masks.Chunk(9)(t).all()
    np.testing.assert_array_equal(A.masks.Chunk(1)(t), np.eye(9)[3:] > 0)
