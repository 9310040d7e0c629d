"""A private network for a benchmark: loopback in a namespace of its own, counted and, where asked, shaped.

Nothing outside can add to its bytes, and its queue is the benchmark's alone. Both directions between two parties pass
the same loopback device; a filter on the listening port sends each into a queue of its own: the line is full duplex.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

_MARK = "BANKTAX_BENCHMARK_NAMESPACE"
_COUNTERS = Path("/proc/net/dev")
_RATE = re.compile(r"[1-9][0-9]{0,5}[kmg]bit")
_DELAY = re.compile(r"[0-9]{1,4}ms")
_BURST = "128kb"  # twice loopback's packet: a smaller bucket could never send one
_QUEUE = "4mb"
TO_SENDER, TO_RECEIVER = 10, 20


@dataclass(frozen=True)
class Shape:
    """A line's ``rate`` as tc writes it ("100mbit"), each way, and its one-way ``delay`` ("10ms"); empty: none."""

    rate: str = ""
    delay: str = ""

    def __post_init__(self) -> None:
        if self.rate and not _RATE.fullmatch(self.rate):
            raise ValueError("rate: such as 100mbit")
        if self.delay and not _DELAY.fullmatch(self.delay):
            raise ValueError("delay: such as 10ms")

    def __bool__(self) -> bool:
        return bool(self.rate or self.delay)


def inside() -> bool:
    """Tell whether this process is in a namespace that :func:`enter` made."""
    return _MARK in os.environ


def enter() -> None:
    """Start this program anew in a network namespace of its own, if the user may have one; else return.

    Inside there is nothing but loopback: whatever has to be fetched is fetched before.
    """
    command = ["unshare", "--net"] if os.geteuid() == 0 else ["unshare", "--net", "--map-root-user"]
    if inside():
        _run(["ip", "link", "set", "lo", "up"])
    elif shutil.which("ip") and shutil.which("unshare") and not _fault([*command, "ip", "link", "set", "lo", "up"]):
        arguments = [*command, sys.executable, "-m", "benchmarks", *sys.argv[1:]]
        sys.stdout.flush()
        os.execvpe(command[0], arguments, {**os.environ, _MARK: "1"})


def why_not(shape: Shape) -> str:
    """Return why a line of this shape cannot be had here, or nothing."""
    if not inside():
        return "not measured: this user may not make a network namespace (unshare --net, ip)"
    if not shutil.which("tc"):
        return "not measured: tc is not installed"
    fault = shape.delay and _fault(["tc", "qdisc", "add", "dev", "lo", "root", "netem", "delay", shape.delay])
    release()
    return f"not measured: this kernel cannot delay packets (netem: {fault})" if fault else ""


def shape_line(shape: Shape, sender_ports: Sequence[int], receiver_ports: Sequence[int] = ()) -> None:
    """Give the traffic between two parties the ``shape``, each way; other traffic on loopback stays as it is.

    Args:
        shape: see :func:`why_not` first.
        sender_ports: where the sender (the bureau) listens.
        receiver_ports: where the receiver listens, if it does.
    """
    release()
    _tc("qdisc", "add", "dev", "lo", "root", "handle", "1:", "htb")
    for way in (TO_SENDER, TO_RECEIVER):
        rate = shape.rate or "40gbit"
        _tc("class", "add", "dev", "lo", "parent", "1:", "classid", f"1:{way}", "htb", "rate", rate, "burst", _BURST)
        delay = ["netem", "delay", shape.delay, "limit", "100000"] if shape.delay else ["bfifo", "limit", _QUEUE]
        _tc("qdisc", "add", "dev", "lo", "parent", f"1:{way}", "handle", f"{way}:", *delay)
    for port in sender_ports:
        _steer(port, towards=TO_SENDER, back=TO_RECEIVER)
    for port in receiver_ports:
        _steer(port, towards=TO_RECEIVER, back=TO_SENDER)


def release() -> None:
    """Take every shape off again."""
    if shutil.which("tc"):
        _fault(["tc", "qdisc", "del", "dev", "lo", "root"])


def line_bytes() -> int | None:
    """Return what passed loopback so far, headers and acknowledgements included; nothing outside a namespace."""
    if not inside():
        return None
    for text in _COUNTERS.read_text(encoding="ascii").splitlines():
        name, _, counters = text.partition(":")
        if name.strip() == "lo":
            return int(counters.split()[0])
    return None


def _steer(port: int, *, towards: int, back: int) -> None:
    for field, way in (("dport", towards), ("sport", back)):
        match = ["match", "ip", field, str(port), "0xffff"]
        _tc("filter", "add", "dev", "lo", "parent", "1:", "protocol", "ip", "u32", *match, "flowid", f"1:{way}")


def _tc(*arguments: str) -> None:
    _run(["tc", *arguments])


def _run(command: Sequence[str]) -> None:
    if fault := _fault(command):
        raise OSError(f"{' '.join(command)}: {fault}")


def _fault(command: Sequence[str]) -> str:
    """Run a command; return the first line of its complaint if it failed, else nothing."""
    done = subprocess.run(command, capture_output=True, text=True, timeout=30)
    return (done.stderr.strip() or "no reason given").splitlines()[0] if done.returncode else ""
