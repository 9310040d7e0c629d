"""The sender of one run of ``vole``: the list's codes as items, all of them."""

from __future__ import annotations

import numpy as np

from node.codes import Code
from node.errors import Refusal
from node.jobs.bureau_screening import ScreeningService
from node.storage.bureau_screenings import BureauScreening
from protocols.errors import ParameterError
from protocols.primitives.vole.parameters import SecurityProfile
from protocols.psi.vole.items import pack
from protocols.psi.vole.parameters import VoleIntersectionParameters
from protocols.psi.vole.sender import VoleIntersectionSender


def sender(service: ScreeningService, screening: BureauScreening, run: bytes) -> VoleIntersectionSender:
    """Return the machine of one run over whole sets.

    Raises:
        Refusal: ``BOUND_EXCEEDED``, a side is larger than a run can be.
    """
    stored = service.stored.published(screening.name, screening.version)
    codes = np.asarray(service.lists.content(stored).codes)
    try:
        parameters = VoleIntersectionParameters(
            screening.padded_codes,
            screening.list_items,
            run,
            security=screening.security or SecurityProfile.SEMI_HONEST,
        )
    except ParameterError as fault:
        raise Refusal(Code.BOUND_EXCEEDED, str(fault)) from None
    return VoleIntersectionSender(pack(codes), parameters, service.randomness)
