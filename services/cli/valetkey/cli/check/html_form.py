"""The form of a page, as a browser without scripts sees it."""

from __future__ import annotations

from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass(slots=True)
class HtmlForm:
    """Where it goes, what it carries, what can be typed, what its buttons say, and the message above it."""

    action: str = ""
    hidden: dict[str, str] = field(default_factory=dict)
    inputs: set[str] = field(default_factory=set)
    buttons: set[tuple[str, str]] = field(default_factory=set)

    @property
    def asks_for_password(self) -> bool:
        """Whether this is a login form."""
        return "password" in self.inputs

    @property
    def asks_for_consent(self) -> bool:
        """Whether this is a consent form."""
        return ("action", "allow") in self.buttons


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What a page says that matters here: its heading, its warning, its one form."""

    heading: str
    alert: str
    form: HtmlForm | None


def read_page(text: str) -> HtmlPage:
    """Take a page apart."""
    parser = _Parser()
    parser.feed(text)
    parser.close()
    return HtmlPage(parser.text("h1"), parser.text("alert"), parser.form)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.form: HtmlForm | None = None
        self._is_inside = False
        self._texts: dict[str, list[str]] = {"h1": [], "alert": []}
        self._open: list[tuple[str, str]] = []

    def text(self, what: str) -> str:
        """What stands in the elements of this kind, in one line."""
        return " ".join("".join(self._texts[what]).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """See ``HTMLParser``."""
        given = {name: value or "" for name, value in attrs}
        if tag == "h1":
            self._open.append((tag, "h1"))
        elif tag == "div" and (given.get("role") == "alert" or self._inside("alert")):
            self._open.append((tag, "alert"))
        elif tag == "form":
            # One that is hidden waits for a script.
            self._is_inside = self.form is None and "hidden" not in given
            self.form = HtmlForm(given.get("action", "")) if self._is_inside else self.form
        elif self._is_inside and self.form is not None and (name := given.get("name")):
            if tag == "input" and given.get("type") == "hidden":
                self.form.hidden[name] = given.get("value", "")
            elif tag == "input":
                self.form.inputs.add(name)
            elif tag == "button":
                self.form.buttons.add((name, given.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        """See ``HTMLParser``."""
        if self._open and self._open[-1][0] == tag:
            self._open.pop()

    def handle_data(self, data: str) -> None:
        """See ``HTMLParser``."""
        if self._open:
            self._texts[self._open[-1][1]].append(data)

    def _inside(self, what: str) -> bool:
        return bool(self._open) and self._open[-1][1] == what
