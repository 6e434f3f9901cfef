"""What keeps strangers apart: quarantine, takeover, windows, proof, review, undone merges, named customers."""

from __future__ import annotations

from datetime import timedelta
from uuid import UUID

import pytest

from profile_service.domain.census import Block
from profile_service.domain.identity import IdentityRules, MergeRate, TypeRule

from .identity_store import START, Store, seen

DAY = timedelta(days=1)


def test_a_shop_tablet_on_which_500_people_log_in_joins_none_of_them() -> None:
    store = Store()
    for n in range(500):
        store.resolve([seen(n, f"member:{n}", "device:tablet")])
    assert len({store.customer(f"member:{n}") for n in range(500)}) == 500
    assert store.is_shared("device:tablet")
    anonymous = store.resolve([seen(501, "device:tablet"), seen(502, "device:tablet")])
    (own,) = anonymous.founded
    assert anonymous.placements == [own, own]
    assert store.resolve([seen(503, "device:tablet")]).placements == [own]
    assert store.memberships[own].customer_id == own


def test_a_family_phone_that_nobody_verified_is_shared() -> None:
    store = Store()
    store.resolve([seen(1, "member:mother", "phone:home"), seen(2, "member:father", "phone:home")])
    assert store.is_shared("phone:home")
    assert store.resolve([seen(3, "member:mother", "phone:home")]).refusals[0].reason == "quarantined"
    assert store.customer("member:mother") != store.customer("member:father")


def test_a_recycled_number_goes_to_its_new_holder_once_and_then_is_shared() -> None:
    store = Store()
    store.resolve([seen(1, "member:old", "phone:p!", "device:a")])
    taken = store.resolve([seen(2, "member:new", "phone:p!")])
    assert store.customer("phone:p") == store.customer("member:new") != store.customer("member:old")
    assert [(event.kind, event.reason) for event in taken.events] == [("transferred", "limit")]
    assert store.standings[b"phone:p"].changes == 1
    assert store.customer("device:a") == store.customer("member:old"), "the first holder keeps all else"
    back = store.resolve([seen(3, "member:old", "phone:p!")])
    assert [event.kind for event in back.events] == ["quarantined"]
    assert store.is_shared("phone:p")
    store.resolve([seen(4, "member:new", "phone:p!")])
    assert store.is_shared("phone:p"), "nothing but a person takes it out again"


def test_a_new_holder_without_room_takes_nothing_over() -> None:
    store = Store()
    store.resolve([seen(1, "member:old", "phone:p!"), seen(2, "member:new", "phone:1", "phone:2")])
    store.resolve([seen(3, "member:new", "phone:p!")])
    assert store.is_shared("phone:p")


def test_later_proof_is_noted_once() -> None:
    store = Store()
    store.resolve([seen(1, "member:1", "phone:p")])
    noted = store.resolve([seen(2, "phone:p!"), seen(3, "member:1", "phone:p!"), seen(4, "phone:p")])
    assert [(event.kind, event.profile_id) for event in noted.events] == [
        ("verified", store.owner("member:1"))
    ]
    assert not store.resolve([seen(5, "member:1", "phone:p!")]).events


@pytest.mark.parametrize(("days", "refused"), [(29, True), (30, False), (-29, True), (-31, False)])
def test_a_limit_with_a_window_counts_what_was_first_seen_near_the_touchpoint(
    days: int, refused: bool
) -> None:
    rules = IdentityRules({"member": TypeRule(1), "device": TypeRule(2, window=30 * DAY)}, 100)
    store = Store(rules)
    store.resolve([seen(1, "member:1", "device:a", "device:b", at=START)])
    resolution = store.resolve([seen(2, "member:1", "device:c", at=START + days * DAY)])
    assert [refusal.reason for refusal in resolution.refusals] == ["limit"] * refused
    assert (b"device:c" in store.standings) is not refused


def test_a_link_within_a_window_counts_both_sides() -> None:
    rules = IdentityRules({"phone": TypeRule(5), "device": TypeRule(2, window=30 * DAY)}, 100)
    for days, merges in ((10, 0), (40, 1)):
        store = Store(rules)
        store.resolve([seen(1, "phone:1", "device:a", "device:b", at=START)])
        store.resolve([seen(2, "phone:2", "device:c", at=START + days * DAY)])
        resolution = store.resolve([seen(3, "phone:2", "phone:1", at=START + days * DAY)])
        assert len(resolution.merges) == merges


def test_what_must_be_verified_neither_links_nor_is_kept_until_it_is() -> None:
    store = Store()
    first = store.resolve([seen(1, "device:a", "email:e")])
    assert b"email:e" not in store.standings
    assert [refusal.reason for refusal in first.refusals] == ["must_verify"]
    store.resolve([seen(2, "device:b", "email:e!"), seen(3, "device:a", "email:e")])
    assert store.customer("email:e") == store.customer("device:b") != store.customer("device:a")
    assert store.resolve([seen(4, "email:e")]).placements == [store.owner("email:e")]
    assert len(store.resolve([seen(5, "email:e!", "device:a")]).merges) == 1


def test_who_only_named_an_address_loses_it_to_who_proves_to_hold_it_and_is_not_joined() -> None:
    store = Store()
    (placed,) = store.resolve([seen(1, "email:e")]).placements
    assert store.owner("email:e") == placed
    taken = store.resolve([seen(2, "member:1", "email:e!")])
    assert store.customer("email:e") == store.customer("member:1") != placed
    assert [(event.kind, event.reason) for event in taken.events] == [("transferred", "must_verify")]
    assert not taken.merges
    assert store.standings[b"email:e"].changes == 0, "it was nobody's before"
    recycled = store.resolve([seen(3, "member:2", "email:e!")])
    assert [event.kind for event in recycled.events] == ["transferred"]


def test_alone_an_address_proves_itself() -> None:
    store = Store()
    (placed,) = store.resolve([seen(1, "email:e")]).placements
    assert store.resolve([seen(2, "email:e!")]).placements == [placed]
    assert store.standings[b"email:e"].verified


def test_many_merges_in_a_short_time_wait_for_a_person() -> None:
    rules = IdentityRules({"device": TypeRule(99)}, 100, MergeRate(2, DAY))
    store = Store(rules)
    store.resolve([seen(n, f"device:{n}") for n in range(6)])
    links = [seen(10 + n, "device:0", f"device:{n}") for n in range(1, 5)]
    one_by_one = [store.resolve([link]) for link in links]
    assert [len(each.merges) for each in one_by_one] == [1, 1, 0, 0]
    assert [each.suggestions[0].source for each in one_by_one[2:]] == ["merge_rate"] * 2
    store.now += DAY
    assert len(store.resolve([links[2]]).merges) == 1, "the window has passed"
    together = Store(rules)
    together.resolve([seen(n, f"device:{n}") for n in range(6)])
    assert len(together.resolve(links).merges) == 2
    founded = together.resolve([seen(20, "device:new"), seen(21, "device:0", "device:new")])
    assert not founded.merges, "one whom the same batch founds is counted, too"


def test_an_undone_merge_is_not_done_again_on_the_same_evidence() -> None:
    store = Store()
    left, right = store.resolve([seen(1, "device:d"), seen(2, "phone:p")]).placements
    store.blocks.append(Block(left, right, b"device:d", b"phone:p"))
    store.resolve([seen(3, "phone:p", "hint:h")])
    for again in (seen(4, "phone:p", "device:d"), seen(5, "phone:p", "email:e!", "device:d")):
        resolution = store.resolve([again])
        assert not resolution.merges
        assert "undone" in [refusal.reason for refusal in resolution.refusals]
    assert not store.is_shared("device:d")
    assert len(store.resolve([seen(6, "member:1", "device:d"), seen(7, "member:1", "phone:p")]).merges) == 1


def test_a_block_holds_for_what_its_two_sides_have_become() -> None:
    store = Store()
    left, right = store.resolve([seen(1, "device:d"), seen(2, "phone:p")]).placements
    store.resolve([seen(3, "phone:p"), seen(4, "device:x"), seen(5, "phone:p", "device:x")])
    store.blocks.append(Block(left, right, b"device:d", b"phone:p"))
    assert not store.resolve([seen(6, "device:x", "device:d")]).merges


def test_a_touchpoint_that_names_its_customer_goes_there_and_brings_its_identifiers() -> None:
    store = Store()
    one, other = store.resolve([seen(1, "phone:a"), seen(2, "phone:b")]).placements
    named = store.resolve([seen(3, "phone:b", "device:new", of=one)])
    assert named.placements == [one]
    (merge,) = named.merges
    assert (merge.home_profile_id, merge.owner_profile_id, merge.strongest_hash) == (one, other, None)
    assert store.owner("device:new") == one
    nobody = store.resolve([seen(4, "phone:a", of=UUID(int=7))])
    assert nobody.placements == [one], "an unknown name is no name"
    assert store.resolve([seen(5, of=other)]).placements == [other]


def test_a_named_customer_keeps_its_limits() -> None:
    store = Store()
    one, _ = store.resolve([seen(1, "member:1"), seen(2, "member:2")]).placements
    resolution = store.resolve([seen(3, "member:2", of=one)])
    assert [(refusal.reason, refusal.strongest_hash) for refusal in resolution.refusals] == [
        ("limit", one.bytes)
    ]
    assert store.is_shared("member:2")


def test_several_identifiers_in_quarantine_keep_their_traffic_to_themselves() -> None:
    store = Store()
    store.resolve([seen(1, "member:1", "phone:p", "device:d"), seen(2, "member:2", "phone:p", "device:d")])
    both, device = store.resolve([seen(3, "phone:p", "device:d"), seen(4, "device:d")]).placements
    assert store.owner("phone:p") == both != device == store.owner("device:d")
    with_new = store.resolve([seen(5, "phone:p", "device:new")])
    assert with_new.placements == [store.owner("device:new")]
    assert store.owner("device:new") not in {both, device}
