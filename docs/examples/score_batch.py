"""Scores a list from a bank's own system, through the typed client: submit, follow, take the results as they come.

    python docs/examples/score_batch.py --dir /srv/banktax --model retail@3 --list applicants.csv --key LOS-2026-06-30

The node's directory need not be on this machine. A folder that an operator prepared will do:

    run/control.port        host:port of the control API
    keys/tls.crt            the node's certificate, which is the only one accepted
    operator/NAME.crt .key  made by «banktax operator add NAME»; the key with mode 0600
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from node.client.control import ControlClient
from node.client.results import Applicant, Job
from node.codes import JobState
from node.errors import Refusal


def applicants(path: Path) -> tuple[list[str], Iterator[Applicant]]:
    """Return the names of the bank's own fields, and the rows of a CSV file whose first column is the code."""
    file = path.open(encoding="utf-8-sig", newline="")
    rows = csv.reader(file)
    header = next(rows)

    def read() -> Iterator[Applicant]:
        with file:
            for row in rows:
                yield Applicant(row[0], tuple(row[1:]))

    return header[1:], read()


def submit_and_wait(node: ControlClient, arguments: argparse.Namespace) -> Job:
    """Submit the list and wait until the job ends.

    The idempotency key is the bank's own number for this batch: when this program dies and runs again, the same key and
    list find the same job, and nothing is scored or counted twice.
    """
    fields, rows = applicants(arguments.list)
    job = node.scores.submit(arguments.model, rows, bank_fields=fields, idempotency_key=arguments.key)
    for step in node.jobs.follow(job.job_id):
        print(f"{step.state} {step.finished}/{step.rows}", file=sys.stderr)
        job = step
    return job


def main() -> int:
    """Score the list and print how many got a score, and why the others did not."""
    parser = argparse.ArgumentParser(description="Score a list through a node's control API.")
    parser.add_argument("--dir", type=Path, required=True, help="the node's directory")
    parser.add_argument("--operator", default="operator", help="whose certificate to use")
    parser.add_argument("--model", required=True, help="name, name@version or id")
    parser.add_argument("--list", type=Path, required=True, help="CSV: the code, then the bank's own fields")
    parser.add_argument("--key", required=True, help="the batch's own number")
    arguments = parser.parse_args()
    try:
        with ControlClient.for_directory(arguments.dir, operator=arguments.operator) as node:
            job = submit_and_wait(node, arguments)
            if job.state is not JobState.DONE:
                print(f"{job.state}: {job.error_code} {job.error_detail}", file=sys.stderr)
                return 1
            outcomes: Counter[str] = Counter()
            for frame in node.jobs.results(job.job_id):
                # Here a bank's system would store row.score under row.uscc.
                outcomes.update(row.reason or row.status for row in frame)
    except Refusal as refusal:
        print(refusal, file=sys.stderr)  # says whose side it is on and what to do
        return 1
    for outcome, count in outcomes.most_common():
        print(f"{outcome} {count}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
