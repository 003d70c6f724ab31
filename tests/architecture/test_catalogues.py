"""Every text that people read is in every language that we ship, and the files are those of the sources."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest

from support.catalogues import DOMAINS, LANGUAGES, Domain, generated, read, sources

if TYPE_CHECKING:
    from collections.abc import Iterator

    from babel.messages.catalog import Message

CATALOGUES = [pytest.param(domain, tag, id=f"{domain.name}-{tag}") for domain in DOMAINS for tag in LANGUAGES]
# Texts that are the same in a language as in English, each with the reason.
SAME = {
    "de": {
        "Passkey": "the name that platforms use in German",
        "Demonstration": "the same word",
        "April": "the month",
        "August": "the month",
        "September": "the month",
        "November": "the month",
    },
    "fr": {
        "Applications": "the same word",
        "E-mail": "the same word",
        "%(count)s minute": "the same word",
        "%(count)s minutes": "the same word",
    },
    "es": {
        "Error": "the same word",
        "Error: %(title)s": "the same word",
    },
    "ja": {},
    "ar": {},
}
_PLACE = re.compile(r"%\(\w+\)[sd]|%%")
_LETTER = re.compile(r"[^\W\d_]")
_TAG = re.compile(r"</?\w+[^>]*>")


def texts(domain: Domain, tag: str) -> Iterator[tuple[Message, str, str]]:
    """Each text: the message, its English, what a reader of the language sees."""
    known = read(domain, tag)
    for message in sources(domain):
        if not message.id:
            continue
        found = known.get(message.id, message.context)
        if isinstance(message.id, str):
            yield message, message.id, "" if found is None else str(found.string)
        else:
            strings = [""] * known.num_plurals if found is None else [str(each) for each in found.string or ()]
            for index, text in enumerate(strings):
                yield message, message.id[min(index, 1)], text


def where(message: Message) -> str:
    return ", ".join(sorted({path for path, _ in message.locations}))


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_the_catalogues_are_those_of_the_sources(domain: Domain) -> None:
    changed = [path.name for path, text in generated(domain).items() if not path.is_file() or path.read_bytes() != text]

    assert changed == [], "run make catalogs, and translate what is new"


@pytest.mark.parametrize("domain", DOMAINS, ids=lambda domain: domain.name)
def test_catalogues_do_not_tell_when_they_were_made(domain: Domain) -> None:
    for path, text in generated(domain).items():
        header = text.split(b"\n\n")[0]
        assert path.suffix == ".mo" or not re.search(rb"(?i)date|translator|generated|\d{4}-\d\d-\d\d", header), (
            path.name
        )


@pytest.mark.parametrize(("domain", "tag"), CATALOGUES)
def test_every_text_is_translated(domain: Domain, tag: str) -> None:
    missing = [f"{english!r} in {where(message)}" for message, english, text in texts(domain, tag) if not text.strip()]

    assert missing == [], f"write these into {domain.folder.name}/{tag}.po, then run make catalogs"


@pytest.mark.parametrize(("domain", "tag"), CATALOGUES)
def test_no_translation_is_a_guess(domain: Domain, tag: str) -> None:
    assert [message.id for message in read(domain, tag) if message.id and message.fuzzy] == []


@pytest.mark.parametrize(("domain", "tag"), CATALOGUES)
def test_no_english_is_left(domain: Domain, tag: str) -> None:
    same = {
        english for _, english, text in texts(domain, tag) if text == english and _LETTER.search(_PLACE.sub("", text))
    }

    assert same <= SAME[tag].keys(), "translate it, or say in SAME why it is the same"


@pytest.mark.parametrize("tag", LANGUAGES)
def test_what_is_said_to_be_the_same_is(tag: str) -> None:
    same = {english for domain in DOMAINS for _, english, text in texts(domain, tag) if text == english}

    assert SAME[tag].keys() <= same


@pytest.mark.parametrize(("domain", "tag"), CATALOGUES)
def test_every_translation_has_the_places_and_the_markup_of_its_source(domain: Domain, tag: str) -> None:
    for message, english, text in texts(domain, tag):
        wanted, found = (sorted(_PLACE.findall(each)) for each in (english, text))
        if not isinstance(message.id, str):
            # A number may be a word.
            wanted, found = ([place for place in each if place != "%(count)s"] for each in (wanted, found))
        assert found == wanted, text
        assert sorted(_TAG.findall(text)) == sorted(_TAG.findall(english)), text


@pytest.mark.parametrize(("domain", "tag"), CATALOGUES)
@pytest.mark.requirement("security 10: a translation is markup, and may stand in an attribute")
def test_no_translation_ends_an_attribute_or_begins_an_entity(domain: Domain, tag: str) -> None:
    for _, _, text in texts(domain, tag):
        bare = _TAG.sub("", text)
        assert not re.search(r'["<>&]', bare), text
        assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069\u00ad\u200b]", bare), text


# A reader hears one word for one thing. Of each term, what a translation of a text with it has to have.
TERMS = {
    "passkey": {
        "de": "passkey",
        "fr": "clés? d.accès",
        "es": "llaves? de acceso",
        "ja": "パスキー",
        "ar": "(مفتاح|مفاتيح) (ال)?مرور",
    },
    "recovery code": {
        "de": "wiederherstellungscode",
        "fr": "codes? de secours",
        "es": "códigos? de recuperación",
        "ja": "リカバリーコード",
        "ar": "(رمز|رموز|رمزا) (ال)?استرداد",
    },
    "authenticator app": {
        "de": "authenticator-app",
        "fr": "application d.authentification",
        "es": "aplicación de autenticación",
        "ja": "認証アプリ",
        "ar": "تطبيق (ال)?مصادقة",
    },
    "password": {
        "de": "passw[oö]rt",
        "fr": "mots? de passe",
        "es": "contraseña",
        "ja": "パスワード",
        "ar": "كلم(ة|ات) (ال)?مرور",
    },
}


@pytest.mark.parametrize("term", TERMS)
@pytest.mark.parametrize("tag", LANGUAGES)
def test_terms_are_the_same_everywhere(term: str, tag: str) -> None:
    without = [
        text
        for domain in DOMAINS
        for _, english, text in texts(domain, tag)
        if term in english.lower() and not re.search(TERMS[term][tag], text.lower())
    ]

    assert without == []
