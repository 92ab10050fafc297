"""Imports `sqlalchemy.ext.asyncio` without SQLAlchemy's ORM, which Lineal does not use. This package and the migrations call it.

The package imports its sessions, and with them the whole ORM: a third of the time that SQLAlchemy takes to import, and eight
megabytes in each process.
"""

import importlib
import importlib.util
import sys
from typing import Any

PACKAGE = "sqlalchemy.ext.asyncio"
NAMES = ("AsyncConnection", "AsyncEngine", "create_async_engine")
"""What Lineal uses of the package."""


def import_asyncio() -> None:
    """Import the package with NAMES only, unless it was imported before. Whoever asks it for another name has it executed whole."""
    if PACKAGE in sys.modules:
        return
    spec = importlib.util.find_spec(PACKAGE)
    assert spec is not None
    assert spec.loader is not None
    loader = spec.loader
    package = importlib.util.module_from_spec(spec)
    sys.modules[PACKAGE] = package
    parent, _, name = PACKAGE.rpartition(".")
    vars(importlib.import_module(parent))[name] = package
    engine = importlib.import_module(f"{PACKAGE}.engine")
    for name in NAMES:
        setattr(package, name, getattr(engine, name))

    def all_others(name: str) -> Any:
        # Names such as __wrapped__ are asked for by tools that look at every module.
        if name.startswith("__"):
            raise AttributeError(name)
        del vars(package)["__getattr__"]
        loader.exec_module(package)
        return getattr(package, name)

    vars(package)["__getattr__"] = all_others
