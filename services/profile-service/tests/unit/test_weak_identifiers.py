"""Devices and browsers follow things, not people: they introduce a person once, and join no two."""

from __future__ import annotations

from profile_service.domain.identity import IdentityRules, TypeRule

from .identity_store import Store, seen

RULES = IdentityRules(
    {
        "member": TypeRule(1),
        "phone": TypeRule(5),
        "email": TypeRule(5),
        "device": TypeRule(20, weak=True),
        "browser": TypeRule(200, weak=True),
    },
    100,
)


def test_a_tablet_on_which_people_leave_only_their_phones_joins_nobody() -> None:
    store = Store(RULES)
    store.resolve([seen(n, f"phone:{n}", "device:tablet") for n in range(1, 500)])
    assert len({store.customer(f"phone:{n}") for n in range(1, 500)}) == 499
    assert store.is_shared("device:tablet")


def test_a_browser_does_not_join_two_people_that_are_already_known() -> None:
    store = Store(RULES)
    store.resolve([seen(1, "email:a", "browser:1"), seen(2, "email:b"), seen(3, "email:b", "browser:1")])
    assert store.customer("email:a") != store.customer("email:b")


def test_a_device_and_a_phone_are_one_person_across_channels() -> None:
    store = Store(RULES)
    store.resolve([seen(1, "device:d"), seen(2, "phone:a"), seen(3, "phone:a", "device:d")])
    store.resolve([seen(4, "device:d", "browser:1")])
    store.resolve([seen(5, "device:d2", "browser:1")])
    assert len({store.customer(one) for one in ("device:d", "phone:a", "browser:1", "device:d2")}) == 1


def test_strong_evidence_may_give_a_second_phone() -> None:
    store = Store(RULES)
    store.resolve([seen(1, "member:1", "phone:a", "device:d"), seen(2, "member:1", "phone:b", "device:d")])
    assert store.customer("phone:a") == store.customer("phone:b") == store.customer("device:d")
    assert not store.is_shared("device:d")
