import sys
import types

import numpy as np
import pytest

from minattn.errors import ArgumentError, BackendMissing, DTypeError
from minattn.worlds import real


def test_the_language_reference_is_there_and_long():
    text = real.load()
    assert 300_000 < len(text) < 1_000_000
    assert 'The "assert" statement' in text and 80 < len(set(text)) < 300
    if sys.version_info[:2] == (3, 11):
        assert abs(len(text) - 465_126) < 5000


def test_a_python_without_the_text_says_what_to_do(monkeypatch):
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", None)
    with pytest.raises(BackendMissing, match="path="):
        real.load()
    monkeypatch.setitem(sys.modules, "pydoc_data.topics", types.ModuleType("topics"))
    with pytest.raises(BackendMissing):
        real.load()


def test_own_text(tmp_path):
    (tmp_path / "own.txt").write_text("héllo", encoding="utf-8")
    assert real.load(tmp_path / "own.txt") == "héllo"
    (tmp_path / "latin.txt").write_bytes(b"h\xe9llo")
    for name in ("latin.txt", "absent.txt"):
        with pytest.raises(ArgumentError):
            real.load(tmp_path / name)


def test_split_keeps_order_and_everything():
    ids = np.arange(97)
    train, held_out = real.split(ids)
    assert len(held_out) == 10 and np.array_equal(np.concatenate([train, held_out]), ids)
    assert real.split("abc", 0) == ("abc", "")
    with pytest.raises(ArgumentError):
        real.split(ids, 1.1)


def test_characters_survive_the_round_trip():
    text = "zażółć gęślą jaźń \U0001d6fc\n"
    c = real.CharVocabulary(text)
    ids = c.encode(text)
    assert c.decode(ids) == text and ids.min() == 0 and ids.max() == len(c) - 1 == len(set(text)) - 1
    assert c.encode("").shape == (0,) and c.decode([]) == ""
    with pytest.raises(ArgumentError, match="'q'"):
        c.encode("zq")
    for bad in ([-1], [len(c)]):
        with pytest.raises(ArgumentError):
            c.decode(bad)
    with pytest.raises(ArgumentError):
        real.CharVocabulary("")
    with pytest.raises(DTypeError):
        real.CharVocabulary(["a"])


def test_batches_are_windows_of_the_text():
    ids = np.arange(23)
    d = real.batch(ids, np.random.default_rng(2), 300, 7)
    assert d["inputs"].shape == d["targets"].shape == (300, 7)
    assert np.array_equal(d["inputs"] + 1, d["targets"])
    assert set(d["inputs"][:, 0]) == set(range(16))  # every window, the last one included
    assert real.batch(ids, np.random.default_rng(2), 2, 22)["targets"].max() == 22
    with pytest.raises(ArgumentError):
        real.batch(ids, np.random.default_rng(2), 2, 23)
    with pytest.raises(ArgumentError):
        real.batch(ids[:1], np.random.default_rng(2), 2, 1)
    with pytest.raises(DTypeError):
        real.batch(ids, None, 2, 3)


def test_sources_are_the_beginnings_of_files_of_the_standard_library():
    texts = real.sources()
    assert len(texts) == len(real.MODULES) == 12 and {len(text) for text in texts} == {25_000}
    assert real.sources(50, ["random"])[0] == texts[real.MODULES.index("random")][:50]


def test_a_module_without_source():
    with pytest.raises(BackendMissing, match="sys.py"):
        real.sources(10, ["sys"])
