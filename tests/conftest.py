"""Fixtures that several kinds of tests share."""

from __future__ import annotations

from tests.support.databases import database as database
from tests.support.databases import database_url as database_url
from tests.support.pair import compute as compute
from tests.support.pair import make_pair as make_pair
from tests.support.pair import pair as pair
from tests.support.pair import prepared_pair as prepared_pair
from tests.support.postgresql import postgresql_server as postgresql_server
from tests.support.postgresql import postgresql_url as postgresql_url
from tests.support.trial import ready_trial as ready_trial
