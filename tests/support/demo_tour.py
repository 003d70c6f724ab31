"""The demo's tour, as a visitor without a script engine goes through it."""

from __future__ import annotations

from urllib.parse import urljoin

from aiohttp import ClientResponse, ClientSession

from support.demo_process import DemoProcess
from support.document import Element, parse_document


class Tour:
    """Follows links, fills in forms, reads pages."""

    def __init__(self, demo: DemoProcess, http: ClientSession) -> None:
        self._user = demo.document["user"]
        self._http = http
        self.base = demo.document["clients"]["web"]["redirect_uris"][0].removesuffix("/callback")
        self.page = Element("", {})
        self._url = f"{self.base}/"

    async def open(self, path: str) -> None:
        async with self._http.get(urljoin(self._url, path)) as response:
            await self._read(response)

    async def submit(self, action: str, /, **fields: str) -> ClientResponse:
        """Send the form with this action, whatever its query, with its hidden fields and those given."""
        (form,) = self.forms(action)
        hidden = {each.attributes["name"]: each.attributes["value"] for each in form.find_all("input", type="hidden")}
        async with self._http.post(urljoin(self._url, form.attributes["action"]), data=hidden | fields) as response:
            await self._read(response)
            return response

    def forms(self, action: str) -> list[Element]:
        """The forms of the page with this action, but for those that only a script answers."""
        return [
            form
            for form in self.page.find_all("form")
            if form.attributes["action"].partition("?")[0] == action and "data-passkey" not in form.attributes
        ]

    async def sign_in(self) -> None:
        await self.open("/")
        await self.submit("/sign-in")
        await self.submit("/login", **self._user)
        if self.forms("/consent"):
            allow = self.page.find_all("button")[0].attributes
            await self.submit("/consent", **{allow["name"]: allow["value"]})
        assert self.page.find_all("li", id="tokens"), self.page.text

    async def take(self, action: str, /, **fields: str) -> list[str]:
        """Press the button of a step; the status of each answer that the page shows for it."""
        response = await self.submit(f"/step/{action}", **fields)
        step = self.page.get("li", id=response.real_url.fragment)
        return [each.text for each in step.find_all("span") if "status" in each.attributes.get("class", "").split()]

    async def _read(self, response: ClientResponse) -> None:
        self._url = str(response.url)
        self.page = parse_document(await response.text())
