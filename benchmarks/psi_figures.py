"""From single runs to what is reported: medians, worst cases and ratios."""

from __future__ import annotations

import statistics
from collections.abc import Mapping, Sequence
from typing import Any

ALONE, NODES = "alone", "nodes"
_WORST = ("rss_mb", "receiver_rss_mb", "sender_rss_mb", "warm_seconds")
Run = Mapping[str, Any]


def report(rounds: Sequence[Mapping[str, Run]]) -> dict[str, Any]:
    """Return ``ours``, ``peers``, ``ratios``, ``exact`` and all runs.

    Args:
        rounds: per round the run of each contender: ``nodes``, ``alone``, and a peer's name.

    ``ours`` is what went through real nodes where that ran, with the protocol alone beside it under ``alone``.
    """
    found = {name: summary([each[name] for each in rounds]) for name in rounds[0]}
    peers = {name: found[name] for name in found if name not in (ALONE, NODES)}
    mine = {name: found[name] for name in (NODES, ALONE) if name in found}
    ours = dict(mine.get(NODES, mine[ALONE]))
    if NODES in mine:
        ours[ALONE] = mine[ALONE]
    return {
        "ours": ours,
        "peers": peers,
        "ratios": {name: _ratios(mine, peer) for name, peer in peers.items()},
        "exact": all(each["exact"] for each in found.values()),
        "runs": [dict(each) for each in rounds],
    }


def summary(runs: Sequence[Run]) -> dict[str, Any]:
    """Return medians of all figures, the worst of what is a peak, and whether every run was exact."""
    found: dict[str, Any] = {}
    for name in runs[0]:
        values = [run[name] for run in runs]
        if name == "exact":
            found[name] = all(values)
        else:
            found[name] = round(max(values) if name in _WORST else statistics.median(values), 4)
    return found


def _ratios(mine: Mapping[str, Run], peer: Run) -> dict[str, float]:
    """Return our wall times over the peer's: below 1 we are faster.

    Ours through nodes has the command's start in it, a peer's ``seconds`` have not: ``nodes_from_start`` is over its
    processes from start to end.
    """
    ratios = {name: round(float(ours["seconds"]) / float(peer["seconds"]), 3) for name, ours in mine.items()}
    if NODES in mine and "process_seconds" in peer:
        ratios["nodes_from_start"] = round(float(mine[NODES]["seconds"]) / float(peer["process_seconds"]), 3)
    return ratios
