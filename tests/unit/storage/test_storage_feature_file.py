"""The file of a feature set: found rows, refused damage, the same answers as a dictionary."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from node.codes import Code
from node.errors import Refusal
from node.policy.uscc import valid_code
from node.storage.featurefile import CODE_DTYPE, open_feature_file, write_feature_file
from node.storage.featurewriter import FeatureWriter, WrittenFile
from protocols.scoring.model import MISSING


def written(folder: Path, codes: list[int], columns: dict[str, list[int]], path: Path) -> WrittenFile:
    folder.mkdir()
    with FeatureWriter(folder, list(columns)) as writer:
        for start in range(0, len(codes), 7):
            part = slice(start, start + 7)
            writer.append(
                np.array([valid_code(code) for code in codes[part]], dtype=CODE_DTYPE),
                np.arange(len(codes), dtype=np.int64)[part],
                [np.array(values[part], dtype=np.int64) for values in columns.values()],
            )
    return writer.finish(path, b"manifest")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(rows=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 1), st.sampled_from([0, MISSING])), max_size=40))
def test_sorting_and_duplicates_agree_with_a_dictionary(
    rows: list[tuple[int, int, int]], tmp_path_factory: pytest.TempPathFactory
) -> None:
    base = tmp_path_factory.mktemp("set")
    done = written(
        base / "scratch",
        [row[0] for row in rows],
        {"a": [row[1] for row in rows], "b": [row[2] for row in rows]},
        base / "f",
    )
    contents = {code: {row[1:] for row in rows if row[0] == code} for code, _, _ in rows}
    kept = {code: next(iter(found)) for code, found in contents.items() if len(found) == 1}
    opened = open_feature_file(base / "f", digest=done.digest)
    assert done.rows == len(opened) == len(kept)
    assert done.conflicting.tolist() == [place for place, row in enumerate(rows) if row[0] not in kept]
    assert done.repeated == len(rows) - len(kept) - len(done.conflicting)
    found_rows = opened.rows([valid_code(code) for code in range(13)])
    assert [row >= 0 for row in found_rows] == [code in kept for code in range(13)]
    held = [code for code in range(13) if code in kept]
    columns = opened.columns(["b", "a"], found_rows[found_rows >= 0])
    assert list(zip(columns["a"].tolist(), columns["b"].tolist(), strict=True)) == [kept[code] for code in held]


def test_a_row_that_is_not_there_is_never_read(tmp_path: Path) -> None:
    written(tmp_path / "s", [1, 2, 3], {"a": [1, 2, 3]}, tmp_path / "f")
    opened = open_feature_file(tmp_path / "f")
    for row in (-1, 3):
        with pytest.raises(ValueError, match="outside"):
            opened.columns(["a"], np.array([0, row]))
    assert opened.columns(["a"], np.array([], dtype=np.int64))["a"].tolist() == []


def test_a_field_that_is_not_there_is_refused(tmp_path: Path) -> None:
    written(tmp_path / "s", [1], {"a": [1]}, tmp_path / "f")
    with pytest.raises(Refusal) as refused:
        open_feature_file(tmp_path / "f").columns(["b"], np.array([0]))
    assert refused.value.code is Code.FIELD_NOT_ALLOWED


def test_the_mapped_values_cannot_be_changed(tmp_path: Path) -> None:
    written(tmp_path / "s", [1], {"a": [1]}, tmp_path / "f")
    opened = open_feature_file(tmp_path / "f")
    assert not opened.codes.flags.writeable
    with pytest.raises(ValueError, match="read-only"):
        opened.codes[0] = b"x"


def test_a_field_may_be_called_uscc(tmp_path: Path) -> None:
    written(tmp_path / "s", [4], {"uscc": [7]}, tmp_path / "f")
    opened = open_feature_file(tmp_path / "f")
    assert opened.columns(["uscc"], opened.rows([valid_code(4)]))["uscc"].tolist() == [7]


def test_every_flipped_byte_of_the_values_is_found(tmp_path: Path) -> None:
    done = written(tmp_path / "s", list(range(50)), {"a": list(range(50))}, tmp_path / "f")
    content = (tmp_path / "f").read_bytes()
    start = content.index(valid_code(0).encode())
    for place in range(start, start + 18 * 50, 37):
        damaged = bytearray(content)
        damaged[place] ^= 1
        (tmp_path / "g").write_bytes(damaged)
        with pytest.raises(Refusal) as refused:
            open_feature_file(tmp_path / "g", digest=done.digest)
        assert refused.value.code is Code.STORAGE_UNAVAILABLE


@pytest.mark.parametrize("cut", [0, 1, 7, 100, 400, -1, -9])
def test_a_cut_file_is_refused(tmp_path: Path, cut: int) -> None:
    written(tmp_path / "s", list(range(50)), {"a": list(range(50))}, tmp_path / "f")
    (tmp_path / "g").write_bytes((tmp_path / "f").read_bytes()[:cut])
    with pytest.raises(Refusal) as refused:
        open_feature_file(tmp_path / "g")
    assert refused.value.code is Code.STORAGE_UNAVAILABLE


def test_another_arrow_file_is_refused(tmp_path: Path) -> None:
    table = pa.table({"uscc": ["a"], "field:a": [1.5]})
    with pa.OSFile(str(tmp_path / "f"), "wb") as sink, pa.ipc.new_file(sink, table.schema) as writer:
        writer.write_table(table)
    with pytest.raises(Refusal):
        open_feature_file(tmp_path / "f")


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    codes = np.array([valid_code(1)], dtype=CODE_DTYPE)
    write_feature_file(tmp_path / "f", b"m", codes, {"a": np.array([1], dtype=np.int64)})
    with pytest.raises(FileExistsError):
        write_feature_file(tmp_path / "f", b"m", codes, {"a": np.array([2], dtype=np.int64)})
