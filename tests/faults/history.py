"""Everything that was asked during a run, in the order of the answers; kept as JSON lines."""

from __future__ import annotations

import asyncio
import json
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, field
from itertools import count
from typing import TYPE_CHECKING, Any

from aiohttp import ClientError

from faults.call import Answer, Call, Outcome

if TYPE_CHECKING:
    from pathlib import Path


@dataclass(slots=True)
class History:
    """Records calls while they are made. What was handed out is called by a short name, the same for the same value."""

    clock: Callable[[], float] = time.monotonic
    calls: list[Call] = field(default_factory=list)
    grown: asyncio.Condition = field(default_factory=asyncio.Condition)
    _numbers: Iterator[int] = field(default_factory=count)
    _names: dict[str, str] = field(default_factory=dict)
    _named: Counter[str] = field(default_factory=Counter)

    def name(self, kind: str, value: str) -> str:
        """``code-1``, ``refresh-7``: what the history calls this value."""
        if value not in self._names:
            self._named[kind] += 1
            self._names[value] = f"{kind}-{self._named[kind]}"
        return self._names[value]

    async def ask(
        self,
        kind: str,
        *,
        actor: str,
        at: str,
        given: Mapping[str, str],
        question: Awaitable[Answer],
        patience: float | None = None,
    ) -> Call:
        """Ask, and record what came of it. After ``patience`` seconds the one who asks hangs up."""
        number, began, note, hung_up = next(self._numbers), self.clock(), "", False
        answer = Answer(Outcome.UNKNOWN)
        try:
            async with asyncio.timeout(patience) as waiting:
                answer = await question
        except (ClientError, OSError, ValueError) as error:
            hung_up, note = waiting.expired(), f"{type(error).__name__}: {error}"
        call = Call(number, actor, kind, at, began, self.clock(), dict(given), answer, hung_up, note)
        self.calls.append(call)
        async with self.grown:
            self.grown.notify_all()
        return call

    def write(self, path: Path) -> None:
        """One call per line."""
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("".join(f"{json.dumps(asdict(call))}\n" for call in self.calls), encoding="utf-8")


def read_history(lines: Iterable[str]) -> list[Call]:
    """The calls that ``write`` has written."""
    return [_call(json.loads(line)) for line in lines]


def _call(record: dict[str, Any]) -> Call:
    answer = record.pop("answer")
    return Call(**record, answer=Answer(**{**answer, "outcome": Outcome(answer["outcome"])}))
