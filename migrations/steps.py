"""Takes the steps of an upgrade, with alembic. Imported only where there are steps to take."""

import pathlib

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection


def take_steps(connection: Connection) -> None:
    """Bring the schema from its revision to the newest, each step in a transaction of its own."""
    config = Config()
    config.set_main_option("script_location", str(pathlib.Path(__file__).parent).replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
