"""The settings of the languages that pages and mails are in."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from valetkey.core.language import SHIPPED, SOURCE
from valetkey.runtime.settings import types as t
from valetkey.runtime.settings.reader import Setting


@dataclass(frozen=True, kw_only=True)
class LanguageSettings:
    """A part of ``Settings``."""

    languages: Annotated[
        tuple[str, ...],
        Setting(t.languages, "Languages that pages and mails are in, for authorize, introspection and mailer."),
    ] = SHIPPED
    default_language: Annotated[str, Setting(t.language, "The one of them for those who want none of the others.")] = (
        SOURCE
    )
    languages_directory: Annotated[
        Path | None,
        Setting(t.directory, "Catalogues of more languages, or of other texts, such as pages.pt.mo and mails.pt.mo."),
    ] = None
