"""`banktax model import`: an exported model and settings in, a scorecard file and a report out."""

from __future__ import annotations

from enum import StrEnum

from node.policy.catalogue import Catalogue
from node.scorecards import import_optbinning, import_scorecardpy, import_sklearn
from node.scorecards.fitted import FittedCard
from node.scorecards.format import Scorecard
from node.scorecards.import_report import ImportReport, compare
from node.scorecards.import_settings import ImportSettings
from node.scorecards.snap import to_scorecard


class Library(StrEnum):
    """Where the model was fitted."""

    OPTBINNING = "optbinning"
    SCORECARDPY = "scorecardpy"
    SKLEARN = "sklearn"


def import_model(
    library: Library,
    content: bytes,
    settings: ImportSettings,
    catalogue: Catalogue,
    sample: bytes | None = None,
    outcome: str = "default",
) -> tuple[Scorecard, ImportReport]:
    """Turn an exported model into a scorecard file.

    :param content: optbinning: JSON or CSV; scorecardpy: CSV; scikit-learn: JSON. Never a pickle.
    :param sample: CSV with a column per variable of the model and one of the outcome (1 = bad), to compare AUC and KS.
    :raises Refusal: ``INVALID_INPUT`` or ``BOUND_EXCEEDED``; the message names what is wrong.
    """
    fitted, settings = _read(library, content, settings)
    card, changes = to_scorecard(fitted, settings, catalogue)
    comparison = None if sample is None else compare(fitted, card, settings, sample, outcome)
    return card, ImportReport(changes, comparison)


def _read(library: Library, content: bytes, settings: ImportSettings) -> tuple[FittedCard, ImportSettings]:
    match library:
        case Library.SCORECARDPY:
            return import_scorecardpy.from_table(content), settings
        case Library.SKLEARN:
            return import_sklearn.from_export(content, settings.need_scaling()), settings
        case Library.OPTBINNING:
            if not content.lstrip(b"\xef\xbb\xbf \r\n\t").startswith(b"{"):
                return import_optbinning.from_table(content), settings
            fitted, scaling = import_optbinning.from_export(content)
            return fitted, settings if settings.scaling else settings.model_copy(update={"scaling": scaling})
