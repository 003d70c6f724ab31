"""How mails are worded: a text and an HTML template for each kind, which a team can replace one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from jinja2 import (
    BaseLoader,
    ChoiceLoader,
    FileSystemLoader,
    PackageLoader,
    PrefixLoader,
    StrictUndefined,
    Template,
    TemplateError,
)
from jinja2.sandbox import ImmutableSandboxedEnvironment

from valetkey.core.mail.content import LINKS, MAX_TEXT_LENGTH
from valetkey.core.plain_text import plain
from valetkey.mailer.examples import EXAMPLES

if TYPE_CHECKING:
    from valetkey.core.mail.content import Content

_HOUR, _DAY = 60, 1440


class MailTemplateError(ValueError):
    """The templates cannot be used; the message tells the operator which."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A mail in words."""

    subject: str
    text: str
    html: str


class MailTemplates:
    """Words every mail: ``<kind>.txt``, whose block ``subject`` is the subject, and ``<kind>.html``.

    ``directory`` is a team's own: its templates win over ours, and ``valetkey/<name>`` always names ours, to be
    extended. Raises ``MailTemplateError`` at once where one cannot be used.
    """

    def __init__(self, theme_name: str, issuer: str, *, directory: Path | None = None) -> None:
        """Read, compile and try everything once."""
        if directory is not None and not directory.is_dir():
            raise MailTemplateError(f"the directory {directory} does not exist or is not a directory")
        self._issuer = issuer
        self.theme_name = plain(theme_name)
        # Sandboxed: what a template is given comes from users, and a team's template is no code of ours.
        self._environment = ImmutableSandboxedEnvironment(
            loader=_loader(directory),
            autoescape=lambda name: name is None or name.endswith(".html"),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {"moment": _moment, "duration": _duration}
        self._environment.globals |= {"theme_name": self.theme_name, "issuer": issuer}
        for example in EXAMPLES:
            self._try(example)

    def word(self, content: Content, recipient: str) -> Worded:
        """The mail in words; links begin with the issuer. Raises ``TemplateError``."""
        context = {field.name: self._shown(field.name, getattr(content, field.name)) for field in fields(content)}
        context["recipient"] = recipient
        text = self._environment.get_template(f"{content.kind}.txt")
        html = self._environment.get_template(f"{content.kind}.html")
        subject = _block(text, "subject", context)
        paragraphs = re.sub(r"\n{3,}", "\n\n", text.render(context)).strip("\n")
        return Worded(subject, f"{paragraphs}\n", html.render(context | {"subject": subject}))

    def _shown(self, name: str, value: object) -> object:
        if not isinstance(value, str):
            return value
        return self._issuer + value if name in LINKS else plain(value, MAX_TEXT_LENGTH)

    def _try(self, example: Content) -> None:
        try:
            worded = self.word(example, "ada@example.com")
        except TemplateError as error:
            name = getattr(error, "name", None) or example.kind
            raise MailTemplateError(f"the template {name} cannot be used: {error}") from error
        if not worded.subject.isprintable() or not worded.subject:
            raise MailTemplateError(f"the template {example.kind}.txt needs a block named subject, of one line")


def _block(template: Template, name: str, context: dict[str, object]) -> str:
    block = template.blocks.get(name)
    return "" if block is None else "".join(block(template.new_context(context))).strip()


def _loader(directory: Path | None) -> BaseLoader:
    own = PackageLoader("valetkey.mailer")
    loaders: list[BaseLoader] = [own, PrefixLoader({"valetkey": own})]
    if directory is not None:
        loaders.insert(0, FileSystemLoader(directory))
    return ChoiceLoader(loaders)


def _moment(at: datetime) -> str:
    """4 May 2026, 12:30 UTC."""
    return f"{at.astimezone(UTC):%-d %B %Y, %H:%M} UTC"


def _duration(minutes: int) -> str:
    """The largest unit that needs no fraction."""
    for unit, name in ((_DAY, "day"), (_HOUR, "hour")):
        if minutes % unit == 0 and minutes > unit:
            return f"{minutes // unit} {name}s"
        if minutes == unit:
            return f"{'24 hours' if unit == _DAY else '1 hour'}"
    return f"{minutes} minutes"
