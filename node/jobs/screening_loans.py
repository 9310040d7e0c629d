"""Takes a bank's loans in for comparing classes: checked before anybody is asked."""

from __future__ import annotations

from collections.abc import Iterable

import pyarrow.compute as pc

from node.codes import Code
from node.errors import Refusal
from node.jobs.screening_lines import CheckedList, text_lines, whole_lines
from node.policy.loan_classes import conflicting, distinct, read_classes, read_ids
from protocols.psi.classes.messages import MAXIMUM_LOANS


def check_loans(parts: Iterable[bytes]) -> CheckedList:
    """Return what is compared of loans as people typed them, UTF-8, in each line id, tab and class.

    ``parts`` of the text follow each other.

    ``codes`` are the entries of the loans: all ids in the list's order, then all pairs. A loan that stands twice with
    one class counts once.

    Raises:
        Refusal: ``INVALID_INPUT``: it is not UTF-8, or a loan stands there with two classes; ``BOUND_EXCEEDED``.
    """
    typed = text_lines(b"".join(whole_lines(parts, 2 * MAXIMUM_LOANS)))
    cells = pc.extract_regex(typed, r"^(?P<loan>[^\t]*)\t(?P<level>.*)$")
    ids, valid = read_ids(pc.struct_field(cells, "loan"))
    classes = read_classes(pc.struct_field(cells, "level"))
    valid &= classes > 0
    ids, classes = ids[valid], classes[valid]
    if conflicting(ids, classes):
        raise Refusal(
            Code.INVALID_INPUT,
            "a loan stands in the list with two classes",
            remedy="Each loan has one class: remove the wrong row.",
        )
    loans = distinct(ids, classes)
    if len(loans) > MAXIMUM_LOANS:
        raise Refusal(Code.BOUND_EXCEEDED, f"a comparison takes at most {MAXIMUM_LOANS:,} loans")
    return CheckedList(loans.entries(), len(typed), int((~valid).sum()), len(ids) - len(loans))


def loan_evidence(parts: Iterable[bytes]) -> frozenset[bytes]:
    """Return the entries that a bank's evidence shows; a loan may stand there with several classes, from several days.

    ``parts`` as for :func:`check_loans`; what is no loan or class is left out.
    """
    cells = pc.extract_regex(text_lines(b"".join(parts)), r"^(?P<loan>[^\t]*)\t(?P<level>.*)$")
    ids, valid = read_ids(pc.struct_field(cells, "loan"))
    classes = read_classes(pc.struct_field(cells, "level"))
    pairs = zip(ids.tolist(), classes.tolist(), (valid & (classes > 0)).tolist(), strict=True)
    return frozenset(entry for loan, level, good in pairs if good for entry in (b"0" + loan, b"%d" % level + loan))
