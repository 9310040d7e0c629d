"""The committed results as one short table in markdown, made from their JSON files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results"
_SCORING = (
    "| rows x columns | engine | seconds (median) | rows/s | bytes back a row | bureau, bank RSS (MB) | exact | seed |",
    "|---|---|---|---|---|---|---|---|",
)
_ONLINE = (
    "| enterprises, rate | consent | median (ms) | 99th percentile (ms) | errors | exact | seed |",
    "|---|---|---|---|---|---|---|",
)
_INTERSECTION = (
    "| bank x bureau | contender | seconds (median) | CPU seconds | bits an item | RSS (MB) | ours / theirs | exact |",
    "|---|---|---|---|---|---|---|---|",
)
_RISTRETTO = (
    "| group, one core | decode, multiply, encode a second | map, multiply, encode | combination | compiled in (s) |",
    "|---|---|---|---|---|",
)
_ATTACKS = (
    "| attack | trials | recovered | recovered from the twin | bound that so many trials support |",
    "|---|---|---|---|---|",
)


def render(folder: Path = RESULTS) -> str:
    """Return the table of all ``*.json`` in ``folder``."""
    found = [json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))]
    scoring = [_scoring(each) for each in found if each["benchmark"] == "scoring"]
    online = [line for each in found if each["benchmark"] == "online" for line in _online(each)]
    parts = ["# Results", "\n".join(sorted({_where(each) for each in found}))]
    parts += ["\n".join((*_SCORING, *scoring))] if scoring else []
    parts += ["\n".join((*_ONLINE, *online))] if online else []
    intersections = [line for each in found if each["benchmark"] == "psi" for line in _intersection(each)]
    parts += ["\n".join((*_INTERSECTION, *intersections))] if intersections else []
    group = [line for each in found if each["benchmark"] == "ristretto" for line in _ristretto(each)]
    parts += ["\n".join((*_RISTRETTO, *group))] if group else []
    parts += [
        "\n".join((*_ATTACKS, *map(_attack, each["attacks"]))) for each in found if each["benchmark"] == "attacks"
    ]
    return "\n\n".join(parts) + "\n"


def _where(figures: dict[str, Any]) -> str:
    versions = ", ".join(f"{name} {version}" for name, version in figures["packages"].items())
    return (
        f"* {figures['machine']}, {figures['cpu']}, {figures['cores']} cores, {figures['memory_mb']} MB; "
        f"Python {figures['python']}; {versions}"
    )


def _scoring(figures: dict[str, Any]) -> str:
    return (
        f"| {figures['rows']:,} x {figures['columns']} | {figures['engine']} | {figures['seconds']} "
        f"({len(figures['runs'])} runs) | {figures['rows_per_second']:,} | {figures['response_bytes_per_row']} "
        f"| {figures['bureau_rss_mb']}, {figures['bank_rss_mb']} | {figures['exact']} | {figures['seed']} |"
    )


def _online(figures: dict[str, Any]) -> list[str]:
    modes = {"registered": "registered before", "with_request": "with the request"}
    return [
        f"| {figures['enterprises']:,}, {figures['rate']}/s | {words} | {figures[mode]['median_ms']} "
        f"| {figures[mode]['p99_ms']} | {figures[mode]['errors']} | {figures['exact']} | {figures['seed']} |"
        for mode, words in modes.items()
    ]


def _intersection(figures: dict[str, Any]) -> list[str]:
    if "ours" not in figures:
        return [f"| {figures['size']:,} x {figures['other_size']:,} | {figures['line']} | | | | | | |"]
    ours = dict(figures["ours"])
    alone = ours.pop("alone", None)
    protocol = figures["protocol"] + (", malicious" if figures.get("security") == "malicious" else "")
    protocol += f", {figures['line']}" if figures["line"].startswith("shaped") else ""
    rows = {f"{protocol} through nodes" if alone else f"{protocol} alone": (ours, "")}
    if alone:
        rows[f"{protocol} alone"] = (alone, "")
    for name, peer in figures["peers"].items():
        ratios = figures["ratios"][name]
        rows[name.replace("_", " ")] = (peer, ", ".join(f"{way} {ratio}" for way, ratio in ratios.items()))
    return [
        f"| {figures['size']:,} x {figures['other_size']:,} | {name} ({len(figures['runs'])} runs) | {run['seconds']} "
        f"| {run['cpu_seconds']} | {run.get('bits_per_item', '')} | {run['rss_mb']} | {ratio} | {run['exact']} |"
        for name, (run, ratio) in rows.items()
    ]


def _ristretto(figures: dict[str, Any]) -> list[str]:
    columns = ("decode_multiply_encode", "map_multiply_encode", "linear_combination")
    return [
        f"| {path} | {' | '.join(f'{rates[column]:,.0f}' for column in columns)} "
        f"| {figures['compile_seconds'][path]['cold']['cpu']:.1f} |"
        if path in figures["compile_seconds"]
        else f"| {path} | {' | '.join(f'{rates[column]:,.0f}' for column in columns)} | |"
        for path, rates in figures["per_second_and_core"].items()
    ]


def _attack(figures: dict[str, Any]) -> str:
    return (
        f"| {figures['name']} | {figures['trials']:,} | {figures['recovered']} "
        f"| {figures['weakened_recovered']} of {figures['weakened_trials']} | {figures['bound']} |"
    )
