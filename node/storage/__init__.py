"""Persistence: schema, migrations, repositories, feature sets."""
