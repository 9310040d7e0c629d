"""A list out of a real PostgreSQL query: the same codes and labels as from a file, and nothing but a SELECT."""

from __future__ import annotations

from pathlib import Path

import psycopg
import pytest

from node.codes import Code
from node.data.postgresql import PostgresqlSource
from node.errors import Refusal
from node.policy.uscc import valid_code
from node.storage.database import open_database
from tests.support.screening_lists import NOW, Publisher, draft, finish

pytestmark = pytest.mark.postgresql


def test_a_list_is_published_from_a_query(postgresql_url: str, tmp_path: Path) -> None:
    plain = postgresql_url.replace("postgresql+psycopg://", "postgresql://")
    with psycopg.connect(plain, autocommit=True) as connection:
        connection.execute("CREATE TABLE abnormal (uscc text, reason text, closed boolean)")
        rows = [(valid_code(number), f"原因 {number}", number % 2 == 1) for number in range(10)]
        with connection.cursor() as cursor:
            cursor.executemany("INSERT INTO abnormal VALUES (%s, %s, %s)", rows)
    database = open_database(f"sqlite:///{tmp_path}/node.db")
    database.upgrade()
    publisher = Publisher(database, tmp_path, lambda: NOW)
    wanted = PostgresqlSource(plain, "SELECT uscc, reason FROM abnormal WHERE NOT closed")
    stored, _ = finish(publisher.lists.publish(draft("1", "reason"), wanted))
    content = publisher.lists.content(stored)
    assert content.codes.tolist() == sorted(valid_code(number).encode() for number in range(0, 10, 2))
    assert "原因 4".encode() in content.labels.tobytes()
    changing = PostgresqlSource(plain, "DELETE FROM abnormal RETURNING uscc, reason")
    with pytest.raises(Refusal) as caught:
        finish(publisher.lists.publish(draft("2", "reason"), changing))
    assert caught.value.code is Code.INVALID_INPUT
    with psycopg.connect(plain) as connection:
        assert connection.execute("SELECT count(*) FROM abnormal").fetchone() == (10,)
    database.dispose()
