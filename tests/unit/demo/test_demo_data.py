from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from node.codes import Code
from node.demo import default_data
from node.demo.applicants import Standing, choose_applicants, standings
from node.demo.dataset import Dataset, load
from node.demo.default_data import load_default
from node.demo.fit import CardHeader, Fitted, fit
from node.demo.infer import Inferred, catalogue_body, infer
from node.demo.tables import read_table, write_table
from node.policy.catalogue import Catalogue
from node.policy.uscc import valid_code
from node.scorecards.bank_side import bank_parts
from node.scorecards.compile import CompiledScorecard, compile_scorecard
from node.scorecards.metrics import auc
from node.scorecards.reference import ReferenceOracle
from protocols.scoring.model import MISSING
from protocols.scoring.reference import scores as protocol_scores
from tests.support.scorecards import refused

SHARED = Path(__file__).parents[4] / "shared/data/sba"
HEADER = CardHeader("demo", "1", "demo", 1, "2099-12-31")
Columns = dict[str, Sequence[str]]


def write(folder: Path, bank: Columns, bureau: Columns) -> Path:
    """Write the two files by hand, so that cells are quoted and encoded as the test says."""
    for name, columns in (("bank.csv", bank), ("bureau.csv", bureau)):
        lines = [",".join(columns), *(",".join(row) for row in zip(*columns.values(), strict=True))]
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


def made_up(rows: int = 400, seed: int = 3) -> tuple[Columns, Columns]:
    """A bank with one feature and a bureau with one that says more."""
    generator = np.random.default_rng(seed)
    codes = [valid_code(row) for row in range(rows)]
    bank_feature, tax_feature = generator.normal(size=rows), generator.normal(size=rows)
    risk = 1 / (1 + np.exp(1.0 + 0.6 * bank_feature + 1.5 * tax_feature))
    bad = generator.random(rows) < risk
    bank: Columns = {
        "uscc": codes,
        "own": [f"{value:.2f}" for value in bank_feature],
        "default": [str(int(value)) for value in bad],
    }
    return bank, {"uscc": codes, "tax": [f"{value:.3f}" for value in tax_feature]}


def everything(data: Dataset) -> tuple[Inferred, Catalogue, Fitted, CompiledScorecard]:
    """Infer, build the catalogue, fit and compile."""
    inferred = infer(data)
    catalogue = Catalogue.from_body(catalogue_body(inferred.bureau, "demo", 1, "demo-bureau"))
    fitted = fit(data, inferred, HEADER)
    return inferred, catalogue, fitted, compile_scorecard(fitted.joint, catalogue)


def exact_scores(data: Dataset) -> tuple[np.ndarray[Any, np.dtype[np.int64]], Fitted, Inferred]:
    """Scores of every bank row at the bureau: by ticks and columns, checked against the oracle on raw cells."""
    inferred, catalogue, fitted, compiled = everything(data)
    held = np.flatnonzero(data.position >= 0)
    bank = {name: column.to_pylist() for name, column in inferred.bank.cells.items()}
    bureau = {name: column.to_pylist() for name, column in inferred.bureau.cells.items()}
    by_id = {field.id: field for field in catalogue.fields}
    ticks = {
        name: np.array(
            [MISSING if cell is None else by_id[name].to_tick(cell) for cell in cells], dtype=np.int64
        )[data.position[held]]
        for name, cells in bureau.items()
    }  # fmt: skip
    parts, reasons = bank_parts(fitted.joint, bank, len(data.codes))
    assert set(reasons) == {None}
    found = parts[held] + protocol_scores(compiled.secret_model, ticks)
    oracle = ReferenceOracle(json.loads(fitted.joint.to_json()))
    for place, row in enumerate(held):
        bank_row = {name: cells[row] or "" for name, cells in bank.items()}
        bureau_row = {name: cells[data.position[row]] or "" for name, cells in bureau.items()}
        assert oracle.score(bank_row, bureau_row).score == found[place]
    return found, fitted, inferred


def test_made_up_data_is_scored_exactly_and_the_tax_side_helps(tmp_path: Path) -> None:
    data = load(write(tmp_path, *made_up()))
    scores, fitted, inferred = exact_scores(data)
    test = ~data.train
    assert fitted.bank_only is not None
    alone, _ = bank_parts(
        fitted.bank_only, {"own": inferred.bank.cells["own"].to_pylist()}, len(data.codes)
    )  # fmt: skip
    bad = data.outcome[test] == 1
    assert auc(scores[test], bad) > auc(alone[test], bad) + 0.05


def test_the_default_data_is_scored_exactly() -> None:
    data = load_default()
    scores, _, inferred = exact_scores(data)
    assert (len(data.codes), int(data.outcome.sum())) == (4454, 1254)
    test = ~data.train
    assert auc(scores[test], data.outcome[test] == 1) > 0.8
    assert {field.id for field in inferred.bureau.fields} == {
        "seniority", "job", "expenses", "income", "assets", "debt"
    }  # fmt: skip


def test_the_sba_data_is_scored_exactly_and_the_tax_side_helps() -> None:
    if not SHARED.is_dir():
        pytest.skip("the shared data is not here: only its keepers can run this")
    data = load(SHARED)
    scores, fitted, inferred = exact_scores(data)
    assert fitted.bank_only is not None
    bank = {name: column.to_pylist() for name, column in inferred.bank.cells.items()}
    alone, _ = bank_parts(fitted.bank_only, bank, len(data.codes))
    test, bad = ~data.train, data.outcome[~data.train] == 1
    assert auc(scores[test], bad) > auc(alone[test], bad)


def test_a_default_data_file_with_another_digest_is_not_unpickled(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "modeldata").mkdir()
    (tmp_path / default_data.FILE).write_bytes(b"something else")
    monkeypatch.setattr(default_data, "_data_directory", lambda: tmp_path)
    opened: list[str] = []
    pandas = importlib.import_module("pandas")
    monkeypatch.setattr(pandas, "read_pickle", lambda *_: opened.append("opened"))
    refused(load_default, Code.INVALID_INPUT, "digest")
    assert not opened


HOSTILE_ROWS = 300


def hostile() -> tuple[Columns, Columns]:
    """Every column that a file may bring, in one pair of files."""
    generator = np.random.default_rng(5)
    bank, _ = made_up(HOSTILE_ROWS, 5)
    codes = list(bank["uscc"])
    many = [f"level{place}" for place in np.minimum(generator.geometric(0.03, HOSTILE_ROWS), 120)]
    bank |= {
        "constant": ["7"] * HOSTILE_ROWS,
        "城市": [("北京", "上海", "ＳＺ")[row % 3] for row in range(HOSTILE_ROWS)],
        "opened on": [f"20{row % 20:02}-0{row % 9 + 1}-11" for row in range(HOSTILE_ROWS)],
        "note": [f'"customer {row}, said ""yes"""' for row in range(HOSTILE_ROWS)],
    }
    place = generator.permutation(HOSTILE_ROWS)
    bureau: Columns = {
        "uscc": [codes[row] for row in place],
        "huge": [f"{generator.random() * 1e25:.0f}" for _ in place],
        "tiny": [f"{generator.random() * 1e-12:.20f}" for _ in place],
        "scientific": [f"{generator.random() * 1e-5:.3e}" for _ in place],
        "floats": [repr(float(value)) for value in generator.normal(size=HOSTILE_ROWS)],
        "negative": [f"{generator.normal() * 100:.1f}" for _ in place],
        "mostly_zero": [str(int(max(0, generator.normal() * 9 - 12))) for _ in place],
        "gaps": ["" if generator.random() < 0.3 else f"{generator.random():.2f}" for _ in place],
        "words_for_missing": [("NA", "nan", "3", "null", "5")[row % 5] for row in place],
        "empty": [""] * HOSTILE_ROWS,
        "only_missing_varies": ["" if row % 4 else "1" for row in place],
        "padded": [f"00{row % 3}" for row in place],
        "many_levels": many,
        "long": ["x" * 90 if row % 3 else "y" for row in place],
        "identifier": [f"id{row}" for row in place],
        "stray": ["?" if row == 1 else str(row % 50) for row in place],
        "full_width": [("１", "２", "３", "４")[row % 4] for row in place],
        "year": [str(1990 + row % 25) for row in place],
        "industry": [str((11, 22, 31, 44, 53, 62)[row % 6]) for row in place],
        "Code": ["a" if row % 2 else "b" for row in place],
        "code ": ["1" if row % 3 else "2" for row in place],
    }
    bureau.pop("code ")
    bureau["code!"] = ["1" if row % 3 else "2" for row in place]
    return bank, bureau


def test_hostile_columns_are_inferred_left_out_or_repaired_and_scored_exactly(tmp_path: Path) -> None:
    data = load(write(tmp_path, *hostile()))
    _, _, inferred = exact_scores(data)
    types = {field.column: field.type for field in (*inferred.bank.fields, *inferred.bureau.fields)}
    assert types == {
        "own": "decimal", "城市": "code", "opened on": "integer",
        "huge": "integer", "tiny": "decimal", "scientific": "decimal", "floats": "decimal", "negative": "decimal",
        "mostly_zero": "integer", "gaps": "decimal", "words_for_missing": "integer", "only_missing_varies": "code",
        "padded": "code", "many_levels": "code", "long": "code", "stray": "integer", "full_width": "integer",
        "year": "integer", "industry": "code", "Code": "code", "code!": "integer",
    }  # fmt: skip
    left = {one.column: one.why for one in (*inferred.bank.left_out, *inferred.bureau.left_out)}
    assert set(left) == {"constant", "note", "empty", "identifier"}
    by_column = {field.column: field for field in (*inferred.bank.fields, *inferred.bureau.fields)}
    assert by_column["year"].calendar
    assert by_column["opened on"].calendar
    assert by_column["huge"].unit == "10^11"
    assert by_column["tiny"].unit == "10^-13"
    assert by_column["only_missing_varies"].missing == pytest.approx(0.75, abs=0.01)
    assert by_column["words_for_missing"].missing == pytest.approx(0.6)
    assert "OTHER" in by_column["many_levels"].codes
    assert "OTHER" in by_column["long"].codes
    assert len(by_column["many_levels"].codes) <= 40
    assert by_column["padded"].codes == ("000", "001", "002")
    assert "1 cells" in by_column["stray"].note
    ids = [field.id.lower() for field in inferred.bureau.fields]
    assert len(set(ids)) == len(ids)


def test_numbers_as_a_spreadsheet_shows_them_and_chinese_dates_and_outcomes(tmp_path: Path) -> None:
    bank, bureau = made_up(400)
    words = {"0": "否", "1": "是"}
    bank |= {"default": [words[cell] for cell in bank["default"]]}
    bureau |= {
        "税额": [f'"{1_000_000 - 7_919 * row:,}.50"' for row in range(400)],
        "税负率": [f"{row / 10 - 3}%" if row % 9 else "" for row in range(400)],
        "登记日期": [f"{1990 + row % 30}年{row % 12 + 1}月3日" for row in range(400)],
    }
    data = load(write(tmp_path, bank, bureau))
    _, fitted, inferred = exact_scores(data)
    found = {field.column: field for field in inferred.bureau.fields}
    assert {name: (field.type, field.unit) for name, field in found.items()} == {
        "tax": ("decimal", ""), "税额": ("decimal", ""), "税负率": ("decimal", "%"), "登记日期": ("integer", ""),
    }  # fmt: skip
    assert inferred.bureau.cells[found["税额"].id].to_pylist()[:2] == ["1000000.5", "992081.5"]
    assert inferred.bureau.cells[found["税负率"].id].to_pylist()[:2] == [None, "-2.9"]
    assert found["登记日期"].calendar
    assert fitted.training_rows == 200


def test_what_was_inferred_can_be_written_and_read_again(tmp_path: Path) -> None:
    inferred = infer(load(write(tmp_path, *hostile())))
    write_table(tmp_path / "again.csv", inferred.bureau.cells)
    again = read_table(tmp_path / "again.csv")
    for name, column in inferred.bureau.cells.items():
        assert again[name].to_pylist() == column.to_pylist()


def test_seventy_features_fit_the_columns(tmp_path: Path) -> None:
    bank, bureau = made_up(500)
    generator = np.random.default_rng(8)
    bureau |= {f"f{place}": [f"{value:.2f}" for value in generator.normal(size=500)] for place in range(69)}
    _, _, fitted, compiled = everything(load(write(tmp_path, bank, bureau)))
    assert compiled.secret_model.public.column_count <= 1024
    assert len(fitted.joint.bureau_fields) <= 64


def test_a_hundred_rows_and_no_bank_feature_are_enough(tmp_path: Path) -> None:
    bank, bureau = made_up(100)
    del bank["own"]
    _, fitted, _ = exact_scores(load(write(tmp_path, bank, bureau)))
    assert fitted.bank_only is None


def test_codes_on_one_side_only_repeated_and_bad_ones(tmp_path: Path) -> None:
    bank, bureau = made_up(200)
    bank["uscc"] = [*bank["uscc"][:195], bank["uscc"][0], bank["uscc"][1], "12", "", bank["uscc"][199].lower()]
    bureau["uscc"] = [*bureau["uscc"][:180], *(valid_code(9000 + row) for row in range(20))]
    data = load(write(tmp_path, bank, bureau))
    assert len(data.codes) == 196
    assert data.codes[-1] == valid_code(199)
    assert int((data.position >= 0).sum()) == 180
    notes = " ".join(data.notes)
    assert "2 rows without a valid code" in notes
    assert "2 rows that repeat a code" in notes


def test_a_split_column_is_followed_and_a_bad_one_replaced(tmp_path: Path) -> None:
    bank, bureau = made_up(200)
    bank["Split"] = ["Train" if row < 150 else "test" for row in range(200)]
    assert int(load(write(tmp_path, bank, bureau)).train.sum()) == 150
    bank["Split"] = ["test"] * 200
    data = load(write(tmp_path, bank, bureau))
    assert int(data.train.sum()) == 100
    assert any("split" in note for note in data.notes)
    assert (load(tmp_path, seed=1).train == load(tmp_path, seed=1).train).all()
    assert (load(tmp_path, seed=1).train != load(tmp_path, seed=2).train).any()


def _without(columns: Columns, name: str) -> Columns:
    return {key: cells for key, cells in columns.items() if key != name}


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (lambda bank, bureau: (_without(bank, "uscc"), bureau), "bank.csv has no column uscc"),
        (lambda bank, bureau: (_without(bank, "default"), bureau), "no column default"),
        (lambda bank, bureau: (bank, _without(bureau, "tax")), "no feature"),
        (lambda bank, bureau: (bank | {"default": ["2"] * 400}, bureau), "400 cells"),
        (lambda bank, bureau: (bank | {"uscc": ["x"] * 400}, bureau), "no row with a valid"),
        (lambda bank, bureau: (bank, bureau | {"uscc": [valid_code(5000 + n) for n in range(400)]}), "no enterprise"),
    ],
)
def test_files_that_cannot_be_used_are_refused(
    tmp_path: Path, change: Callable[[Columns, Columns], tuple[Columns, Columns]], named: str
) -> None:
    write(tmp_path, *change(*made_up()))
    refused(lambda: load(tmp_path), Code.INVALID_INPUT, named)


def test_few_defaults_and_columns_that_say_nothing_are_refused(tmp_path: Path) -> None:
    bank, bureau = made_up(400)
    few = bank | {"default": ["1" if row < 12 else "0" for row in range(400)]}
    data = load(write(tmp_path, few, bureau))
    refused(lambda: fit(data, infer(data), HEADER), Code.INVALID_INPUT, "only 6 training rows", "defaulted")
    same = load(write(tmp_path, bank, bureau | {"tax": ["1"] * 400}))
    refused(lambda: infer(same), Code.INVALID_INPUT, "no column that varies")


@pytest.mark.parametrize(
    ("content", "named"),
    [
        (b"", "empty"),
        (b"uscc,a\n1,2\n3\n", "row 3"),
        (b"uscc,a,A\n1,2,3\n", "same name"),
        (b"\x00\x01\x02\xff\xfe", ""),
    ],
)
def test_a_file_that_is_no_csv_is_refused_without_its_content(tmp_path: Path, content: bytes, named: str) -> None:
    (tmp_path / "bank.csv").write_bytes(content)
    refused(lambda: read_table(tmp_path / "bank.csv"), Code.INVALID_INPUT, "bank.csv", named)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    refused(lambda: load(tmp_path), Code.NOT_FOUND, "bank.csv")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_encodings_and_quotes(tmp_path: Path, encoding: str) -> None:
    text = '"ｕｓｃｃ","备注"\n 91350100M000100Y43 ,"甲,\n乙"\n,\n'
    (tmp_path / "t.csv").write_text(text, encoding=encoding)
    found = {name: column.to_pylist() for name, column in read_table(tmp_path / "t.csv").items()}
    assert found == {"uscc": ["91350100M000100Y43", None], "备注": ["甲,\n乙", None]}


def test_applicants_of_every_kind_are_chosen_by_the_seed(tmp_path: Path) -> None:
    bank, bureau = made_up(400)
    bureau = {name: cells[:390] for name, cells in bureau.items()}
    data = load(write(tmp_path, bank, bureau))
    chosen = choose_applicants(data, seed=4)
    assert chosen == choose_applicants(data, seed=4)
    assert chosen != choose_applicants(data, seed=5)
    assert standings(chosen) == {"regular": 374, "no_consent": 8, "expired": 8, "unknown": 10 + 8}
    irregular = [one for one in chosen if one.standing in {Standing.NO_CONSENT, Standing.EXPIRED}]
    assert all(data.train[one.row] for one in irregular)
    made = [one for one in chosen if one.row < 0]
    assert len({one.code for one in chosen}) == len(chosen)
    assert not {one.code for one in made} & {*data.codes, *data.bureau_codes}


def test_a_limited_list_takes_test_rows_first(tmp_path: Path) -> None:
    data = load(write(tmp_path, *made_up(400)))
    chosen = [one for one in choose_applicants(data, limit=200) if one.row >= 0]
    assert len(chosen) == 200
    assert not any(data.train[one.row] for one in chosen)
