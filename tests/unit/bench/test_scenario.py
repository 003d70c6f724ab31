"""Which scenarios are measured, and what we promise of them."""

from bench.scenario import HOT, LOGIN, SCENARIOS, chosen_from


def test_the_budgets_are_those_that_we_promise() -> None:
    budgets = {each.name: each.budget for each in SCENARIOS if each.budget is not None}

    assert budgets.pop("client_credentials ES256") == 0.33
    assert budgets.pop("refresh") == budgets.pop("authorize, signed in") == 0.20
    assert budgets.pop(LOGIN.name) == 0.80
    assert len(budgets) == 4
    assert {name.partition(" ")[0] for name in budgets} == {"introspect"}
    assert set(budgets.values()) == {0.55}


def test_a_part_of_a_name_chooses_and_no_part_chooses_all() -> None:
    assert [each.name for each in chosen_from(SCENARIOS, ["jwks", "disco"])] == ["jwks", "discovery"]
    assert chosen_from(SCENARIOS, []) == list(SCENARIOS)
    assert chosen_from(SCENARIOS, ["no such thing"]) == []


def test_names_are_unique_and_every_hot_endpoint_is_drawn() -> None:
    assert len({each.name for each in SCENARIOS}) == len(SCENARIOS)
    assert len(HOT) == 5
