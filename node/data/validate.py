"""From a batch of texts to codes and ticks; what breaks a rule of the catalogue is named by row, field and reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from node.data.mapping import CODE_NAMES, ColumnMap, clean_name
from node.data.rejects import Reject, RejectReason
from node.data.sources import TextBatch
from node.policy import uscc
from node.policy.catalogue import Catalogue, CatalogueField
from node.storage.featurefile import CODE_DTYPE
from protocols.scoring.model import MISSING

CODE_FIELD = CODE_NAMES[0]
MISSING_MARKERS = (
    "", "-", "--", "—", "——", "/", "#N/A", "N/A", "n/a", "NA", "NaN", "nan", "NULL", "null", "None", "\\N", "无", "空",
)  # fmt: skip
"""Texts that stand for «no value» besides blank ones, unless the field's own list of codes has them."""


MAXIMUM_FAULTS = 5
"""Faults listed per row, in the catalogue's order: a table of the wrong kind must not fill the disk with its faults."""


@dataclass(frozen=True)
class AcceptedRows:
    """Rows without a fault: codes (S18), their numbers in the source, one int64 column per catalogue field."""

    codes: NDArray[np.bytes_]
    numbers: NDArray[np.int64]
    columns: Sequence[NDArray[np.int64]]


class Validator:
    """Checks batches of one source against one catalogue."""

    def __init__(self, catalogue: Catalogue, columns: ColumnMap) -> None:
        self._places = list(zip(catalogue.fields, columns.fields, strict=True))
        self._code = columns.code
        self._markers = {field.id: _markers(field) for field in catalogue.fields}

    def check(self, batch: TextBatch) -> tuple[AcceptedRows, list[Reject]]:
        """Return the good rows and the first :data:`MAXIMUM_FAULTS` faults of each of the others, by row."""
        rejects = [Reject(row, "", RejectReason.WRONG_COLUMN_COUNT) for row in batch.ragged]
        codes, valid = read_codes(batch.columns[self._code])
        rejects += [Reject(row, CODE_FIELD, RejectReason.BAD_CODE) for row in batch.numbers[~valid].tolist()]
        listed = (~valid).astype(np.int64)
        ticks: list[NDArray[np.int64]] = []
        for field, place in self._places:
            if place is None:
                ticks.append(np.full(len(codes), MISSING, dtype=np.int64))
                continue
            values, faults = self._read_values(field, batch.columns[place])
            ticks.append(values)
            for row, why in faults.items():
                valid[row] = False
                listed[row] += 1
                if listed[row] <= MAXIMUM_FAULTS:
                    rejects.append(Reject(int(batch.numbers[row]), field.id, why))
        accepted = AcceptedRows(codes[valid], batch.numbers[valid], [values[valid] for values in ticks])
        return accepted, sorted(rejects)

    def _read_values(
        self, field: CatalogueField, column: pa.Array
    ) -> tuple[NDArray[np.int64], dict[int, RejectReason]]:
        markers = self._markers[field.id]
        plain = pc.if_else(pc.is_in(column, value_set=markers), pa.scalar("", pa.large_string()), column)
        parsed = field.scale.column(plain)
        known = set(markers.to_pylist())
        faults = {
            row: RejectReason(fault.value)
            for row, fault in parsed.faults.items()
            if clean_name(column[row].as_py()) not in known
        }
        return parsed.ticks, faults


def read_codes(column: pa.Array) -> tuple[NDArray[np.bytes_], NDArray[np.bool_]]:
    """Return the normalised codes (S18) of a column and which of them are valid; the others are empty."""
    valid = uscc.check_many(column)
    codes = np.zeros(len(column), dtype=CODE_DTYPE)
    if valid.any():
        good = column.filter(pa.array(valid))
        codes[valid] = np.array(good.to_pylist(), dtype=CODE_DTYPE)
    for row in np.flatnonzero(~valid).tolist():
        try:
            codes[row] = uscc.validate(column[row].as_py() or "")
        except ValueError:
            continue
        valid[row] = True
    return codes, valid


def _markers(field: CatalogueField) -> pa.Array:
    return pa.array([each for each in MISSING_MARKERS if each not in field.codes], pa.large_string())
