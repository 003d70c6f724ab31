"""A fleet of replicas that lag, restart and die, verifiers that cache, and a job that runs at any time."""

from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from support.rotation import EPOCH, POLICY, START, active, applied, observation, seconds
from valetkey.core.jose.keys import KeyObservation, KeyState, PublicKey
from valetkey.key_rotation.plan import plan

ALGORITHMS = ("ES256", "RS256")
TICK = seconds(10)
TICKS = 150
FLEET = replace(
    POLICY,
    algorithms=ALGORITHMS,
    jwks_max_age=10 * TICK,
    activation_margin=TICK,
    active_period=3 * TICK,  # shorter than any installation may set it, so that a key signs as soon as it may
    replica_timeout=6 * TICK,
    token_lifetime=8 * TICK,
    signer_staleness=7 * TICK,
)
Kids = frozenset[str]


@dataclass(frozen=True)
class Lags:
    """The ticks in which a replica hears nothing from PostgreSQL."""

    ticks: frozenset[int]

    def __contains__(self, tick: int) -> bool:
        return tick in self.ticks


@dataclass(frozen=True)
class Fate:
    """What will happen to one replica that serves the JWK Set. Its clock may be off by up to the margin."""

    starts: int
    dies: int
    lags: Lags
    clock_is_off_by: timedelta


lags = st.lists(st.tuples(st.integers(0, TICKS), st.integers(1, 6)), max_size=12).map(
    lambda spans: Lags(frozenset(tick for start, length in spans for tick in range(start, start + length)))
)
fates = st.builds(
    Fate,
    starts=st.integers(0, TICKS),
    dies=st.integers(1, 2 * TICKS),
    lags=lags,
    clock_is_off_by=st.sampled_from([-FLEET.activation_margin, seconds(0), FLEET.activation_margin]),
)
pauses = st.lists(st.integers(1, 8), min_size=TICKS // 8, max_size=TICKS // 2)


@dataclass
class Replica:
    """One that serves the JWK Set as it last heard it, and dies when it has heard nothing for too long."""

    fate: Fate
    kids: Kids
    serving_since: datetime
    seen_at: datetime

    def poll(self, published: Kids, now: datetime) -> None:
        if not published <= self.kids:
            self.serving_since = now + self.fate.clock_is_off_by
        self.kids, self.seen_at = published, now

    def report(self, name: str) -> KeyObservation:
        seen_at = self.seen_at + self.fate.clock_is_off_by
        return observation(name, self.kids, seen_at=seen_at, serving_since=self.serving_since)


@dataclass
class Signer:
    """One that signs with what it read last, until it has heard nothing for too long."""

    lags: Lags
    kids: list[str]
    read_at: datetime


@dataclass
class Fleet:
    """Everything that runs, and every answer and token that a verifier or a client may still hold."""

    fates: list[Fate]
    now: datetime = START
    keys: list[PublicKey] = field(default_factory=list)
    replicas: dict[str, Replica] = field(default_factory=dict)
    signers: list[Signer] = field(default_factory=list)
    reports: dict[str, KeyObservation] = field(default_factory=dict)
    answers: dict[Kids, datetime] = field(default_factory=dict)
    tokens: dict[str, datetime] = field(default_factory=dict)
    begun: set[str] = field(default_factory=set)

    def rotate(self) -> None:
        self.keys = applied(self.keys, plan(self.keys, list(self.reports.values()), FLEET, self.now), self.now)

    @property
    def published(self) -> Kids:
        return frozenset(known.kid for known in self.keys)

    @property
    def signing(self) -> list[str]:
        return [kid for alg in ALGORITHMS for kid in active(self.keys, alg)]

    def serve(self, tick: int) -> None:
        for number, fate in enumerate(self.fates):
            name = str(number)
            if fate.starts <= tick and name not in self.begun and tick not in fate.lags:
                # It serves once it has reported.
                self.begun.add(name)
                self.replicas[name] = Replica(fate, self.published, EPOCH, self.now)
            if (replica := self.replicas.get(name)) is None:
                continue
            if fate.dies <= tick or self.now >= replica.seen_at + FLEET.replica_timeout:
                del self.replicas[name]
                continue
            if tick not in fate.lags:
                replica.poll(self.published, self.now)
                self.reports[name] = replica.report(name)
            self.answers[replica.kids] = self.now

    def sign(self, tick: int) -> None:
        for signer in self.signers:
            if tick not in signer.lags:
                signer.kids, signer.read_at = self.signing, self.now
            if self.now < signer.read_at + FLEET.signer_staleness:
                self.tokens.update(dict.fromkeys(signer.kids, self.now + FLEET.token_lifetime))

    def unverifiable(self) -> set[str]:
        """The keys of living tokens that are missing from an answer that a verifier may still use."""
        living = {kid for kid, expires_at in self.tokens.items() if self.now < expires_at}
        held = [kids for kids, at in self.answers.items() if self.now < at + FLEET.jwks_max_age]
        return {kid for kids in held for kid in living - kids}


@pytest.mark.requirement("RFC 7517 §5: no verifier meets a token whose key it cannot have, whenever keys rotate")
@settings(max_examples=150)
@given(fates=st.lists(fates, min_size=1, max_size=4), signers=st.lists(lags, max_size=2), pauses=pauses)
def test_no_verifier_meets_a_token_whose_key_it_cannot_have(
    fates: list[Fate], signers: list[Lags], pauses: list[int]
) -> None:
    fleet = Fleet(fates)
    fleet.rotate()
    fleet.signers = [Signer(silent, fleet.signing, START) for silent in (*signers, Lags(frozenset()))]
    runs = {sum(pauses[:count]) for count in range(1, len(pauses) + 1)}

    for tick in range(TICKS):
        if tick in runs:
            fleet.rotate()
        fleet.serve(tick)
        fleet.sign(tick)

        assert fleet.unverifiable() == set()
        assert len(fleet.signing) == len(ALGORITHMS)
        fleet.now += TICK


@given(pauses=st.lists(st.integers(1, 20), min_size=20, max_size=60))
def test_every_key_is_replaced_retired_and_deleted_in_the_end(pauses: list[int]) -> None:
    fleet = Fleet([])
    fleet.rotate()
    originals = fleet.published
    longest_pause = 20 * TICK
    life = 2 * (FLEET.active_period + longest_pause) + FLEET.retirement + longest_pause

    while fleet.now < START + life:
        for pause in pauses:
            fleet.now += pause * TICK
            fleet.reports = {"replica": observation("replica", fleet.published, seen_at=fleet.now)}
            fleet.rotate()

    assert originals.isdisjoint(fleet.published)
    assert len([known for known in fleet.keys if known.state is KeyState.PREPARED]) == len(ALGORITHMS)


@given(runs=st.integers(min_value=2, max_value=6), pause=st.integers(min_value=0, max_value=60))
def test_repeated_runs_at_one_moment_add_up_to_one(runs: int, pause: int) -> None:
    fleet = Fleet([])
    fleet.rotate()
    fleet.now += pause * TICK
    fleet.rotate()
    once = fleet.keys

    for _ in range(runs):
        fleet.rotate()

    assert fleet.keys == once
