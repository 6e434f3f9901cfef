"""Identity resolution: founding, attaching, merging, and what the limits refuse."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from typing import NamedTuple
from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from profile_service.domain.decisions import Resolution
from profile_service.domain.identity import Census, IdentityRules, Known, Membership, TypeRule
from profile_service.domain.resolution import find_stake, resolve

START = datetime(2024, 5, 1, tzinfo=UTC)
RULES = IdentityRules(
    {"member": TypeRule(1), "phone": TypeRule(2), "device": TypeRule(9), "hint": TypeRule(9, may_link=False)},
    100,
)


class Ref(NamedTuple):
    type: str
    hash: bytes


@dataclass(frozen=True)
class Seen:
    touchpoint_id: UUID
    received_at: datetime
    identifiers: list[Ref]


def seen(number: int, *identifiers: str) -> Seen:
    """Touchpoint `number` with identifiers written as `type:value`, strongest first."""
    touchpoint_id = UUID(bytes=sha256(str(number).encode()).digest()[:16])
    refs = [Ref(text.split(":")[0], text.encode()) for text in identifiers]
    return Seen(touchpoint_id, START + timedelta(seconds=number), refs)


class Store:
    """What a database would hold, given to the resolution batch by batch and no more of it than is asked for."""

    def __init__(self, rules: IdentityRules = RULES) -> None:
        self.rules = rules
        self.owners: dict[bytes, UUID] = {}
        self.types: dict[bytes, str] = {}
        self.memberships: dict[UUID, Membership] = {}

    def resolve(self, batch: list[Seen]) -> Resolution:
        known = Known()
        for touchpoint in batch:
            for ref in touchpoint.identifiers:
                if ref.hash in self.owners:
                    owner = known.owners[ref.hash] = self.owners[ref.hash]
                    known.memberships[owner] = self.memberships[owner]
        for customer_id in find_stake(batch, known).customers:
            census = known.customers[customer_id] = Census()
            for profile_id, membership in self.memberships.items():
                if membership.customer_id == customer_id:
                    census.fragments.append(profile_id)
                    known.memberships[profile_id] = membership
            census.identifiers = Counter(
                self.types[hash_]
                for hash_, owner in self.owners.items()
                if self.memberships[owner].customer_id == customer_id
            )
        resolution = resolve(batch, known, self.rules)
        self.memberships |= known.memberships
        for attachment in resolution.attachments:
            self.owners[attachment.hash] = attachment.profile_id
            self.types[attachment.hash] = attachment.type
        return resolution

    def customer(self, identifier: str) -> UUID:
        return self.memberships[self.owners[identifier.encode()]].customer_id


def test_unseen_identifiers_found_one_fragment_that_owns_them_all() -> None:
    store = Store()
    resolution = store.resolve([seen(1, "phone:a", "device:d")])
    (founded,) = resolution.founded
    assert resolution.placements == [founded]
    assert store.owners == {b"phone:a": founded, b"device:d": founded}
    assert store.memberships == {founded: Membership(founded, 1)}


def test_a_touchpoint_without_identifiers_gets_a_fragment_of_its_own() -> None:
    resolution = Store().resolve([seen(1), seen(2)])
    assert len(set(resolution.placements)) == len(resolution.founded) == 2


def test_a_new_identifier_beside_a_known_one_joins_its_fragment() -> None:
    store = Store()
    first = store.resolve([seen(1, "device:d")]).placements
    second = store.resolve([seen(2, "phone:a", "device:d")])
    assert second.placements == first
    assert not second.founded
    assert store.owners[b"phone:a"] == first[0]


def test_two_known_customers_merge_into_the_smaller_id_and_say_why() -> None:
    store = Store()
    older, newer = store.resolve([seen(1, "device:d"), seen(2, "phone:a")]).placements
    resolution = store.resolve([seen(3, "phone:a", "device:d")])
    (merge,) = resolution.merges
    assert older.int < newer.int
    assert (merge.customer_id, merge.absorbed_customer_id) == (older, newer)
    assert merge.moved == ((newer, 2),)
    assert (merge.touchpoint_id, merge.identifier_type, merge.identifier_hash) == (
        seen(3).touchpoint_id,
        "device",
        b"device:d",
    )
    assert (merge.home_profile_id, merge.owner_profile_id, merge.strongest_hash) == (newer, older, b"phone:a")
    assert resolution.placements == [newer], "facts stay with the fragment of the strongest identifier"
    assert store.memberships[newer] == Membership(older, 2)


def test_a_chain_inside_one_batch_is_one_customer() -> None:
    store = Store()
    store.resolve(
        [
            seen(1, "device:1", "device:2"),
            seen(2, "device:3"),
            seen(3, "device:2", "device:3"),
            seen(4, "device:3", "device:4"),
        ]
    )
    assert len({membership.customer_id for membership in store.memberships.values()}) == 1


def test_a_new_value_over_the_limit_founds_its_own_customer_and_the_refusal_is_visible() -> None:
    store = Store()
    store.resolve([seen(1, "member:1", "device:d")])
    resolution = store.resolve([seen(2, "member:2", "device:d")])
    assert store.customer("member:1") == store.customer("device:d") != store.customer("member:2")
    assert resolution.placements == [store.owners[b"member:2"]], (
        "it goes to its strongest identifier's customer"
    )
    (refusal,) = resolution.refusals
    assert (refusal.reason, refusal.rule_type, refusal.identifier_type) == ("limit", "member", "device")
    assert (refusal.strongest_hash, refusal.identifier_hash) == (b"member:2", b"device:d")


def test_customers_whose_values_together_pass_the_limit_do_not_merge() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "phone:2", "device:a"), seen(2, "phone:3", "device:b")])
    resolution = store.resolve([seen(3, "device:a", "device:b")])
    assert not resolution.merges
    assert [(refusal.reason, refusal.rule_type) for refusal in resolution.refusals] == [("limit", "phone")]
    assert store.customer("device:a") != store.customer("device:b")


def test_a_weaker_new_value_over_the_limit_stays_unseen() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "phone:2", "phone:3")])
    assert b"phone:3" not in store.owners
    later = store.resolve([seen(2, "phone:3")])
    assert later.founded


def test_fragments_of_a_customer_are_limited() -> None:
    store = Store(IdentityRules({"device": TypeRule(99)}, fragments_per_customer=2))
    store.resolve([seen(n, f"device:{n}") for n in range(3)])
    resolution = store.resolve([seen(3, "device:0", "device:1"), seen(4, "device:1", "device:2")])
    assert len(resolution.merges) == 1
    assert [refusal.reason for refusal in resolution.refusals] == ["fragments_per_customer"]


def test_a_type_that_may_not_link_never_joins_customers() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "hint:h")])
    resolution = store.resolve([seen(2, "phone:2", "hint:h")])
    assert store.customer("phone:1") != store.customer("phone:2")
    assert [refusal.reason for refusal in resolution.refusals] == ["may_link"]
    assert store.resolve([seen(3, "hint:h")]).placements == [store.owners[b"phone:1"]]


def test_an_undeclared_type_never_joins_customers() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "novel:x"), seen(2, "novel:x", "phone:2")])
    assert store.customer("phone:1") != store.customer("phone:2")


IDENTIFIERS = [f"{kind}:{value}" for kind in ("member", "phone", "device", "hint") for value in range(4)]
touchpoints = st.lists(st.lists(st.sampled_from(IDENTIFIERS), max_size=4, unique=True), max_size=25).map(
    lambda lists: [seen(number, *identifiers) for number, identifiers in enumerate(lists)]
)


@given(touchpoints, st.lists(st.integers(1, 6), min_size=25, max_size=25))
def test_batches_give_what_one_by_one_gives_even_where_limits_decide(
    batch: list[Seen], sizes: list[int]
) -> None:
    whole, cut = Store(), Store()
    at_once = whole.resolve(batch)
    placements: list[UUID] = []
    refusals: list[tuple[bytes, bytes, str]] = []
    for size in sizes:
        part = cut.resolve(batch[len(placements) : len(placements) + size])
        placements += part.placements
        refusals += [(each.strongest_hash, each.identifier_hash, each.reason) for each in part.refusals]
    assert at_once.placements == placements
    assert [(each.strongest_hash, each.identifier_hash, each.reason) for each in at_once.refusals] == refusals
    assert (whole.owners, whole.memberships) == (cut.owners, cut.memberships)


@given(touchpoints)
def test_no_customer_ever_passes_a_limit(batch: list[Seen]) -> None:
    store = Store()
    store.resolve(batch)
    held = Counter(
        (store.memberships[owner].customer_id, store.types[h]) for h, owner in store.owners.items()
    )
    assert all(count <= RULES.rule(kind).limit for (_, kind), count in held.items())


@given(touchpoints)
def test_every_customer_id_is_a_fragment_and_survives_as_the_smallest(batch: list[Seen]) -> None:
    store = Store()
    store.resolve(batch)
    for profile_id, membership in store.memberships.items():
        assert membership.customer_id.int <= profile_id.int
        assert store.memberships[membership.customer_id].customer_id == membership.customer_id
