"""Small tables of tax data for the tests of the import and of the feature store."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from node.policy.catalogue import Catalogue
from node.policy.uscc import valid_code
from node.storage.database import open_database
from node.storage.features import FeatureStore

NOW = 1_790_000_000_000  # 2026-09-21
AS_OF = "2026-06-30"


def clock() -> int:
    """Return the tests' time."""
    return NOW


def small_catalogue(version: int = 1) -> Catalogue:
    """A catalogue of a decimal, an integer and a code field."""
    common = {"sensitivity": "ordinary", "provision": "score_only"}
    return Catalogue.from_body(
        {
            "catalogue_id": "base",
            "version": version,
            "bureau": "bureau-a",
            "fields": [
                {"id": "sales", "name_zh": "销售额", "name_en": "Sales", "type": "decimal",
                 "low": "-1000", "high": "100000", "step": "0.01", **common},
                {"id": "months", "name_zh": "零申报月数", "name_en": "Zero months", "type": "integer",
                 "low": "0", "high": "24", "step": "1", **common},
                {"id": "level", "name_zh": "信用级别", "name_en": "Level", "type": "code",
                 "codes": ["A", "B", "M", "C", "D"], **common},
            ],
        }
    )  # fmt: skip


def csv_text(rows: Sequence[Sequence[str]], header: str = "uscc,sales,months,level") -> str:
    """Return CSV lines; nothing is quoted."""
    return "\n".join([header, *(",".join(row) for row in rows)]) + "\n"


def good_row(number: int) -> tuple[str, str, str, str]:
    """Return a row without fault, another one for every number."""
    return (valid_code(number), f"{number}.25", str(number % 25), "ABMCD"[number % 5])


def store_in(folder: Path) -> FeatureStore:
    """Return a feature store with a database of its own in ``folder``."""
    database = open_database(f"sqlite:///{folder}/node.db")
    database.upgrade()
    return FeatureStore(database, folder)
