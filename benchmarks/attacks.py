"""The attack report for auditors: every attack of ``tests/attacks/extraction``, against a twin and against the product.

The weakened twins live in the tests and nowhere else; this command runs from the source tree.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks.stage import BenchmarkFailed
from tests.attacks.extraction.nodes import worlds
from tests.attacks.extraction.outcome import Attack
from tests.attacks.extraction.suite import PROTOCOL_ATTACKS, TIMED_ATTACKS, Finding, run

SEED = 20_260_331
_HEAD = f"{'attack':45} {'trials':>7} {'recovered':>9} {'twin':>9}  what so many trials support"


def run_attacks(names: Sequence[str], seed: int, *, thorough: bool) -> list[Finding]:
    """Run the attacks of these names, all of them where none is given; with a progress bar on standard error.

    Raises:
        BenchmarkFailed: no attack has one of these names.
    """
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with TemporaryDirectory(prefix="banktax-attacks-") as folder, worlds(Path(folder)) as made:
        attacks = _chosen((*PROTOCOL_ATTACKS, *TIMED_ATTACKS, *made.attacks()), names)
        found = []
        with Progress(*columns, console=Console(stderr=True)) as show:
            task = show.add_task(attacks[0].name, total=len(attacks))
            for place, finding in enumerate(run(attacks, seed, thorough=thorough), start=1):
                found.append(finding)
                show.update(task, description=attacks[min(place, len(attacks) - 1)].name, advance=1)
        return found


def _chosen(attacks: tuple[Attack, ...], names: Sequence[str]) -> tuple[Attack, ...]:
    if unknown := sorted(set(names) - {attack.name for attack in attacks}):
        raise BenchmarkFailed(f"no attack is called {unknown[0]}")
    return tuple(attack for attack in attacks if not names or attack.name in names)


def figures(found: Iterable[Finding], seed: int) -> dict[str, Any]:
    """Return the report's JSON without the machine it was made on."""
    findings = list(found)
    return {
        "benchmark": "attacks",
        "seed": seed,
        "as_it_should_be": all(finding.as_it_should_be for finding in findings),
        "attacks": [finding.figures() for finding in findings],
    }


def report(findings: Sequence[Finding]) -> str:
    """Return the report for people: n, successes and the bound that n supports, then what each attack is."""
    lines = [_HEAD, *(_line(finding) for finding in findings), "", *_explanation(), ""]
    for finding in findings:
        attack = finding.attack
        lines += [f"{attack.name}: {attack.about}", f"    The twin lacks {attack.lacks}."]
    return "\n".join(lines) + "\n"


def _line(finding: Finding) -> str:
    product, twin = finding.product, finding.twin
    if product.chance:
        hits, chance = product.successes, product.trials * product.chance
        says = f"{hits} right, {chance:.0f} by chance ({product.deviation:+.1f} sigma); advantage < {product.bound:.4f}"
    else:
        says = f"rate < {product.bound:.4f} (3/n)"
    shown = "" if finding.as_it_should_be else "   <-- NOT AS IT SHOULD BE"
    return (
        f"{finding.attack.name:45} {product.trials:>7} {product.recovered:>9} "
        f"{twin.recovered:>4}/{twin.trials:<4}  {says}{shown}"
    )


def _explanation() -> list[str]:
    return [
        "trials, recovered: against the product. twin: what was recovered in how many trials against a twin without",
        "one defence, to show that the attack works. No success in n trials: with 95 % confidence the true rate is",
        "below about 3/n. Where guessing succeeds by chance, nothing within five standard deviations counts as",
        "recovered, and the bound is on the distance from chance. Trials bound what THESE attacks achieve; what no",
        "attack achieves is derived in protocols/scoring/README.md, clauses 7 and 11.",
    ]
