"""Tells IPython to show messages as HTML, and asks the server where its web UI is. Clients call this when they are made."""

from __future__ import annotations

import sys
import time
import weakref
from typing import TYPE_CHECKING, Any

from google.protobuf.message import Message

from lineal._ui import address_for

if TYPE_CHECKING:
    from lineal.client import Client

ASK_SECONDS = 2.0
"""How long a cell waits to be told where the web UI is. Without an answer there are no links."""

ASK_AGAIN_SECONDS = 60.0
"""For how long no answer is an answer."""


class _Ui:
    """Where the web UI of the last client is; it is asked when something is shown for the first time."""

    def __init__(self) -> None:
        self._client: weakref.ref[Client] | None = None
        self._url = ""
        self._is_known = False
        self._ask_after = 0.0

    def belongs_to(self, client: Client) -> None:
        self._client, self._url, self._is_known, self._ask_after = weakref.ref(client), "", False, 0.0

    def url(self) -> str:
        client = None if self._client is None else self._client()
        if client is None or self._is_known or time.monotonic() < self._ask_after:
            return self._url
        self._ask_after = time.monotonic() + ASK_AGAIN_SECONDS
        from lineal.errors import LinealError

        try:
            overview = client.get_overview(latest=1, timeout_seconds=ASK_SECONDS)
        except (LinealError, RuntimeError):  # also a client that has been closed
            return ""
        self._url, self._is_known = address_for(overview.ui_url, client.settings.targets[0]), True
        return self._url


_ui = _Ui()


def ui_url() -> str:
    """Return where the web UI of the client that was made last is, "" if that is not known."""
    return _ui.url()


def client_made(client: Client | None = None) -> None:
    """Let a running IPython show messages as HTML, with links to the web UI of this client. Does nothing elsewhere."""
    if "IPython" not in sys.modules:
        return
    shell = sys.modules["IPython"].get_ipython()
    if shell is None:
        return
    if client is not None:
        _ui.belongs_to(client)
    register(shell)


def register(shell: Any) -> None:
    """Let an IPython shell show messages as HTML."""
    from lineal import html

    formatters = getattr(getattr(shell, "display_formatter", None), "formatters", None)
    if formatters is None:
        return
    to_html = formatters["text/html"]
    for kind in html.CLASSES:
        to_html.for_type(kind, _message)
    # `run.tasks`: one class for all repeated fields, whatever they repeat.
    to_html.for_type(type(html.CLASSES[0]().tasks), _repeated)  # type: ignore[attr-defined]


def _message(message: Message) -> str:
    from lineal import html

    return html.of_message(message, ui_url())


def _repeated(messages: Any) -> str | None:
    """Return a table of a repeated field; None, which is its usual form, for those of other messages than Lineal's."""
    from lineal import html

    if len(messages) == 0 or type(messages[0]) not in html.CLASSES:
        return None
    shown = messages[: html.ROWS_MAX]
    has_more = len(messages) > len(shown)
    title = f"first {len(shown)} of {len(messages)}" if has_more else str(len(messages))
    return html.of_rows(shown, title=title, has_more=has_more, ui_url=ui_url())
