"""Stores as earlier releases left them. Called by tests."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import create_async_engine

import migrations
from storage.sql.dialects import dialect_for


async def upgrade_to(url: str, revision: str) -> None:
    """Bring a store to an older schema."""

    def run(connection: Connection) -> None:
        config = Config()
        config.set_main_option("script_location", str(Path(migrations.__file__).parent))
        config.attributes["connection"] = connection
        command.upgrade(config, revision)

    engine = create_async_engine(dialect_for(url).url)
    async with engine.connect() as connection:
        await connection.run_sync(run)
    await engine.dispose()
