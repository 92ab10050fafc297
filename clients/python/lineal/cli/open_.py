"""`lineal open`: shows something in the web UI."""

import webbrowser
from typing import TYPE_CHECKING
from urllib.parse import quote

import click

from lineal._ui import address_for
from lineal.cli import terminal
from lineal.cli.connection import Command, with_client
from lineal.cli.exits import Failure, Status
from lineal.cli.finding import find, id_of, node_of

if TYPE_CHECKING:
    from lineal.client import Client

_PAGES = {"run": "runs", "artifact": "artifacts", "experiment": "experiments", "pipeline": "pipelines"}


@click.command("open", cls=Command)
@click.argument("run", required=False)
@click.option("--print", "only_print", is_flag=True, help="Print the address instead of opening it.")
@with_client
def open_(client: "Client", run: str | None, only_print: bool) -> None:
    """Open the page of a run in a browser.

    RUN is an id, or the name of exactly one run; run/ID, task/ID, artifact/ID, experiment/ID and pipeline/ID lead to the pages of
    these, and without RUN the home page is opened. The server tells its address: that of its setting ui_url.
    """
    path = _path(client, run) if run else ""
    home = address_for(client.get_overview(latest=1).ui_url, client.settings.targets[0])
    if not home:
        raise Failure(Status.FAILED, "the server does not tell the address of its web UI; its setting ui_url would")
    url = home + path
    if only_print:
        terminal.write(url)
    elif not webbrowser.open(url):
        raise Failure(Status.FAILED, f"no browser could be started; the page is {url}")


def _path(client: "Client", word: str) -> str:
    kind, slash, id = word.partition("/")
    if slash and kind in _PAGES:
        return f"{_PAGES[kind]}/{quote(id, safe='')}"
    if slash and kind == "task":
        node = node_of(client, "task", word)
        return f"runs/{quote(node.run.partition('/')[2], safe='')}/tasks/{quote(id_of(node), safe='')}"
    return f"runs/{quote(find(client, 'run', word), safe='')}"
