"""Lists of applicants: CSV or Parquet, read a thousand rows at a time, whatever their length.

One column names the enterprises: ``uscc`` or ``统一社会信用代码``, else the first. The other columns are the bank's own
fields, sent as they stand. A CSV file of codes alone may do without a header. Codes are not checked here: the bank's
node gives each its own verdict.
"""

from __future__ import annotations

import csv
import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from node.cli.encodings import CsvText, open_csv
from node.client.results import Applicant
from node.codes import Code
from node.errors import Refusal

if TYPE_CHECKING:
    import _csv

CODE_COLUMNS = frozenset({"uscc", "统一社会信用代码"})
MAXIMUM_COLUMNS = 2000
BATCH_ROWS = 1000


@dataclass(frozen=True)
class Layout:
    """Which column holds the code, and the names and places of the bank's own fields."""

    code: int
    fields: tuple[str, ...]
    places: tuple[int, ...]

    @classmethod
    def from_header(cls, header: Sequence[str], path: Path) -> Layout:
        """Read the columns' names.

        Raises:
            Refusal: ``INVALID_INPUT`` for a column without a name or two of one name.
        """
        names = [unicodedata.normalize("NFKC", name).strip() for name in header]
        code = next((place for place, name in enumerate(names) if name.lower() in CODE_COLUMNS), 0)
        _check_names(names, path)
        places = tuple(place for place in range(len(names)) if place != code)
        return cls(code, tuple(names[place] for place in places), places)

    def applicant(self, cells: Sequence[str]) -> Applicant:
        """Return the row's applicant; cells that the row lacks are empty."""
        count = len(cells)
        values = tuple(cells[place] if place < count else "" for place in self.places)
        return Applicant(cells[self.code] if self.code < count else "", values)


def _check_names(names: Sequence[str], path: Path) -> None:
    if not names or len(names) > MAXIMUM_COLUMNS:
        raise Refusal(Code.INVALID_INPUT, f"{path}: between 1 and {MAXIMUM_COLUMNS} columns are needed")
    for place, name in enumerate(names):
        if not name:
            raise Refusal(Code.INVALID_INPUT, f"{path}: column {place + 1} has no name")
        if name in names[:place]:
            raise Refusal(Code.INVALID_INPUT, f"{path}: two columns are named «{name}»")


class ApplicantList:
    """A list whose header was read; iterating reads the rows, once."""

    fields: tuple[str, ...]
    rows: int | None = None
    """Number of rows where the file itself says so."""

    def __iter__(self) -> Iterator[Applicant]:
        raise NotImplementedError


def open_list(path: Path) -> ApplicantList:
    """Open a list by its ending: ``.parquet``, else CSV.

    Raises:
        Refusal: ``INVALID_INPUT`` for a file that cannot be read, here or, for its rows, while iterating.
    """
    if path.suffix.lower() in {".parquet", ".pq"}:
        from node.cli.applicants_parquet import ParquetList

        return ParquetList(path)
    return CsvList(path)


class CsvList(ApplicantList):
    """A list in CSV: comma, semicolon or tab; UTF-8, UTF-16 with a mark, or GB 18030."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._text: CsvText = open_csv(path)
        with self._text.open() as lines:
            first = next(self._rows(csv.reader(lines, delimiter=self._text.delimiter)), None)
        if first is None:
            raise Refusal(Code.INVALID_INPUT, f"{path} is empty")
        self._headless = len(first) == 1 and _looks_like_code(first[0])
        self.names = tuple(["uscc"] if self._headless else first)
        self._layout = Layout.from_header(["uscc"] if self._headless else first, path)
        self.fields = self._layout.fields

    @property
    def headless(self) -> bool:
        """Whether the first line is a code already."""
        return self._headless

    @property
    def text(self) -> CsvText:
        """How the file is read."""
        return self._text

    def __iter__(self) -> Iterator[Applicant]:
        """Yield applicants in the file's order; blank lines are passed over."""
        width = 1 + len(self.fields)
        with self._text.open() as lines:
            reader = csv.reader(lines, delimiter=self._text.delimiter)
            rows = self._rows(reader)
            if not self._headless:
                next(rows, None)
            for cells in rows:
                if len(cells) > width:
                    raise Refusal(
                        Code.INVALID_INPUT, f"{self._path}: line {reader.line_num} has more cells than the header"
                    )
                yield self._layout.applicant(cells)

    def _rows(self, reader: _csv.Reader) -> Iterator[list[str]]:
        try:
            yield from (cells for cells in reader if any(map(str.strip, cells)))
        except (csv.Error, UnicodeError) as error:
            kind = "is not text" if isinstance(error, UnicodeError) else "is not CSV"
            raise Refusal(Code.INVALID_INPUT, f"{self._path}: near line {reader.line_num + 1} it {kind}") from None
        except OSError as error:
            raise Refusal(Code.INVALID_INPUT, f"{self._path} cannot be read: {error.strerror}") from None


def _looks_like_code(cell: str) -> bool:
    text = unicodedata.normalize("NFKC", cell).strip()
    return len(text) == 18 and text.isascii() and text.isalnum() and any(map(str.isdigit, text))
