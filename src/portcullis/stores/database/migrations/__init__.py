"""Migrations, run by alembic through :func:`portcullis.stores.database.migrate.bring_up_to_date`.

A new one is a module ``versions/r<number>_<what>.py``, written by hand, beside the change of ``schema.py``.
"""
