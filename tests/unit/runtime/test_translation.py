"""Catalogues: ours, those of a team over them, and those that cannot be used."""

from io import BytesIO
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.mofile import write_mo

from valetkey.core.message import Message
from valetkey.runtime.translation import MAX_BYTES, CatalogueError, Languages, Translator

Texts = dict[str | tuple[str, str], str | tuple[str, ...]]


def write(directory: Path, name: str, tag: str, texts: Texts) -> None:
    catalogue, written = Catalog(locale=tag.replace("-", "_")), BytesIO()
    for source, text in texts.items():
        catalogue.add(source, text)
    write_mo(written, catalogue)
    (directory / name).write_bytes(written.getvalue())


@pytest.fixture
def own(tmp_path: Path) -> Path:
    directory = tmp_path / "own"
    directory.mkdir()
    write(directory, "de.mo", "de", {"Sign in": "Anmelden", "Cancel": "Abbrechen"})
    return directory


@pytest.fixture
def theirs(tmp_path: Path) -> Path:
    directory = tmp_path / "theirs"
    directory.mkdir()
    return directory


def spoken(languages: Languages, tag: str, *sources: str) -> list[str]:
    translator = Translator(languages.default)
    with translator.speaking(languages.choose(tag)):
        return [translator.gettext(source) for source in sources]


def test_a_text_that_is_not_translated_is_its_source(own: Path) -> None:
    languages = Languages(own, "pages", ("en", "de"), "en")

    assert spoken(languages, "de-AT", "Sign in", "Allow") == ["Anmelden", "Allow"]
    assert spoken(languages, "fr", "Sign in") == ["Sign in"]


def test_texts_of_a_team_come_before_ours_one_by_one(own: Path, theirs: Path) -> None:
    write(theirs, "pages.de.mo", "de", {"Sign in": "Einloggen"})
    write(theirs, "pages.en.mo", "en", {"Sign in": "Log in"})
    write(theirs, "mails.de.mo", "de", {"Cancel": "Nein"})

    languages = Languages(own, "pages", ("en", "de"), "de", directory=theirs)

    assert spoken(languages, "de", "Sign in", "Cancel") == ["Einloggen", "Abbrechen"]
    assert spoken(languages, "en", "Sign in", "Cancel") == ["Log in", "Cancel"]


def test_a_language_of_a_team_is_on_offer(own: Path, theirs: Path) -> None:
    write(theirs, "pages.he.mo", "he", {"Sign in": "כניסה"})

    languages = Languages(own, "pages", ("de", "he"), "de", directory=theirs)

    assert spoken(languages, "he-IL", "Sign in") == ["כניסה"]
    assert languages.choose("he").direction == "rtl"


@pytest.mark.parametrize(
    ("texts", "reason"),
    [
        ({"Hello %(name)s": "Hallo %(nome)s"}, "does not have"),
        ({"Hello %(name)s": "Hallo"}, "does not have"),
        ({"Hello %(name)s": "Hallo %(name)s 100%"}, "does not have"),
        ({"Hello %(name)s": "Hallo %(name)"}, "does not have"),
        ({("One code of %(app)s", "%(count)s codes of %(app)s"): ("Ein Code", "%(count)s Codes")}, "does not have"),
    ],
)
def test_a_text_that_could_not_be_shown_is_found_at_start(own: Path, theirs: Path, texts: Texts, reason: str) -> None:
    write(theirs, "pages.de.mo", "de", texts)

    with pytest.raises(CatalogueError, match=reason):
        Languages(own, "pages", ("de",), "de", directory=theirs)


def test_a_number_may_be_a_word(own: Path, theirs: Path) -> None:
    write(theirs, "pages.de.mo", "de", {("One code", "%(count)s codes"): ("Ein Code", "%(count)s Codes")})

    languages = Languages(own, "pages", ("de",), "de", directory=theirs)

    translator = Translator(languages.default)
    assert [translator.ngettext("One code", "%(count)s codes", count) for count in (1, 2)] == [
        "Ein Code",
        "%(count)s Codes",
    ]


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "cannot be read"),
        (b"no catalogue", "cannot be read"),
        (b"\xde\x12\x04\x95" + b"\x00" * 8, "cannot be read"),
        (b"\xde\x12\x04\x95" + b"\xff" * 40, "cannot be read"),
        (b"\x00" * (MAX_BYTES + 1), "larger than"),
    ],
)
def test_a_file_that_is_no_catalogue_is_found_at_start(own: Path, theirs: Path, content: bytes, reason: str) -> None:
    (theirs / "pages.de.mo").write_bytes(content)

    with pytest.raises(CatalogueError, match=reason):
        Languages(own, "pages", ("de",), "de", directory=theirs)


@pytest.mark.parametrize(
    ("tags", "default", "with_directory", "reason"),
    [
        (("de", "pt"), "de", False, "pt has no catalogue.*no such directory"),
        (("de", "pt"), "de", True, "pt has no catalogue.*pages.pt.mo"),
        (("de",), "en", True, "default language en is not among"),
    ],
)
def test_a_language_that_cannot_be_offered_is_found_at_start(
    own: Path, theirs: Path, tags: tuple[str, ...], default: str, reason: str, *, with_directory: bool
) -> None:
    with pytest.raises(CatalogueError, match=reason):
        Languages(own, "pages", tags, default, directory=theirs if with_directory else None)


def test_a_directory_that_is_not_there_is_found_at_start(own: Path, tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="does not exist"):
        Languages(own, "pages", ("de",), "de", directory=tmp_path / "nowhere")


def test_a_sentence_of_the_code_is_translated_with_its_values(own: Path, theirs: Path) -> None:
    write(theirs, "pages.de.mo", "de", {"At least %(count)d": "Mindestens %(count)d", "100% sure": "Ganz sicher"})
    languages = Languages(own, "pages", ("de",), "de", directory=theirs)
    translator = Translator(languages.default)

    assert translator.translated(Message("At least %(count)d", count=8)) == "Mindestens 8"
    assert str(Message("At least %(count)d", count=8)) == "At least 8"
    assert translator.translated(Message("Cancel")) == "Abbrechen"
    assert translator.translated("Cancel") == "Cancel"
    assert translator.translated(None) is None
