"""What the demo does on the machine it runs on: a directory of its own, ports, a browser."""

from __future__ import annotations

import stat
import webbrowser
from pathlib import Path

import pytest

from valetkey.demo.browser import open_in_browser
from valetkey.demo.data_directory import data_directory, open_private
from valetkey.demo.demo_error import DemoError

URL = "http://127.0.0.1:8081/"


class WindowBrowser(webbrowser.BaseBrowser):
    def __init__(self) -> None:
        super().__init__()
        self.opened: list[str] = []

    def open(self, url: str, new: int = 0, autoraise: bool = True) -> bool:  # noqa: ARG002 - webbrowser's signature
        self.opened.append(url)
        return True


def test_a_browser_with_a_window_is_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    browser = WindowBrowser()
    monkeypatch.setattr(webbrowser, "get", lambda: browser)

    open_in_browser(URL)

    assert browser.opened == [URL]


def test_a_browser_of_the_terminal_is_not_given_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    started = tmp_path / "started"
    monkeypatch.setattr(webbrowser, "get", lambda: webbrowser.GenericBrowser(["touch", str(started)]))

    open_in_browser(URL)

    assert not started.exists()


def test_no_browser_is_no_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = []

    def none() -> webbrowser.BaseBrowser:
        asked.append(URL)
        raise webbrowser.Error

    monkeypatch.setattr(webbrowser, "get", none)

    open_in_browser(URL)

    assert asked == [URL]


def test_the_directory_holds_one_demo_at_a_time(tmp_path: Path) -> None:
    place = tmp_path / ".demo"

    with data_directory(place), pytest.raises(DemoError, match="running"), data_directory(place):
        pass

    with data_directory(place) as again:
        assert again.is_dir()


def test_files_of_an_earlier_demo_are_removed_and_other_files_stay(tmp_path: Path) -> None:
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    for name in ("demo.json", "log", "audit", "diary"):
        (tmp_path / name).touch()

    with data_directory(tmp_path) as directory:
        found = {entry.name for entry in directory.iterdir()}

    assert found == {"lock", "diary"}


def test_the_logs_outlive_the_demo_and_the_stores_do_not(tmp_path: Path) -> None:
    with data_directory(tmp_path) as directory:
        (directory / "redis").mkdir()
        for name in ("log", "audit"):
            (directory / name).touch()

    assert {entry.name for entry in tmp_path.iterdir()} == {"lock", "log", "audit"}


def test_a_place_that_cannot_be_written_is_named(tmp_path: Path) -> None:
    occupied = tmp_path / "file"
    occupied.touch()

    with pytest.raises(DemoError, match=str(occupied)), data_directory(occupied / ".demo"):
        pass


def test_a_private_file_is_created_new_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "secret"
    with open(open_private(path), "w", encoding="utf-8") as file:  # noqa: PTH123 - a descriptor, not a path
        file.write("x")

    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    with pytest.raises(FileExistsError):
        open_private(path)
