"""The group operations of the OPRF on one core: each back end of the compiled programs, and libsodium beside them."""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from protocols.primitives import ristretto
from protocols.primitives.ristretto import Point, Scalar

Rows = NDArray[np.uint8]
_LIBSODIUM_COUNT = 1000  # it takes a time of its own for each element
_COLD = "import benchmarks.ristretto as b; b.print_first_use({lanes})"


def run_ristretto(count: int, runs: int, seed: int) -> dict[str, Any]:
    """Return evaluations per second of CPU on every path, medians of ``runs``, and whether all give the same bytes."""
    uniform, scalars = _inputs(count, seed)
    paths = {name: _of_kernels(lanes, uniform, scalars, runs) for name, lanes in _back_ends().items()}
    few = min(count, _LIBSODIUM_COUNT)
    paths["libsodium"] = _of_libsodium(uniform[:few], scalars[:few], runs)
    products = [path.pop("products") for path in paths.values()]
    return {
        "count": count,
        "runs": runs,
        "exact": all((each[:few] == products[-1]).all() for each in products),
        "compile_seconds": {name: _first_use(lanes) for name, lanes in _back_ends().items()},
        "per_second_and_core": paths,
    }


def print_first_use(lanes: int) -> None:
    """Compile everything, or take it from the cache, and print the seconds of CPU and of the clock."""
    uniform, scalars = _inputs(16, 0)
    clock, cpu = time.perf_counter(), time.process_time()
    _of_kernels(lanes, uniform, scalars, 1)
    print(json.dumps({"cpu": time.process_time() - cpu, "wall": time.perf_counter() - clock}))


def _back_ends() -> dict[str, int]:
    from protocols.primitives.ristretto_kernels.arithmetic import has_ifma

    return {"ifma": 8, "portable": 1} if has_ifma() else {"portable": 1}


def _inputs(count: int, seed: int) -> tuple[Rows, Rows]:
    draw = np.random.default_rng(seed)
    uniform = draw.integers(0, 256, (count, ristretto.UNIFORM_BYTES), np.uint8)
    wide = draw.integers(0, 256, (count, ristretto.UNIFORM_BYTES), np.uint8)
    scalars = b"".join(Scalar.from_uniform(row.tobytes()).export_secret() for row in wide)
    return uniform, np.frombuffer(scalars, np.uint8).reshape(-1, ristretto.SCALAR_BYTES)


def _of_kernels(lanes: int, uniform: Rows, scalars: Rows, runs: int) -> dict[str, Any]:
    from protocols.primitives.ristretto_kernels import arithmetic

    group = arithmetic.Arithmetic(lanes)
    elements = group.map_and_multiply(uniform, scalars)
    return {
        "decode_multiply_encode": _rate(lambda: group.multiply(elements, scalars), len(uniform), runs),
        "map_multiply_encode": _rate(lambda: group.map_and_multiply(uniform, scalars), len(uniform), runs),
        "decode_check": _rate(lambda: group.decode_check(elements), len(uniform), runs),
        "linear_combination": _rate(lambda: group.linear_combination(scalars, elements), len(uniform), runs),
        "invert": _rate(lambda: arithmetic.invert(scalars), len(uniform), runs),
        "products": elements,
    }


def _of_libsodium(uniform: Rows, scalars: Rows, runs: int) -> dict[str, Any]:
    factors = [Scalar(row.tobytes()) for row in scalars]
    data = [row.tobytes() for row in uniform]

    def mapped() -> list[Point]:
        return [Point.from_uniform(each).multiply(factor) for each, factor in zip(data, factors, strict=True)]

    points = mapped()
    encoded = [point.encoded for point in points]

    def decoded() -> list[Point]:
        return [Point(each).multiply(factor) for each, factor in zip(encoded, factors, strict=True)]

    return {
        "decode_multiply_encode": _rate(decoded, len(data), runs),
        "map_multiply_encode": _rate(mapped, len(data), runs),
        "decode_check": _rate(lambda: [Point(each) for each in encoded], len(data), runs),
        "linear_combination": _rate(lambda: ristretto.linear_combination(factors, points), len(data), runs),
        "invert": _rate(lambda: ristretto.invert_all(factors), len(data), runs),
        "products": np.frombuffer(b"".join(encoded), np.uint8).reshape(-1, ristretto.POINT_BYTES),
    }


def _rate(work: Callable[[], object], count: int, runs: int) -> float:
    """Return how many of ``count`` a second of CPU does: other processes on the machine are not counted."""
    seconds = []
    for _ in range(runs):
        start = time.process_time()
        work()
        seconds.append(time.process_time() - start)
    return round(count / statistics.median(seconds), 1)


def _first_use(lanes: int) -> dict[str, dict[str, float]]:
    """Return what the first use of all programs takes a new process, with an empty cache and with the one it made."""
    with tempfile.TemporaryDirectory() as folder:
        cold, warm = (_in_new_process(lanes, folder) for _ in range(2))
    return {"cold": cold, "cached": warm}


def _in_new_process(lanes: int, folder: str) -> dict[str, float]:
    command = [sys.executable, "-c", _COLD.format(lanes=lanes)]
    environment = {**os.environ, "NUMBA_CACHE_DIR": folder}
    done = subprocess.run(command, env=environment, check=True, capture_output=True, text=True)
    return {name: round(seconds, 2) for name, seconds in json.loads(done.stdout).items()}
