"""Mails in the languages of their readers."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from support.catalogues import MAILS
from support.document import parse_document
from support.pseudo_language import TAG, unmarked, unmarked_text, write_marked
from valetkey.core.language import SHIPPED
from valetkey.core.mail.content import (
    LINKS,
    Content,
    FactorRemoved,
    PasswordChanged,
    RecoveryCodeUsed,
    SignInMethodsSet,
)
from valetkey.mailer.examples import EXAMPLES
from valetkey.mailer.templates import MailTemplates, mail_languages

ISSUER = "https://id.example.com"
RECIPIENT = "ada@example.com"
THEME = "Ørsted"
# What mails are given beside the fields of their kind.
DATA = {THEME, ISSUER, RECIPIENT, "UTC", "Ada Lovelace", "Laptop"}
_TAG_OF_HTML = re.compile(r"<!doctype html>\n|<meta[^>]*>")


def all_forms() -> list[Content]:
    """The examples, and each of them said the other way."""
    forms: list[Content] = list(EXAMPLES)
    for example in EXAMPLES:
        if isinstance(example, PasswordChanged | FactorRemoved):
            forms += [replace(example, by_operator=each, address="203.0.113.7") for each in (True, False)]
        match example:
            case RecoveryCodeUsed():
                forms += [replace(example, remain=remain) for remain in (0, 1, 2, 11)]
            case SignInMethodsSet():
                forms.append(replace(example, methods=()))
            case FactorRemoved():
                forms.append(replace(example, label="Laptop"))
            case _:
                pass
    return forms


@pytest.fixture(scope="module")
def marked(tmp_path_factory: pytest.TempPathFactory) -> MailTemplates:
    directory = write_marked(MAILS, tmp_path_factory.mktemp("languages"))
    return MailTemplates(THEME, ISSUER, languages=mail_languages((TAG,), TAG, directory))


@pytest.fixture(scope="module")
def templates() -> MailTemplates:
    return MailTemplates(THEME, ISSUER, languages=mail_languages(SHIPPED, "fr"))


def data(content: Content) -> set[str]:
    return DATA | {getattr(content, name) for name in LINKS if hasattr(content, name)}


@pytest.mark.parametrize("content", all_forms(), ids=repr)
def test_every_word_of_a_mail_comes_from_a_catalogue(content: Content, marked: MailTemplates) -> None:
    worded = marked.word(content, RECIPIENT)

    assert unmarked_text(worded.subject, ()) == [], "wrap these words in {% trans %}, then run make catalogs"
    assert unmarked_text(worded.text, data(content)) == []
    assert unmarked(parse_document(_TAG_OF_HTML.sub("", worded.html)), data(content)) == []


@pytest.mark.parametrize("content", all_forms(), ids=repr)
@pytest.mark.parametrize("tag", SHIPPED)
def test_a_mail_is_in_its_language(tag: str, content: Content, templates: MailTemplates) -> None:
    worded, english = templates.word(content, RECIPIENT, tag), templates.word(content, RECIPIENT, "en")

    html = parse_document(_TAG_OF_HTML.sub("", worded.html)).get("html").attributes
    assert html == {"lang": tag, "dir": "rtl" if tag == "ar" else "ltr"}
    assert (worded.subject == english.subject) is (tag == "en")
    assert "\n\n\n" not in worded.text
    assert "%(" not in worded.text + worded.html


@pytest.mark.parametrize(
    ("asked", "subject"),
    [
        ("de-CH", "Test der E-Mail-Zustellung"),
        ("", "Test d\u2019envoi d\u2019e-mail"),
        ("pt", "Test d\u2019envoi d\u2019e-mail"),
        ("../../etc", "Test d\u2019envoi d\u2019e-mail"),
    ],
)
def test_a_language_that_is_not_on_offer_is_the_default_one(asked: str, subject: str, templates: MailTemplates) -> None:
    test = next(example for example in EXAMPLES if example.kind == "test")

    assert templates.word(test, RECIPIENT, asked).subject == subject


def test_moments_and_durations_are_written_as_in_the_language(templates: MailTemplates) -> None:
    changed = next(example for example in EXAMPLES if example.kind == "email_changed")

    written = {tag: templates.word(changed, RECIPIENT, tag).text for tag in SHIPPED}

    assert "4. Mai 2026, 12:30 UTC" in written["de"]
    assert "innerhalb von 7 Tagen" in written["de"]
    assert "4 mai 2026 à 12:30 UTC" in written["fr"]
    assert "2026年5月4日 12:30" in written["ja"]
    assert "7 أيام" in written["ar"]


def test_a_template_of_a_team_has_the_texts_of_all_languages(tmp_path: Path) -> None:
    (tmp_path / "test.txt").write_text(
        "{% block subject %}{{ lang }} {{ dir }}: {% trans %}Test of mail delivery{% endtrans %}{% endblock %}"
    )
    theirs = MailTemplates(THEME, ISSUER, directory=tmp_path, languages=mail_languages(SHIPPED, "en"))
    test = next(example for example in EXAMPLES if example.kind == "test")

    assert theirs.word(test, RECIPIENT, "es").subject == "es ltr: Prueba de entrega de correo"
    assert theirs.word(test, RECIPIENT, "ar").subject.startswith("ar rtl: ")
