"""What clients and pages really send along, header by header, for the tests of who may write over REST.

Recorded from curl 7.88, the SDK of Kubeflow Pipelines 2.17 and Chromium 156; KFP's UI server passes a browser's headers on
and writes its target into Host. Names are those of the keyword arguments of `tests.rest.client.ask`.
"""

from dataclasses import dataclass, field

LISTED = "https://notebook.example:8443"
"""The origin that the settings of these tests list."""

UI_HOST = "ml-pipeline"
"""The name under which KFP's UI server reaches us, which the settings of these tests allow."""


@dataclass(frozen=True, slots=True)
class Sender:
    """Who sends: the host that is asked, the further headers, the body, and whether this may write."""

    host: str
    may_write: bool
    headers: dict[str, str] = field(default_factory=dict)
    body: str = ""


def _page(origin: str, site: str = "", mode: str = "cors", **headers: str) -> dict[str, str]:
    """Headers of a fetch; browsers tell the site only where they trust the address, which is https and loopback."""
    fetch = {"Sec_Fetch_Site": site, "Sec_Fetch_Mode": mode, "Sec_Fetch_Dest": "empty"} if site else {}
    return {"Origin": origin, "Referer": f"{origin}/", "User_Agent": "Mozilla/5.0", **fetch, **headers}


TEXT = {"Content_Type": "text/plain;charset=UTF-8"}
FORM = {"Content_Type": "application/x-www-form-urlencoded"}
JSON = {"Content_Type": "application/json"}
MULTIPART = {"Content_Type": "multipart/form-data; boundary=----WebKitFormBoundaryX"}
FILE = (
    '------WebKitFormBoundaryX\r\nContent-Disposition: form-data; name="uploadfile"; filename="p.yaml"\r\n\r\n'
    "a: 1\r\n------WebKitFormBoundaryX--\r\n"
)
EVIL = "https://evil.example"
LOCAL = "localhost:8888"

SENDERS: dict[str, Sender] = {
    "curl": Sender(LOCAL, True, {"User_Agent": "curl/7.88.1", "Accept": "*/*", **FORM}, "{}"),
    "curl to an address": Sender("127.0.0.1:8888", True, {"User_Agent": "curl/7.88.1", "Accept": "*/*"}),
    "the SDK": Sender(LOCAL, True, {"User_Agent": "OpenAPI-Generator/2.17.3/python", **JSON}, "{}"),
    "the SDK's upload": Sender(LOCAL, True, {"User_Agent": "OpenAPI-Generator/2.17.3/python", **MULTIPART}, FILE),
    "a pod": Sender(UI_HOST, True, {"User_Agent": "Go-http-client/1.1", **JSON}, "{}"),
    "KFP's UI over https": Sender(UI_HOST, True, _page("https://kfp.example", "same-origin", **JSON), "{}"),
    "KFP's UI on localhost": Sender(UI_HOST, True, _page("http://localhost:3000", "same-origin", **JSON), "{}"),
    "KFP's UI behind a proxy that tells the host": Sender(
        UI_HOST, True, _page("http://kfp.example", X_Forwarded_Host="kfp.example", **JSON), "{}"
    ),
    "KFP's UI over plain http": Sender(UI_HOST, False, _page("http://kfp.example", **JSON), "{}"),
    "our own page": Sender(LOCAL, True, _page("http://localhost:8888", "same-origin", **JSON), "{}"),
    "our own page in an old browser": Sender(LOCAL, True, _page("http://localhost:8888", **JSON), "{}"),
    "our own page at the usual port": Sender(UI_HOST, True, _page(f"https://{UI_HOST}", **JSON), "{}"),
    "an address typed by the user": Sender(LOCAL, True, {"Sec_Fetch_Site": "none", "Sec_Fetch_Mode": "navigate"}),
    "a listed page": Sender(LOCAL, True, _page(LISTED, "cross-site", **JSON), "{}"),
    "a listed page in an old browser": Sender(LOCAL, True, _page(LISTED, **JSON), "{}"),
    "a foreign page's text": Sender(LOCAL, False, _page(EVIL, "cross-site", "no-cors", **TEXT), "{}"),
    "a foreign page's form": Sender(LOCAL, False, _page(EVIL, "cross-site", "no-cors", **FORM), "a=1"),
    "a foreign page's JSON": Sender(LOCAL, False, _page(EVIL, "cross-site", **JSON), "{}"),
    "a foreign page's upload": Sender(LOCAL, False, _page(EVIL, "cross-site", "no-cors", **MULTIPART), FILE),
    "a foreign page's empty body": Sender(LOCAL, False, _page(EVIL, "cross-site", "no-cors")),
    "a foreign page in an old browser": Sender(LOCAL, False, _page(EVIL, **TEXT), "{}"),
    "a foreign page in a frame without origin": Sender(LOCAL, False, _page("null", "cross-site", "no-cors", **TEXT)),
    "the same in an old browser": Sender(LOCAL, False, _page("null", **TEXT), "{}"),
    "a foreign page that hides its origin": Sender(LOCAL, False, {"Sec_Fetch_Site": "cross-site", **TEXT}, "{}"),
    "a page of another port": Sender(LOCAL, False, _page("http://localhost:3000", "same-site", **TEXT), "{}"),
    "the same in another old browser": Sender(LOCAL, False, _page("http://localhost:3000", **TEXT), "{}"),
    "a page of a port that is left out": Sender(UI_HOST, False, _page(f"https://{UI_HOST}:8888", **TEXT), "{}"),
    "a page whose name begins like ours": Sender(LOCAL, False, _page("http://localhost.evil.example:8888"), "{}"),
    "a page that names two origins": Sender(LOCAL, False, _page(f"{LISTED}, {EVIL}", **TEXT), "{}"),
}
