"""Alembic's entry: runs revisions on the connection that `upgrade` hands in."""

from alembic import context

from davserver.migrations import ALL_TABLES

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=list(ALL_TABLES),
    transactional_ddl=False,  # the caller's transaction is the bracket
    render_as_batch=True,
)
context.run_migrations()
