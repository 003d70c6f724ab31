"""The catalogues of texts in other languages, from the sources: ``python -m support.catalogues`` writes all of them.

``<domain>.pot`` has every text, ``<tag>.po`` its translations, which translators edit, ``<tag>.mo`` the same as
programs read it. Nothing in them depends on when or where they were made.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING

from babel.messages.catalog import Catalog
from babel.messages.extract import extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po

from support.repository import ROOT
from valetkey.core.language import SHIPPED, SOURCE

if TYPE_CHECKING:
    from babel.messages.catalog import Message

LANGUAGES = tuple(tag for tag in SHIPPED if tag != SOURCE)
_PYTHON = {"Message": None, "ngettext": (1, 2)}
_TEMPLATES = {"_": None, "gettext": None, "ngettext": (1, 2)}
_OPTIONS = {
    ".py": ("python", _PYTHON, {}),
    ".html": ("jinja2.ext:babel_extract", _TEMPLATES, {"trimmed": "true", "newstyle_gettext": "true"}),
    ".txt": ("jinja2.ext:babel_extract", _TEMPLATES, {"trimmed": "true", "newstyle_gettext": "true"}),
}
_WIDTH = 110


@dataclass(frozen=True)
class Domain:
    """The texts of one room: where their catalogues stand, and what they are taken from."""

    name: str
    folder: Path
    sources: Sequence[str]

    def files(self) -> Iterator[Path]:
        for pattern in self.sources:
            yield from sorted(path for path in ROOT.glob(pattern) if path.suffix in _OPTIONS)


AUTHORIZE = "services/authorize/valetkey/authorize"
MAILER = "services/mailer/valetkey/mailer"
PAGES = Domain(
    "pages",
    ROOT / AUTHORIZE / "pages" / "languages",
    (
        f"{AUTHORIZE}/pages/templates/*",
        f"{AUTHORIZE}/**/*.py",
        "services/core/valetkey/core/oidc/claims/registry.py",
        "services/core/valetkey/core/oidc/claims/check.py",
        "services/runtime/valetkey/runtime/password_rules.py",
    ),
)
MAILS = Domain("mails", ROOT / MAILER / "languages", (f"{MAILER}/templates/*", f"{MAILER}/*.py"))
DOMAINS = (PAGES, MAILS)


class _Catalogue(Catalog):
    """A catalogue whose header says no more than what programs read."""

    def __init__(self, tag: str | None, name: str) -> None:
        super().__init__(locale=tag, header_comment=f"# {name}", charset="utf-8", fuzzy=False)

    def _plain_headers(self) -> list[tuple[str, str]]:
        headers = [("MIME-Version", "1.0"), ("Content-Type", "text/plain; charset=utf-8")]
        headers.append(("Content-Transfer-Encoding", "8bit"))
        if self.locale is not None:
            headers += [("Language", str(self.locale).replace("_", "-")), ("Plural-Forms", self.plural_forms)]
        return headers

    mime_headers = property(_plain_headers, Catalog._set_mime_headers)  # noqa: SLF001 - the setter of the same property


@cache
def sources(domain: Domain) -> _Catalogue:
    """Every text of a domain, untranslated."""
    found = _Catalogue(None, f"Texts of the {domain.name}. Made by `make catalogs`.")
    for path in domain.files():
        method, keywords, options = _OPTIONS[path.suffix]
        with path.open("rb") as file:
            for _, source, comments, context in extract(method, file, keywords, (), options):
                where = path.relative_to(ROOT).as_posix()
                found.add(source, locations=[(where, 0)], auto_comments=comments, context=context)
    return found


def read(domain: Domain, tag: str) -> Catalog:
    """What has been translated; nothing where there is no such file yet."""
    path = domain.folder / f"{tag}.po"
    if not path.is_file():
        return Catalog(locale=tag)
    with path.open("rb") as file:
        return read_po(file, locale=tag)


def updated(domain: Domain, tag: str) -> _Catalogue:
    """Today's texts with the translations that there are."""
    known = read(domain, tag)
    current = _Catalogue(tag, f"{tag}: texts of the {domain.name}. Kept in order by `make catalogs`.")
    for message in _texts(sources(domain)):
        before = known.get(message.id, message.context)
        current.add(
            message.id,
            "" if before is None else before.string,
            locations=message.locations,
            flags=message.flags | (set() if before is None else before.flags & {"fuzzy"}),
            auto_comments=message.auto_comments,
            user_comments=() if before is None else before.user_comments,
            context=message.context,
        )
    return current


def generated(domain: Domain) -> dict[Path, bytes]:
    """Every file of a domain, as it is to be."""
    files = {domain.folder / f"{domain.name}.pot": _po(sources(domain))}
    for tag in LANGUAGES:
        catalogue, compiled = updated(domain, tag), BytesIO()
        write_mo(compiled, catalogue)
        files |= {domain.folder / f"{tag}.po": _po(catalogue), domain.folder / f"{tag}.mo": compiled.getvalue()}
    return files


def _texts(catalogue: Catalog) -> Iterator[Message]:
    return (message for message in catalogue if message.id)


def _po(catalogue: Catalog) -> bytes:
    written = BytesIO()
    write_po(written, catalogue, width=_WIDTH, include_lineno=False, ignore_obsolete=True)
    return written.getvalue()


def main() -> None:
    """Write them."""
    for domain in DOMAINS:
        for path, text in generated(domain).items():
            path.write_bytes(text)


if __name__ == "__main__":
    main()
