"""The same two nodes on a real PostgreSQL: data, model, consents, a list, one request, a kill, once through."""

from __future__ import annotations

import secrets
from pathlib import Path

import psycopg
import pytest
from sqlalchemy import create_engine, make_url, text

from node.codes import JobState
from node.demo.trial import BANK, BUREAU
from tests.support.trial import ready_trial_in, wait_until

pytestmark = pytest.mark.postgresql


def new_database(server: str) -> str:
    """Return the URL of an empty database."""
    name = f"trial_{secrets.token_hex(6)}"
    url = make_url(server)
    with psycopg.connect(
        url.set(drivername="postgresql").render_as_string(hide_password=False), autocommit=True
    ) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return url.set(database=name).render_as_string(hide_password=False)


def test_a_job_from_end_to_end(postgresql_server: str, tmp_path: Path) -> None:
    storage = {BANK: new_database(postgresql_server), BUREAU: new_database(postgresql_server)}
    with ready_trial_in(tmp_path / "nodes", rows=12, chunk_rows=3, storage=storage) as ready:
        job = ready.run([*ready.data.codes, "not a code"])
        assert (job.state, job.scored, job.refused) == (JobState.DONE, 12, {"BAD_CODE": 1})
        assert [row.score for row in ready.rows(job.job_id)] == [*ready.expected.values(), None]
        assert ready.one(ready.data.codes[0]).score == ready.expected[ready.data.codes[0]]
        assert list(ready.all_uses().values()) == [2] + [1] * 11

        engine = create_engine(storage[BANK])
        second = ready.submit()
        count = text("SELECT COUNT(*) FROM bank_chunks WHERE job_id = :job AND state = 'finished'")

        def begun() -> bool:
            with engine.connect() as connection:
                return bool(connection.execute(count, {"job": bytes.fromhex(second.job_id)}).scalar_one())

        wait_until(begun, pause=0.005)
        ready.bank.kill()
        ready.bank.start()
        assert ready.wait(second.job_id).state is JobState.DONE
        ready.check_exact(second.job_id)
        assert list(ready.all_uses().values()) == [3] + [2] * 11
        engine.dispose()
        for node in (ready.bank, ready.bureau):
            assert not (node.directory / "data" / "node.db").exists()
