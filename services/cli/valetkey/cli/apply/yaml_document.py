"""YAML as data and nothing else: no tags, no key twice, no surprise in size. YAML 1.2 §3.2.1.3: keys are unique."""

from __future__ import annotations

from typing import Any

import yaml

MAX_BYTES = 1 << 20


class YamlError(ValueError):
    """The text is no such YAML; the sentence says where."""


class _Loader(yaml.SafeLoader):
    """A safe loader that refuses a mapping with the same key twice, of which others silently keep the last."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:  # noqa: FBT001, FBT002 - yaml's signature
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key, yaml.ScalarNode):
                if key.value in seen:
                    raise YamlError(f"line {key.start_mark.line + 1}: {key.value!r} is there twice; remove one")
                seen.add(key.value)
        return super().construct_mapping(node, deep)


def parse_yaml(text: str) -> object:
    """What the one document in the text says. Raises ``YamlError``."""
    if len(text.encode()) > MAX_BYTES:
        raise YamlError(f"the file is longer than {MAX_BYTES} bytes")
    try:
        return _load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = "" if mark is None else f"line {mark.line + 1}: "
        # Not str(error), which quotes the file, and the file may hold what nobody should see.
        raise YamlError(f"{where}{getattr(error, 'problem', None) or 'not well-formed YAML'}") from None
    except RecursionError:
        raise YamlError("nested too deep") from None
    except YamlError:
        raise
    except ValueError:
        # What looks like a date and is none, for example.
        raise YamlError("a value that is none of its kind; put it in quotes") from None


def _load(text: str) -> object:
    loader = _Loader(text)
    try:
        return loader.get_single_data()
    finally:
        loader.dispose()
