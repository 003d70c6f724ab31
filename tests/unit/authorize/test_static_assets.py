"""Static files: found by exact name, addressed by content."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from valetkey.authorize.pages.static_assets import StaticAssets
from valetkey.authorize.pages.theme import Theme, ThemeError, theme_css


@pytest.mark.parametrize(
    ("name", "content_type"),
    [
        ("valetkey.css", "text/css; charset=utf-8"),
        ("theme.css", "text/css; charset=utf-8"),
        ("form_post.js", "text/javascript; charset=utf-8"),
        ("logo.svg", "image/svg+xml"),
        ("favicon.svg", "image/svg+xml"),
    ],
)
def test_every_file_of_the_pages_is_there(name: str, content_type: str) -> None:
    asset = StaticAssets(Theme()).find(name)

    assert asset is not None
    assert asset.content_type == content_type
    assert asset.etag == f'"{sha256(asset.body).hexdigest()[:32]}"'


@pytest.mark.requirement("security 48: a name from the address never becomes a path on disk")
@pytest.mark.parametrize(
    "name",
    [
        "",
        ".",
        "..",
        "../pages.py",
        "/etc/passwd",
        "static/valetkey.css",
        "VALETKEY.CSS",
        "valetkey.css\0",
        "absent.css",
    ],
)
def test_any_other_name_finds_nothing(name: str) -> None:
    assert StaticAssets(Theme()).find(name) is None


@pytest.mark.parametrize("base_path", ["", "/tenant/one"])
def test_an_address_starts_with_the_issuers_path_and_ends_with_the_contents_hash(base_path: str) -> None:
    one, other = (StaticAssets(Theme(accent=accent), base_path=base_path) for accent in ("#0b6b5d", "#ffd400"))

    assert one.url("theme.css").startswith(f"{base_path}/static/theme.css?v=")
    assert one.url("theme.css") != other.url("theme.css")
    assert one.url("valetkey.css") == other.url("valetkey.css")


@pytest.mark.parametrize("name", ["logo.svg", "favicon.svg"])
def test_our_own_marks_take_the_accent_and_stay_well_formed(name: str) -> None:
    asset = StaticAssets(Theme(accent="#ffd400")).find(name)

    assert asset is not None
    assert theme_css("#ffd400").encode() in asset.body
    assert ET.fromstring(asset.body).tag.endswith("svg")  # noqa: S314 (the file is ours)


def test_a_logo_of_the_brand_takes_the_place_of_ours(tmp_path: Path) -> None:
    logo = tmp_path / "acme mark.PNG"
    logo.write_bytes(b"\x89PNG")

    assets = StaticAssets(Theme(logo=logo))

    found = assets.find(assets.logo)
    assert found is not None
    assert (found.body, found.content_type, assets.logo) == (b"\x89PNG", "image/png", "logo.png")


@pytest.mark.parametrize("name", ["logo.exe", "logo.html", "logo"])
def test_a_logo_that_is_not_a_picture_is_refused(name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(b"x")

    with pytest.raises(ThemeError, match="must be one of"):
        StaticAssets(Theme(logo=tmp_path / name))


def test_a_logo_that_is_missing_or_too_large_is_refused(tmp_path: Path) -> None:
    large = tmp_path / "large.png"
    large.write_bytes(bytes(512 * 1024 + 1))

    with pytest.raises(ThemeError, match="cannot be read"):
        StaticAssets(Theme(logo=tmp_path / "absent.png"))
    with pytest.raises(ThemeError, match="larger than 512 KiB"):
        StaticAssets(Theme(logo=large))


def test_files_of_the_platform_team_win_and_join_ours(tmp_path: Path) -> None:
    (tmp_path / "valetkey.css").write_text("body {}")
    (tmp_path / "acme.svg").write_text("<svg/>")
    (tmp_path / ".hidden").write_text("x")

    assets = StaticAssets(Theme(), directory=tmp_path)

    assert [asset and asset.body for asset in map(assets.find, ("valetkey.css", "acme.svg", ".hidden"))] == [
        b"body {}",
        b"<svg/>",
        None,
    ]


def test_a_file_of_another_type_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "page.html").write_text("x")

    with pytest.raises(ThemeError, match=r"page\.html must be one of"):
        StaticAssets(Theme(), directory=tmp_path)
