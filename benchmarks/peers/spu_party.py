"""One party of SecretFlow's set intersection (spu), from CSV to CSV: a program of its own in spu's own environment.

It takes two arguments, a JSON file with the members of ``Order`` below and the file to report in what it measured.
It imports nothing of ours: spu needs another NumPy than we do. What it uses of spu 0.9.5 is ``spu.psi`` and
``spu.libspu.link``, as the type stubs in its wheel describe them.
"""

from __future__ import annotations

import importlib
import json
import resource
import secrets
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, TypedDict

CONNECT_TIMES = 60
CONNECT_MILLISECONDS = 100
RECEIVE_MILLISECONDS = 3_600_000
RECEIVER = 0
SECRET_BYTES = 32


class Order(TypedDict):
    """What one party is to do.

    ``protocol``: rr22, kkrt, ecdh or ub; ``rank``: 0 learns the result; ``hosts``: address and port of both ranks;
    ``source``, ``column``: CSV and its column of keys; ``target``: CSV of the result; ``work``: a folder of its own.
    """

    protocol: str
    rank: int
    hosts: list[str]
    source: str
    column: str
    target: str
    work: str


def run(order: Order) -> dict[str, Any]:
    """Return the seconds and the processor time of each phase (``execute``, or ``offline`` and ``online``)."""
    spu = importlib.import_module("spu")
    link = _connect(spu, order)
    phases = {}
    for name, work in _phases(spu, order, link):
        link.barrier()
        phases[name] = _timed(work)
    link.stop_link()
    return {"phases": phases, "rss_mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024}


def _timed(work: Callable[[], Any]) -> dict[str, float]:
    wall, cpu = time.perf_counter(), time.process_time()
    work()
    return {"seconds": time.perf_counter() - wall, "cpu_seconds": time.process_time() - cpu}


def _connect(spu: Any, order: Order) -> Any:
    description = spu.libspu.link.Desc()
    for rank, host in enumerate(order["hosts"]):
        description.add_party(f"party{rank}", host)
    description.connect_retry_times = CONNECT_TIMES
    description.connect_retry_interval_ms = CONNECT_MILLISECONDS
    description.recv_timeout_ms = RECEIVE_MILLISECONDS
    return spu.libspu.link.create_brpc(description, order["rank"])


def _phases(spu: Any, order: Order, link: Any) -> list[tuple[str, Callable[[], Any]]]:
    if order["protocol"] != "ub":
        config = _balanced(spu.psi, order)
        return [("execute", partial(spu.psi.psi_execute, config, link))]
    modes = (("offline", spu.psi.UbPsiMode.MODE_OFFLINE), ("online", spu.psi.UbPsiMode.MODE_ONLINE))
    configs = [(name, _unbalanced(spu.psi, order, mode)) for name, mode in modes]
    return [(name, partial(spu.psi.ub_psi_execute, config, link)) for name, config in configs]


def _balanced(psi: Any, order: Order) -> Any:
    protocol = psi.PsiProtocolConfig(
        protocol=psi.parse_protocol(f"PROTOCOL_{order['protocol'].upper()}"),
        receiver_rank=RECEIVER,
        broadcast_result=False,
        ecdh_params=psi.EcdhParams(curve=psi.EllipticCurveType.CURVE_25519),
    )
    return psi.PsiExecuteConfig(
        protocol_conf=protocol, input_params=_source(psi, order), output_params=_target(psi, order)
    )


def _unbalanced(psi: Any, order: Order, mode: Any) -> Any:
    receives = order["rank"] == RECEIVER
    secret = Path(order["work"]) / "secret.key"
    if not receives and not secret.exists():
        secret.write_bytes(secrets.token_bytes(SECRET_BYTES))
    return psi.UbPsiExecuteConfig(
        mode=mode,
        role=psi.UbPsiRole.ROLE_CLIENT if receives else psi.UbPsiRole.ROLE_SERVER,
        server_receive_result=False,
        client_receive_result=True,
        cache_path=str(Path(order["work"]) / "cache"),
        input_params=_source(psi, order),
        output_params=_target(psi, order),
        server_params=psi.UbPsiServerParams(secret_key_path="" if receives else str(secret)),
    )


def _source(psi: Any, order: Order) -> Any:
    """The keys are told to be distinct, which spares spu a check: they are, and it is the faster for it."""
    return psi.InputParams(path=order["source"], selected_keys=[order["column"]], keys_unique=True)


def _target(psi: Any, order: Order) -> Any:
    """No sorting of the result: nobody needs it here, and spu is the faster without."""
    return psi.OutputParams(path=order["target"], disable_alignment=True)


if __name__ == "__main__":
    found = run(json.loads(Path(sys.argv[1]).read_text(encoding="utf-8")))
    Path(sys.argv[2]).write_text(json.dumps(found), encoding="utf-8")
