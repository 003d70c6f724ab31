"""How mails are worded: a text and an HTML template for each kind, which a team can replace one by one."""

from __future__ import annotations

import re
from dataclasses import dataclass, fields
from importlib.resources import files
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

from valetkey.core.language import SOURCE
from valetkey.core.mail.content import LINKS, MAX_TEXT_LENGTH, Factor
from valetkey.core.message import Message
from valetkey.core.plain_text import plain
from valetkey.mailer.examples import EXAMPLES
from valetkey.mailer.time_words import TimeWords
from valetkey.runtime.translation import Language, Languages, Translator

if TYPE_CHECKING:
    from valetkey.core.mail.content import Content

DOMAIN = "mails"
_OWN = files("valetkey.mailer") / "languages"
_FACTORS = {
    Factor.PASSWORD: Message("password"),
    Factor.PASSKEY: Message("passkey"),
    Factor.TOTP: Message("authenticator app"),
    Factor.RECOVERY_CODES: Message("recovery codes"),
}


class MailTemplateError(ValueError):
    """The templates cannot be used; the message tells the operator which."""


@dataclass(frozen=True, slots=True)
class Worded:
    """A mail in words."""

    subject: str
    text: str
    html: str


def mail_languages(tags: tuple[str, ...], default: str, directory: Path | None = None) -> Languages:
    """The languages of mails. Raises ``CatalogueError``."""
    return Languages(_OWN, DOMAIN, tags, default, directory=directory)


class MailTemplates:
    """Words every mail: ``<kind>.txt``, whose block ``subject`` is the subject, and ``<kind>.html``.

    ``directory`` is a team's own: its templates win over ours, and ``valetkey/<name>`` always names ours, to be
    extended. Raises ``MailTemplateError`` at once where one cannot be used.
    """

    def __init__(
        self, theme_name: str, issuer: str, *, directory: Path | None = None, languages: Languages | None = None
    ) -> None:
        """Read, compile and try everything once, in all languages: the source's alone unless told."""
        if directory is not None and not directory.is_dir():
            raise MailTemplateError(f"the directory {directory} does not exist or is not a directory")
        self._languages = languages or mail_languages((SOURCE,), SOURCE)
        self._translator = Translator(self._languages.default)
        self._issuer = issuer
        self.theme_name = plain(theme_name)
        # Sandboxed: what a template is given comes from users, and a team's template is no code of ours.
        self._environment = ImmutableSandboxedEnvironment(
            loader=_loader(directory),
            extensions=["jinja2.ext.i18n"],
            finalize=self._translator.translated,
            autoescape=lambda name: name is None or name.endswith(".html"),
            undefined=StrictUndefined,
            auto_reload=False,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.policies["ext.i18n.trimmed"] = True
        self._environment.install_gettext_callables(  # type: ignore[attr-defined] # of the extension
            self._translator.gettext,
            self._translator.ngettext,
            newstyle=True,
            pgettext=self._translator.pgettext,
            npgettext=self._translator.npgettext,
        )
        words = TimeWords(self._translator)
        self._environment.filters |= {"moment": words.moment, "duration": words.duration}
        self._environment.globals |= {"theme_name": self.theme_name, "issuer": issuer}
        for language in self._languages.tags:
            for example in EXAMPLES:
                self._try(example, language)

    def word(self, content: Content, recipient: str, language: str = "") -> Worded:
        """The mail in words; links begin with the issuer. Raises ``TemplateError``.

        A ``language`` that is not on offer is the default one, as no language is.
        """
        spoken = self._languages.choose(*([language] if language else []))
        with self._translator.speaking(spoken):
            return self._word(content, recipient, spoken)

    def _word(self, content: Content, recipient: str, language: Language) -> Worded:
        context = {field.name: self._shown(field.name, getattr(content, field.name)) for field in fields(content)}
        context |= {"recipient": recipient, "lang": language.tag, "dir": language.direction}
        text = self._environment.get_template(f"{content.kind}.txt")
        html = self._environment.get_template(f"{content.kind}.html")
        subject = _block(text, "subject", context)
        paragraphs = re.sub(r"\n{3,}", "\n\n", text.render(context)).strip("\n")
        return Worded(subject, f"{paragraphs}\n", html.render(context | {"subject": subject}))

    def _shown(self, name: str, value: object) -> object:
        if isinstance(value, tuple):
            return tuple(self._shown(name, each) for each in value)
        if isinstance(value, Factor):
            return _FACTORS[value]
        if not isinstance(value, str):
            return value
        return self._issuer + value if name in LINKS else plain(value, MAX_TEXT_LENGTH)

    def _try(self, example: Content, language: str) -> None:
        try:
            worded = self.word(example, "ada@example.com", language)
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
