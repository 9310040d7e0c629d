"""How long a screening would take on either protocol, from its padded sizes and the line: what a choice rests on.

An estimate counts what the two protocols do NOT have in common: neither reading the list, nor the commitment, nor the
signed record. It takes both nodes to have a processor like the one that the rates were measured on.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache
from math import ceil

from node.codes import ScreeningProtocol
from node.jobs.screening_line import Line
from protocols.primitives.ristretto import POINT_BYTES
from protocols.psi.messages import MAXIMUM_BATCH
from protocols.psi.tags import TAG_BYTES


@dataclass(frozen=True)
class Rates:
    """Seconds of one core, by processor time, and bytes of a message; see :data:`WITHOUT_VECTORS`."""

    oprf_bank: float
    """For a code: hash and blind it, check its share of the proof, unblind it, find its tag."""
    oprf_bureau: float
    """For a code: evaluate it and prove it."""
    oprf_listed: float
    """For an item of the list, once an epoch: its tag."""
    vole_fixed: float
    """For a run: base transfers, their extension, and what of the vector OLE does not grow."""
    vole_code: float
    """For a code of the bank: its place in the table."""
    vole_listed: float
    """For an item of the list: its tag."""
    vole_fixed_bytes: int
    vole_code_bytes: int
    vole_listed_bytes: int


WITHOUT_VECTORS = Rates(
    oprf_bank=102e-6,
    oprf_bureau=50e-6,
    oprf_listed=40e-6,
    vole_fixed=0.06,
    vole_code=0.4e-6,
    vole_listed=0.4e-6,
    vole_fixed_bytes=2_000_000,
    vole_code_bytes=22,
    vole_listed_bytes=11,
)
"""One core of an AMD EPYC, best of three by ``time.process_time``, group arithmetic one element at a time.

oprf: a batch of 4,096 codes. vole: equal lists of 2^14 and of 2^18 items; two points give what is fixed and what an
item takes, of time and of bytes.
"""
WITH_VECTORS = replace(WITHOUT_VECTORS, oprf_bank=13e-6, oprf_bureau=7e-6, oprf_listed=5e-6)
"""The same with eight elements at a time, by AVX-512 IFMA."""
CORES = 2
"""Batches in flight at once, each on a core of its own at both nodes; parts of a list are evaluated likewise."""
SCREENINGS_OF_AN_EPOCH = 20
"""Screenings among which the evaluation of a list and the download of its tags are shared out: a list for a month that
is asked about on its working days. Without it the first screening would never pay for those after it."""
OPRF_ROUNDS = 1
"""Round trips beside those of the batches: the tags."""
VOLE_ROUNDS = 4
"""Round trips of a run: that the bureau is there, then five messages to and fro."""


@dataclass(frozen=True)
class Sizes:
    """What is screened: both counts padded, and whether the bank has the tags of this list already."""

    codes: int
    list_items: int
    tags_held: bool = False


@dataclass(frozen=True)
class Estimate:
    """Seconds on either protocol, and the line that they were reckoned with."""

    oprf_seconds: float
    vole_seconds: float
    line: Line

    @property
    def faster(self) -> ScreeningProtocol:
        """The protocol that takes less; oprf where they take the same, for it shows less to a dishonest peer."""
        return ScreeningProtocol.OPRF if self.oprf_seconds <= self.vole_seconds else ScreeningProtocol.VOLE


@cache
def rates_here() -> Rates:
    """Return the rates of processors like this node's."""
    # Imported where it is asked for: a node that never screens loads no compiled loops.
    from protocols.primitives.ristretto_kernels import arithmetic

    return WITH_VECTORS if arithmetic.fastest() is arithmetic.IFMA else WITHOUT_VECTORS


def estimate(sizes: Sizes, line: Line, rates: Rates = WITHOUT_VECTORS) -> Estimate:
    """Return what a screening of these sizes would take over a line."""
    return Estimate(_oprf_seconds(sizes, line, rates), _vole_seconds(sizes, line, rates), line)


def _oprf_seconds(sizes: Sizes, line: Line, rates: Rates) -> float:
    """Batches overlap, so that the slowest of bank, bureau and line in both directions sets the pace.

    The list is evaluated, and its tags downloaded, once for :data:`SCREENINGS_OF_AN_EPOCH` screenings.
    """
    batches = ceil(sizes.codes / MAXIMUM_BATCH)
    computing = sizes.codes * max(rates.oprf_bank, rates.oprf_bureau) / min(CORES, batches)
    carrying = 2 * POINT_BYTES * sizes.codes / line.bytes_a_second
    waiting = (ceil(batches / CORES) + OPRF_ROUNDS) * line.round_trip_seconds
    prepared = 0.0
    if not sizes.tags_held:
        downloading = TAG_BYTES * sizes.list_items / line.bytes_a_second
        prepared = (sizes.list_items * rates.oprf_listed / CORES + downloading) / SCREENINGS_OF_AN_EPOCH
    return prepared + max(computing, carrying) + waiting


def _vole_seconds(sizes: Sizes, line: Line, rates: Rates) -> float:
    """One message waits for the other: what both sides compute and what the line carries adds up."""
    computing = rates.vole_fixed + sizes.codes * rates.vole_code + sizes.list_items * rates.vole_listed
    carried = rates.vole_fixed_bytes + sizes.codes * rates.vole_code_bytes + sizes.list_items * rates.vole_listed_bytes
    return computing + carried / line.bytes_a_second + VOLE_ROUNDS * line.round_trip_seconds
