"""The frames that grader and worker exchange: arrays and plain values, nothing that can run.

    u32 header length | u32 raw length | JSON header | raw bytes, everything little-endian

The header is an object; its key `args` lists what the raw bytes hold, in order: `{"dtype", "shape"}` for an
array, `{"value"}` for a plain value (None, bool, int, float, str, or a list of int, which arrives as a
tuple). The lengths are checked against caps before anything is read, the shapes before anything is built.
There is no pickle and no .npy, because both let the sender decide how much memory the reader takes.

The worker loads this file by its path, in a process without minattn: only NumPy and the standard library.
"""

import json
import math
import struct

import numpy as np

HEADER_CAP = 4096
RAW_CAP = 16 * 2**20
RANK_CAP = 8
TEXT_CAP = 64
DTYPES = {"f4": "<f4", "f8": "<f8", "i8": "<i8", "bool": "|u1"}


class FrameError(ValueError):
    """A frame that cannot be read or written; `name` says in one word why."""

    def __init__(self, name, detail):
        self.name, self.detail = name, detail
        super().__init__(f"{name}: {detail}")


def pack(head, items=()):
    """The bytes of one frame: the keys of `head`, and arrays or plain values in `items`.

    >>> import io
    >>> read(io.BytesIO(pack({"fn": "f"}, [np.arange(3), -1])))
    ({'fn': 'f'}, [array([0, 1, 2]), -1])
    """
    specs, raws = [], []
    for item in items:
        if isinstance(item, np.ndarray):
            spec, raw = _pack_array(item)
            specs.append(spec)
            raws.append(raw)
        else:
            specs.append({"value": _plain(list(item) if isinstance(item, tuple) else item)})
    header = json.dumps({**head, "args": specs}, allow_nan=False).encode()
    raw = b"".join(raws)
    _check_lengths(len(header), len(raw))
    return struct.pack("<II", len(header), len(raw)) + header + raw


def _pack_array(array):
    code = "bool" if array.dtype == np.bool_ else f"{array.dtype.kind}{array.dtype.itemsize}"
    if code not in DTYPES:
        raise FrameError("bad-dtype", f"{array.dtype}; allowed: {', '.join(DTYPES)}")
    _check_shape(list(array.shape))
    if array.size * np.dtype(DTYPES[code]).itemsize > RAW_CAP:
        raise FrameError("raw-too-long", f"an array of shape {array.shape}; at most {RAW_CAP} bytes")
    return {"dtype": code, "shape": list(array.shape)}, array.astype(DTYPES[code]).tobytes()


def read(stream, plain=True):
    """The next frame of a binary stream: (header without `args`, list of its arrays and values).

    plain   False refuses plain values: what the worker answers is arrays only
    Raises FrameError: `end` when the stream is over before the frame begins, else what is wrong with it.
    """
    lengths = _take(stream, 8, "end")
    header_length, raw_length = struct.unpack("<II", lengths)
    _check_lengths(header_length, raw_length)
    head = _parse(_take(stream, header_length, "truncated"))
    specs = head.pop("args", None)
    if not isinstance(specs, list):
        raise FrameError("bad-header", "no list `args`")
    sizes = [_size(spec, plain) for spec in specs]
    if sum(sizes) != raw_length:
        raise FrameError(
            "size-mismatch", f"the header asks for {sum(sizes)} raw bytes, {raw_length} announced"
        )
    raw = _take(stream, raw_length, "truncated")
    items, start = [], 0
    for spec, size in zip(specs, sizes):
        items.append(_build(spec, raw[start : start + size]))
        start += size
    return head, items


def _take(stream, n, name_if_nothing):
    """Exactly n bytes."""
    parts, missing = [], n
    while missing:
        part = stream.read(missing)
        if not part:
            raise FrameError(
                name_if_nothing if missing == n else "truncated", f"{missing} of {n} bytes missing"
            )
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _check_lengths(header_length, raw_length):
    if header_length > HEADER_CAP:
        raise FrameError("header-too-long", f"{header_length} bytes; at most {HEADER_CAP}")
    if raw_length > RAW_CAP:
        raise FrameError("raw-too-long", f"{raw_length} bytes; at most {RAW_CAP}")


def _parse(header):
    try:
        head = json.loads(header.decode(), parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise FrameError("bad-json", str(error)[:80]) from None
    if not isinstance(head, dict):
        raise FrameError("bad-header", f"a JSON {type(head).__name__}, not an object")
    return head


def _refuse_constant(text):
    raise ValueError(f"{text} is not JSON")


def _size(spec, plain):
    """Raw bytes that one entry of `args` stands for; 0 for a plain value."""
    if isinstance(spec, dict) and spec.keys() == {"value"} and plain:
        _plain(spec["value"])
        return 0
    if not isinstance(spec, dict) or spec.keys() != {"dtype", "shape"}:
        raise FrameError("bad-header", "an entry of `args` that is not {dtype, shape}")
    if not isinstance(spec["dtype"], str) or spec["dtype"] not in DTYPES:
        raise FrameError("bad-dtype", f"{str(spec['dtype'])[:40]}; allowed: {', '.join(DTYPES)}")
    _check_shape(spec["shape"])
    return math.prod(spec["shape"]) * np.dtype(DTYPES[spec["dtype"]]).itemsize


def _check_shape(shape):
    if not isinstance(shape, list):
        raise FrameError("bad-shape", "the shape is not a list")
    if len(shape) > RANK_CAP:
        raise FrameError("bad-rank", f"{len(shape)} axes; at most {RANK_CAP}")
    if not all(type(n) is int and 0 <= n <= RAW_CAP for n in shape):
        raise FrameError("bad-shape", f"axes must be whole numbers from 0 to {RAW_CAP}")


def _build(spec, raw):
    if "value" in spec:
        return tuple(spec["value"]) if isinstance(spec["value"], list) else spec["value"]
    array = np.frombuffer(raw, DTYPES[spec["dtype"]]).reshape(spec["shape"])
    if spec["dtype"] != "bool":
        return array.astype(array.dtype.newbyteorder("="), copy=False)
    if array.size and array.max() > 1:
        raise FrameError("bad-bool", "a bool that is neither 0 nor 1")
    return array.view(np.bool_)


def _plain(value):
    """`value` when it may travel in a header."""
    if isinstance(value, str):
        fits = len(value) <= TEXT_CAP
    elif isinstance(value, list):
        fits = len(value) <= RANK_CAP and all(type(n) is int for n in value)
    else:
        fits = value is None or type(value) in (bool, int) or (type(value) is float and math.isfinite(value))
    if not fits:
        raise FrameError("bad-value", f"a {type(value).__name__} that may not travel in a header")
    return value


def as_arrays(result):
    """What a function returned as (list of plain arrays that `pack` takes, whether it was a tuple).

    Python and NumPy numbers become arrays without axes, small integer types become i8, subclasses of ndarray
    become ndarray. Raises FrameError `wrong-type` for everything else.

        >>> as_arrays((np.zeros(2), 3))
        ([array([0., 0.]), array(3)], True)
    """
    many = isinstance(result, tuple)
    return [_as_array(item) for item in (result if many else (result,))], many


def _as_array(item):
    if item is None:
        raise FrameError("wrong-type", "your function returned None: is a `return` missing?")
    if isinstance(item, (bool, int, float, np.generic)):
        item = np.asarray(item)
    if not isinstance(item, np.ndarray):
        raise FrameError("wrong-type", f"your function returned a {type(item).__name__}: return NumPy arrays")
    array = np.array(item, subok=False)
    if array.dtype.kind in "iu" and np.can_cast(array.dtype, np.int64):
        array = array.astype(np.int64)
    if array.dtype not in (np.float32, np.float64, np.int64, np.bool_):
        raise FrameError("wrong-type", f"your array has dtype {array.dtype}: float, int or bool is needed")
    return array
