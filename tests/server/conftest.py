"""What the codec's tests share: JSON is decoded with msgspec, or as where there is none."""

import pytest

from server.calls.fragments import Fragments
from storage.documents import histories, parameters, tasks, typed


@pytest.fixture(params=["with msgspec", "without"])
def decoders(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each of both; nothing that was made with the other is kept."""
    monkeypatch.setattr(Fragments, "are_used", False)
    if request.param == "without":
        monkeypatch.setattr(typed, "decode", typed._refuse)
        for module, name in ((parameters, "_decode"), (tasks, "_decode_pods"), (histories, "_decode")):
            monkeypatch.setattr(module, name, typed._refuse)
