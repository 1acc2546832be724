"""What alembic runs to migrate: inside the transaction that :mod:`portcullis.stores.database.migrate` has begun."""

from alembic import context

from portcullis.stores.database.schema import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA, transactional_ddl=True)
context.run_migrations()
