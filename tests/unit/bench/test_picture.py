"""The picture is well-formed, shows every number where it belongs, and survives any name."""

from xml.etree import ElementTree as ET

import pytest

from bench.picture import Panel, Series, to_svg

SVG = "{http://www.w3.org/2000/svg}"
POINTS = ((1.0, 100.0), (16.0, 1000.0), (256.0, 10_000.0))


def drawn(*panels: Panel, title: str = "A picture") -> ET.Element:
    return ET.fromstring(to_svg(title, panels))  # noqa: S314 - ours


def panel(series: Series) -> Panel:
    return Panel("Throughput", "connections", "requests per second", series)


def coordinates(picture: ET.Element) -> list[list[tuple[float, float]]]:
    lines = [line.attrib["points"].split() for line in picture.iter(f"{SVG}polyline")]
    return [[(float(x), float(y)) for x, y in (point.split(",") for point in line)] for line in lines]


def test_equal_factors_are_equal_distances() -> None:
    picture = drawn(panel({"token": POINTS}))

    ((first, second, third),) = coordinates(picture)
    assert second[0] - first[0] == pytest.approx(third[0] - second[0], abs=0.2)
    assert first[1] - second[1] == pytest.approx(second[1] - third[1], abs=0.2)
    assert first[1] > second[1] > third[1]


def test_every_point_tells_its_numbers() -> None:
    picture = drawn(panel({"token": POINTS}))

    told = [title.text for mark in picture.iter(f"{SVG}circle") for title in mark.iter(f"{SVG}title")]
    assert told == ["token, 1: 100", "token, 16: 1,000", "token, 256: 10,000"]


def test_each_series_has_a_line_in_each_panel_and_one_word_in_the_legend() -> None:
    series = {"token": POINTS, "introspection": POINTS}

    picture = drawn(panel(series), panel(series))

    words = [text.text for text in picture.iter(f"{SVG}text")]
    assert len(coordinates(picture)) == 4
    assert [words.count(name) for name in series] == [1, 1]
    assert words.count("connections") == 2


@pytest.mark.parametrize("name", ["<script>", "a & b", 'says "hello"', "]]>", "</title>"])
def test_whatever_a_name_holds_is_text(name: str) -> None:
    picture = drawn(panel({name: POINTS}), title=name)

    assert name in [text.text for text in picture.iter(f"{SVG}text")]
    assert picture.find(f"{SVG}title") is not None
    assert not list(picture.iter(f"{SVG}script"))


@pytest.mark.parametrize("points", [(), ((4.0, 0.25),), ((1.0, 7.0), (4.0, 7.0))])
def test_few_points_or_equal_ones_stay_on_the_paper(points: tuple[tuple[float, float], ...]) -> None:
    picture = drawn(panel({"token": points}))

    _, _, width, height = map(float, picture.attrib["viewBox"].split())
    ((*found,),) = coordinates(picture)
    assert len(found) == len(points)
    assert all(0 < x < width and 0 < y < height for x, y in found)
