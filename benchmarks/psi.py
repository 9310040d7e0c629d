"""Set intersection: our protocols through real nodes and alone, and SecretFlow's on the same files in the same run."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.psi_alone import compile_seconds, run_alone
from benchmarks.psi_figures import ALONE, NODES, report
from benchmarks.psi_line import Shape, release, why_not
from benchmarks.psi_nodes import commands_missing, node_pair
from benchmarks.psi_peers import PeerEnvironment
from benchmarks.psi_task import Task
from protocols.primitives.vole.parameters import SecurityProfile

Run = dict[str, Any]
Runner = Callable[[Task], Run]
FIRST = 1_000
"""Codes of a side in a screening before all others, which loads what nodes load when they screen for the first time."""


@dataclass(frozen=True)
class Plan:
    """What is measured: ``size`` codes of the bank against ``other_size`` of the bureau, ``runs`` times.

    ``match``: share of the smaller list that stands on both; ``nodes``: whether through real nodes as well;
    ``peers``: which of SecretFlow's protocols; ``security``: what protocol vole withstands.
    """

    protocol: str
    size: int
    other_size: int
    match: float
    runs: int
    seed: int
    shape: Shape
    nodes: bool
    peers: Sequence[str]
    security: SecurityProfile = SecurityProfile.SEMI_HONEST


def run_psi(plan: Plan, tell: Callable[[str], None]) -> dict[str, Any]:
    """Run everything that is planned, alternating, each round on lists of its own; return medians, ratios and all runs.

    Args:
        plan: what is measured.
        tell: called with each figure as it is there.

    Raises:
        BenchmarkFailed: a program failed; figures of a part of the runs would mislead.
    """
    if reason := why_not(plan.shape) if plan.shape else "":
        return {"line": reason, "exact": True}
    with TemporaryDirectory(prefix="banktax-psi-") as name, _runners(plan, Path(name)) as (runners, told):
        first_use = compile_seconds(plan.protocol, _cache(Path(name)))
        rounds = [_round(plan, Path(name) / f"round-{number}", number, runners, tell) for number in range(plan.runs)]
    line = f"shaped: {plan.shape.rate} {plan.shape.delay}".rstrip() if plan.shape else "loopback"
    return {"line": line, **told, "compile_seconds": first_use, **report(rounds)}


@contextmanager
def _runners(plan: Plan, folder: Path) -> Iterator[tuple[dict[str, Runner], dict[str, Any]]]:
    """Give every contender, and what is told beside them: why one cannot be measured here, what the first use took."""
    runners: dict[str, Runner] = {
        ALONE: partial(run_alone, protocol=plan.protocol, security=plan.security, cache=_cache(folder))
    }
    if plan.peers:
        environment = PeerEnvironment.ready()
        runners |= {f"secretflow_{each}": partial(environment.run, protocol=each) for each in plan.peers}
    missing = commands_missing() if plan.nodes else "not measured: not asked for"
    if missing:
        yield runners, {NODES: missing}
    else:
        with node_pair(plan.security) as pair:
            first = pair.run(
                Task.make(folder / "first", FIRST, FIRST, plan.match, plan.seed, plan.shape), plan.protocol
            )
            told = {"first_screening_seconds": first["seconds"]}
            yield {NODES: partial(pair.run, protocol=plan.protocol), **runners}, told


def _round(
    plan: Plan, folder: Path, number: int, runners: Mapping[str, Runner], tell: Callable[[str], None]
) -> dict[str, Run]:
    """Run every contender once on the same new lists; which one begins changes from round to round."""
    task = Task.make(folder, plan.size, plan.other_size, plan.match, plan.seed + number, plan.shape)
    names = list(runners)
    turn = number % len(names)
    found: dict[str, Run] = {}
    for name in names[turn:] + names[:turn]:
        found[name] = runners[name](task)
        tell(f"round {number + 1}: {name}: {found[name]['seconds']} s, exact: {found[name]['exact']}")
    release()
    shutil.rmtree(folder)
    return {name: found[name] for name in names}


def _cache(folder: Path) -> Path:
    return folder / "kernels"
