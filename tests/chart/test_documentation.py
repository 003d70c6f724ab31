"""What the chart says about its values comes from the comments next to them."""

import pytest

from support.chart_documentation import README, SCHEMA, documents


@pytest.mark.parametrize("file", [README, SCHEMA], ids=lambda path: path.name)
def test_what_is_written_is_what_the_comments_say(file: object) -> None:
    (path,) = (path for path in documents() if path == file)

    assert path.read_text(encoding="utf-8") == documents()[path], "run make chart-docs"
