"""Identity resolution: founding, attaching, merging, and what the limits refuse."""

from __future__ import annotations

from profile_service.domain.identity import IdentityRules, Membership, TypeRule

from .identity_store import RULES, Store, seen


def test_unseen_identifiers_found_one_fragment_that_owns_them_all() -> None:
    store = Store()
    resolution = store.resolve([seen(1, "phone:a", "device:d")])
    (founded,) = resolution.founded
    assert resolution.placements == [founded]
    assert store.owner("phone:a") == store.owner("device:d") == founded
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
    assert store.owner("phone:a") == first[0]


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


def test_a_new_value_over_the_limit_founds_its_own_customer_and_the_shared_identifier_is_taken_out() -> None:
    store = Store()
    store.resolve([seen(1, "member:1", "device:d")])
    resolution = store.resolve([seen(2, "member:2", "device:d")])
    assert store.customer("member:1") != store.customer("member:2")
    assert resolution.placements == [store.owner("member:2")], "it stays with its strongest identifier"
    (refusal,) = resolution.refusals
    assert (refusal.reason, refusal.rule_type, refusal.identifier_type) == ("limit", "member", "device")
    assert (refusal.strongest_hash, refusal.identifier_hash) == (b"member:2", b"device:d")
    assert store.is_shared("device:d")
    assert store.owner("device:d") is None
    (event,) = resolution.events
    assert (event.kind, event.former_profile_id, event.reason) == (
        "quarantined",
        store.owner("member:1"),
        "limit",
    )


def test_customers_whose_values_together_pass_the_limit_do_not_merge() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "phone:2", "device:a"), seen(2, "phone:3", "device:b")])
    resolution = store.resolve([seen(3, "device:a", "device:b")])
    assert not resolution.merges
    assert [(refusal.reason, refusal.rule_type) for refusal in resolution.refusals] == [("limit", "phone")]
    assert store.is_shared("device:b")
    assert not store.is_shared("device:a")


def test_one_who_has_too_many_values_already_may_still_gain_other_identifiers_and_customers() -> None:
    """A person joined by hand against the limits is not walled off, whichever of the two is older."""
    for first, second in (("device:d", "phone:1"), ("phone:1", "device:d")):
        store = Store()
        store.resolve([seen(1, first), seen(2, second)])
        store.resolve([seen(3, "phone:1", "phone:2")])
        store.rules = IdentityRules({**RULES.types, "phone": TypeRule(1)}, 100)
        assert len(store.resolve([seen(4, "phone:1", "device:d")]).merges) == 1


def test_a_weaker_new_value_over_the_limit_stays_unseen() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "phone:2", "phone:3")])
    assert b"phone:3" not in store.standings
    later = store.resolve([seen(2, "phone:3")])
    assert later.founded


def test_fragments_of_a_customer_are_limited_and_a_person_is_asked() -> None:
    store = Store(IdentityRules({"device": TypeRule(99)}, fragments_per_customer=2))
    placed = store.resolve([seen(n, f"device:{n}") for n in range(3)]).placements
    resolution = store.resolve(
        [seen(3, "device:0", "device:1"), seen(4, "device:1", "device:2"), seen(5, "device:2", "device:0")]
    )
    assert len(resolution.merges) == 1
    assert [refusal.reason for refusal in resolution.refusals] == ["fragments_per_customer"] * 2
    (suggestion,) = resolution.suggestions
    assert (suggestion.source, suggestion.left_profile_id, suggestion.right_profile_id) == (
        "cluster_size",
        placed[0],
        placed[2],
    )
    assert not resolution.changes, "nothing goes to quarantine for it"


def test_a_type_that_may_not_link_never_joins_customers() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "hint:h")])
    resolution = store.resolve([seen(2, "phone:2", "hint:h")])
    assert store.customer("phone:1") != store.customer("phone:2")
    assert [refusal.reason for refusal in resolution.refusals] == ["may_link"]
    assert store.resolve([seen(3, "hint:h")]).placements == [store.owner("phone:1")]


def test_an_undeclared_type_never_joins_customers() -> None:
    store = Store()
    store.resolve([seen(1, "phone:1", "novel:x"), seen(2, "novel:x", "phone:2")])
    assert store.customer("phone:1") != store.customer("phone:2")
