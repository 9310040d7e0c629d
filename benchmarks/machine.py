"""What a figure was measured on: without it a figure says nothing."""

from __future__ import annotations

import platform
from importlib.metadata import version
from pathlib import Path
from typing import Any

import psutil

PACKAGES = (
    "tenseal",
    "gmpy2",
    "rbcl",
    "grpcio",
    "protobuf",
    "cryptography",
    "joserfc",
    "sqlalchemy",
    "numpy",
    "numba",
    "llvmlite",
    "pyarrow",
)
_CPU_FILE = Path("/proc/cpuinfo")


def describe() -> dict[str, Any]:
    """Return machine, processor, cores, memory, Python and the packages that the figures depend on."""
    return {
        "machine": f"{platform.system()} {platform.release()} {platform.machine()}",
        "cpu": _cpu(),
        "cores": psutil.cpu_count(),
        "memory_mb": psutil.virtual_memory().total >> 20,
        "python": platform.python_version(),
        "packages": {name: version(name) for name in ("banktax-node", *PACKAGES)},
    }


def _cpu() -> str:
    """Return the processor's name; ``platform.processor`` does not know it on Linux."""
    if _CPU_FILE.exists():
        for line in _CPU_FILE.read_text(encoding="utf-8", errors="replace").splitlines():
            name, _, value = line.partition(":")
            if name.strip() == "model name":
                return value.strip()
    return platform.processor() or platform.machine()
