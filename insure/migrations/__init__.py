"""How the database's schema came about: Alembic revisions, applied by `Store.create`."""
