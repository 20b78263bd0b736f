"""Frames: what goes in comes out, and every malformed frame is refused by name, in bounded memory."""

import io
import json
import struct

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from minattn.grading import frames
from minattn.grading.frames import FrameError

SHAPES = hnp.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=5)
ARRAYS = st.sampled_from(["f4", "f8", "i8", "?"]).flatmap(lambda dtype: hnp.arrays(dtype, SHAPES))
PLAIN = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**60), 2**60),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text(st.characters(codec="utf-8"), max_size=20),
    st.lists(st.integers(0, 99), max_size=8).map(tuple),
)


def frame(head, raw=b"", header_length=None, raw_length=None):
    header = head if isinstance(head, bytes) else json.dumps(head).encode()
    lengths = (
        len(header) if header_length is None else header_length,
        len(raw) if raw_length is None else raw_length,
    )
    return struct.pack("<II", *lengths) + header + raw


def one(dtype, shape, raw=b"", **keys):
    return frame({"args": [{"dtype": dtype, "shape": shape, **keys}]}, raw)


@given(st.lists(st.one_of(ARRAYS, PLAIN), max_size=5))
@settings(max_examples=60, deadline=None)
def test_round_trip(items):
    head, back = frames.read(io.BytesIO(frames.pack({"fn": "f"}, items)))
    assert head == {"fn": "f"} and len(back) == len(items)
    for sent, got in zip(items, back):
        if isinstance(sent, np.ndarray):
            assert got.dtype == sent.dtype and got.shape == sent.shape
            assert got.tobytes() == sent.tobytes() and not got.flags.writeable
        else:
            assert type(got) is type(sent) and got == sent


def test_layouts_of_memory_do_not_matter():
    array = np.arange(30.0).reshape(2, 3, 5)
    for view in (array.T, array[:, ::-1], array[..., ::2], array.astype(">f8")):
        _, (back,) = frames.read(io.BytesIO(frames.pack({}, [view])))
        np.testing.assert_array_equal(back, view)
        assert back.dtype == np.float64 and back.dtype.isnative


def test_two_frames_in_a_row():
    stream = io.BytesIO(frames.pack({"n": 1}, [np.arange(3)]) + frames.pack({"n": 2}))
    assert frames.read(stream)[0] == {"n": 1} and frames.read(stream)[0] == {"n": 2}
    with pytest.raises(FrameError) as caught:
        frames.read(stream)
    assert caught.value.name == "end"


MALFORMED = {
    "end": [b""],
    "truncated": [
        b"\x01\x00",
        frame({"args": []}, header_length=20),
        frame({"args": []})[:-1],
        one("f8", [2], b"\0" * 16)[:-1],
    ],
    "header-too-long": [struct.pack("<II", 4097, 0), b"\xff" * 8],
    "raw-too-long": [struct.pack("<II", 2, 2**24 + 1)],
    "bad-json": [
        frame(b"{"),
        frame(b"\xff\xfe"),
        frame(b"[" * 4096),
        frame(b'{"args": [], "x": NaN}'),
        frame(b""),
        b"\x80\x02\x00\x00\0\0\0\0" + b"\x80\x04\x95" * 300,
    ],
    "bad-header": [
        frame([]),
        frame(7),
        frame({}),
        frame({"args": 3}),
        frame({"args": [3]}),
        frame({"args": [{"dtype": "f8"}]}),
        one("f8", [], b"\0" * 8, order="F"),
        frame({"args": [{"value": 1, "shape": []}]}),
    ],
    "bad-dtype": [
        one("O", [1], b"\0" * 8),
        one("c16", [1], b"\0" * 16),
        one("<f8", [1], b"\0" * 8),
        one(["f8"], [1], b"\0" * 8),
        one("f2", [1], b"\0\0"),
        one({}, []),
    ],
    "bad-rank": [one("f8", [1] * 9, b"\0" * 8)],
    "bad-shape": [
        one("f8", [-1], b""),
        one("f8", [1.0], b"\0" * 8),
        one("f8", [True], b"\0" * 8),
        one("f8", "3", b"\0" * 24),
        one("f8", [2**62, 0]),
        one("f8", {"0": 1}),
    ],
    "size-mismatch": [
        one("f8", [2], b"\0" * 15),
        one("f8", [2], b"\0" * 17),
        one("f8", [10**6, 10**6]),
        one("bool", [3], b"\0" * 24),
        frame({"args": []}, b"\0"),
    ],
    "bad-bool": [one("bool", [2], b"\x01\x02")],
    "bad-value": [
        frame({"args": [{"value": "x" * 65}]}),
        frame({"args": [{"value": {}}]}),
        frame({"args": [{"value": [1.5]}]}),
        frame({"args": [{"value": [1] * 9}]}),
        frame(b'{"args": [{"value": 1e999}]}'),
    ],
}


@pytest.mark.parametrize("name, raw", [(name, raw) for name, raws in MALFORMED.items() for raw in raws])
def test_malformed_frames_have_a_name(name, raw):
    with pytest.raises(FrameError) as caught:
        frames.read(io.BytesIO(raw))
    assert caught.value.name == name


def test_an_answer_may_hold_arrays_only():
    with pytest.raises(FrameError, match="bad-header"):
        frames.read(io.BytesIO(frames.pack({}, [1])), plain=False)


@given(st.binary(max_size=200))
@settings(max_examples=200, deadline=None)
def test_noise_never_raises_anything_else(noise):
    for raw in (
        noise,
        frame(noise),
        struct.pack("<II", min(len(noise), 40), max(0, len(noise) - 40)) + noise,
    ):
        try:
            frames.read(io.BytesIO(raw))
        except FrameError as error:
            assert error.name


@given(st.integers(0, 10**6), st.integers(0, 255))
@settings(max_examples=200, deadline=None)
def test_one_changed_byte_is_refused_or_gives_arrays(place, value):
    raw = bytearray(frames.pack({"id": "x"}, [np.arange(6.0).reshape(2, 3), np.array([True, False])]))
    raw[place % len(raw)] = value
    try:
        _, items = frames.read(io.BytesIO(bytes(raw)), plain=False)
    except FrameError as error:
        assert error.name
    else:
        assert all(isinstance(item, np.ndarray) for item in items)


@pytest.mark.parametrize(
    "item", [np.array([None]), np.zeros(2, complex), np.zeros(2, "f2"), np.zeros(2, "M8[s]")]
)
def test_only_four_dtypes_are_sent(item):
    with pytest.raises(FrameError, match="bad-dtype"):
        frames.pack({}, [item])


@pytest.mark.parametrize("item", [object(), {"a": 1}, [1.5], "x" * 65, float("nan"), b"x"])
def test_only_plain_values_are_sent(item):
    with pytest.raises(FrameError, match="bad-value"):
        frames.pack({}, [item])


def test_what_is_too_large_is_not_sent():
    with pytest.raises(FrameError, match="raw-too-long"):
        frames.pack({}, [np.broadcast_to(0.0, (2**22, 1))])
    with pytest.raises(FrameError, match="header-too-long"):
        frames.pack({"x": "y" * 5000})


@pytest.mark.parametrize(
    "result, dtype, shape",
    [
        (3, "i8", ()),
        (2.5, "f8", ()),
        (True, "?", ()),
        (np.float32(2), "f4", ()),
        (np.zeros((2, 3), "i2"), "i8", (2, 3)),
        (np.zeros(2, "u4"), "i8", (2,)),
        (np.zeros((2, 3)).view(np.matrix), "f8", (2, 3)),
        (np.ma.masked_array(np.zeros(3), [1, 0, 0]), "f8", (3,)),
    ],
)
def test_results_become_plain_arrays(result, dtype, shape):
    (array,), many = frames.as_arrays(result)
    assert type(array) is np.ndarray and array.dtype == dtype and array.shape == shape and not many


@pytest.mark.parametrize(
    "result",
    [
        None,
        "3",
        [1.0],
        {},
        object(),
        np.array([None]),
        np.zeros(2, complex),
        np.zeros(2, "u8"),
        (1, None),
        10**30,
    ],
)
def test_other_results_have_the_wrong_type(result):
    with pytest.raises(FrameError, match="wrong-type"):
        frames.as_arrays(result)
