"""What is broken on purpose at night is there in the product: a mutant whose place has moved would break nothing."""

from contextlib import ExitStack

import pytest

from faults.mutations import MUTATIONS


@pytest.mark.parametrize("mutation", MUTATIONS)
def test_a_mutant_finds_what_it_breaks(mutation: str) -> None:
    patches = MUTATIONS[mutation].patches()

    with ExitStack() as stack:
        replaced = [stack.enter_context(patch) for patch in patches]

    assert replaced
