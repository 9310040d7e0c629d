"""``python -m benchmarks``: two real nodes on this machine, measured from outside."""

from __future__ import annotations

import json
import secrets
import statistics
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks.attacks import SEED, figures, report, run_attacks
from benchmarks.machine import describe
from benchmarks.online import run_online
from benchmarks.psi import Plan, run_psi
from benchmarks.psi_line import Shape, enter
from benchmarks.psi_peers import PEERS, PeerEnvironment
from benchmarks.ristretto import run_ristretto
from benchmarks.scoring import run_scoring
from benchmarks.stage import BenchmarkFailed
from benchmarks.table import render
from node.errors import Refusal
from protocols.primitives.vole.parameters import SecurityProfile

json_option = click.option("--json", "target", type=click.Path(path_type=Path), help="Write the figures here as well.")
seed_option = click.option("--seed", type=int, help="Made-up data follow from it; the system chooses if none is given.")


@click.group(context_settings={"show_default": True, "help_option_names": ["-h", "--help"]})
def main() -> None:
    """Measure two nodes, a bureau and a bank, on this machine. Figures go to standard output as JSON."""


@main.command()
@click.option("--rows", type=click.IntRange(min=1), default=100_000, help="Enterprises.")
@click.option("--columns", type=click.IntRange(min=4), default=64, help="Columns of the model; a multiple of 4.")
@click.option("--engine", type=click.Choice(["bfv", "paillier"]), default="bfv")
@click.option("--runs", type=click.IntRange(min=1), default=1, help="Runs, each with data and model of its own.")
@seed_option
@json_option
def scoring(rows: int, columns: int, engine: str, runs: int, seed: int | None, target: Path | None) -> None:
    """Score a list, from `banktax score submit` to scores.csv; consents are registered before."""
    if columns % 4:
        raise click.BadParameter("a multiple of 4", param_hint="--columns")
    first = _seed(seed)
    seeds = list(range(first, first + runs))
    done = [run_scoring(rows, columns, engine, each) for each in seeds]
    seconds = statistics.median(run["seconds"] for run in done)
    figures = {
        "benchmark": "scoring",
        "rows": rows,
        "columns": columns,
        "engine": engine,
        "seconds": seconds,
        "rows_per_second": round(rows / seconds, 1),
        **{name: max(run[name] for run in done) for name in _WORST},
        "exact": all(run["exact"] for run in done),
    }
    _finish({**figures, "seed": seeds[0], **describe(), "runs": done}, target)


_WORST = (
    "response_bytes_per_row",
    "line_bytes_per_row",
    "bureau_rss_mb",
    "bank_rss_mb",
    "bureau_pss_mb",
    "bank_pss_mb",
    "setup_seconds",
)


@main.command()
@click.option("--enterprises", type=click.IntRange(min=1), default=2000, help="Distinct ones, in each of both modes.")
@click.option("--rate", type=click.FloatRange(min=0.1), default=20.0, help="Requests a second.")
@seed_option
@json_option
def online(enterprises: int, rate: float, seed: int | None, target: Path | None) -> None:
    """Score single enterprises at a steady rate, consents registered before and consents coming along."""
    done = run_online(enterprises, rate, _seed(seed))
    _finish({"benchmark": "online", "enterprises": enterprises, "rate": rate, **done, **describe()}, target)


@main.command()
@click.option("--only", "names", multiple=True, metavar="NAME", help="Run this attack only; may be given repeatedly.")
@click.option("--quick", is_flag=True, help="As few trials as in the test suite: minutes, and weaker bounds.")
@click.option("--seed", type=int, default=SEED, help="Everything that an attack makes up follows from it.")
@json_option
def attacks(names: tuple[str, ...], quick: bool, seed: int, target: Path | None) -> None:
    """Attack a weakened twin, then the product, in every way that is known; a report for auditors."""
    findings = run_attacks(names, seed, thorough=not quick)
    click.echo(report(findings), nl=False)
    found = figures(findings, seed)
    if target is not None:
        target.write_text(json.dumps({**found, **describe()}, indent=2) + "\n", encoding="utf-8")
    if not found["as_it_should_be"]:
        click.echo("NOT AS IT SHOULD BE: the product lost something, or a twin lost nothing", err=True)
        sys.exit(1)


@main.command()
@click.option("--protocol", type=click.Choice(["vole", "oprf"]), default="vole")
@click.option(
    "--security",
    type=click.Choice([str(each) for each in SecurityProfile]),
    default=str(SecurityProfile.SEMI_HONEST),
    help="What protocol vole withstands.",
)
@click.option("--size", type=click.IntRange(min=1), default=1 << 16, help="Codes of the bank.")
@click.option(
    "--other-size", type=click.IntRange(min=1), help="Codes of the bureau; as many as the bank's if not given."
)
@click.option("--match", type=click.FloatRange(0, 1), default=0.5, help="Share of the smaller list that is on both.")
@click.option(
    "--runs", type=click.IntRange(min=1), default=5, help="Rounds, each on lists of its own; medians are told."
)
@click.option("--rate", default="", help="Shape the line between both sides to this rate each way, such as 100mbit.")
@click.option("--delay", default="", help="Delay each packet between both sides one way, such as 10ms.")
@click.option("--nodes/--no-nodes", default=True, help="Through real nodes as well as the protocol alone.")
@click.option("--peers", is_flag=True, help="Run SecretFlow's protocols on the same files, alternating with ours.")
@click.option(
    "--peer", "named", multiple=True, type=click.Choice(PEERS), help="Of SecretFlow's protocols only this one."
)
@seed_option
@json_option
def psi(
    protocol: str,
    security: str,
    size: int,
    other_size: int | None,
    match: float,
    runs: int,
    rate: str,
    delay: str,
    nodes: bool,
    peers: bool,
    named: tuple[str, ...],
    seed: int | None,
    target: Path | None,
) -> None:
    """Intersect two lists, from CSV to CSV, in a network namespace of its own where the user may have one."""
    try:
        shape = Shape(rate, delay)
    except ValueError as fault:
        raise click.BadParameter(str(fault)) from None
    chosen = named or (PEERS if peers else ())
    if chosen:
        PeerEnvironment.ready()  # before the namespace, where nothing can be fetched
    enter()
    first, profile = _seed(seed), SecurityProfile(security)
    plan = Plan(protocol, size, other_size or size, match, runs, first, shape, nodes, chosen, profile)
    asked = {"protocol": protocol, "security": profile, "size": size, "other_size": plan.other_size, "match": match}
    _finish({"benchmark": "psi", **asked, **run_psi(plan, _tell), "seed": first, **describe()}, target)


@main.command()
@click.option("--count", type=click.IntRange(min=8), default=1 << 15, help="Elements of one run.")
@click.option("--runs", type=click.IntRange(min=1), default=5, help="Runs of each operation; medians are told.")
@seed_option
@json_option
def ristretto(count: int, runs: int, seed: int | None, target: Path | None) -> None:
    """Multiply elements of the OPRF's group on one core, on each path that this processor has."""
    first = _seed(seed)
    _finish({"benchmark": "ristretto", **run_ristretto(count, runs, first), "seed": first, **describe()}, target)


@main.command()
def table() -> None:
    """Print the committed results (benchmarks/results/*.json) as a table in markdown."""
    click.echo(render(), nl=False)


def _tell(text: str) -> None:
    click.echo(text, err=True)


def _seed(seed: int | None) -> int:
    chosen = secrets.randbits(32) if seed is None else seed
    click.echo(f"seed {chosen}", err=True)  # told first, so that a run that fails can be repeated
    return chosen


def _finish(figures: dict[str, Any], target: Path | None) -> None:
    text = json.dumps(figures, indent=2) + "\n"
    click.echo(text, nl=False)
    if target is not None:
        target.write_text(text, encoding="utf-8")
    if not figures["exact"] or figures.get("errors"):
        click.echo("NOT EXACT: results are missing, wrong or refused", err=True)
        sys.exit(1)


if __name__ == "__main__":
    try:
        main()
    except (BenchmarkFailed, Refusal) as fault:
        click.echo(f"error: {fault}", err=True)
        sys.exit(2)
