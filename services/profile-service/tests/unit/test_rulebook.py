"""A change asks only the rules that read it."""

from __future__ import annotations

from profile_service.domain.rulebook import Rulebook, SegmentRule, Selection, StageRule, TagRule, key_of


def book() -> Rulebook:
    tags = [
        TagRule("coffee", "rule", True, None, frozenset({"traits.interests"})),
        TagRule("old", "rule", {">=": [{"var": "age"}, 60]}, None, frozenset({"age"})),
        TagRule("vip", "manual"),
    ]
    segments = [
        SegmentRule("club", {"in": ["coffee", {"var": "tags"}]}, frozenset({"tags"})),
        SegmentRule("mature", True, frozenset({"lifecycle.stage"})),
        SegmentRule("web", True, frozenset({"channels.web"})),
    ]
    stages = (StageRule("bought", "bought", True, frozenset({"purchases.count"})),)
    return Rulebook(1, {tag.name: tag for tag in tags}, {each.name: each for each in segments}, stages)


def test_rules_are_found_by_what_they_read() -> None:
    rules = book()
    assert rules.select(frozenset({"traits"})) == Selection(tags=("coffee", "old"))
    assert rules.select(frozenset({"record"})) == Selection()
    assert rules.select(frozenset({"touchpoints", "purchases"})) == Selection(stages=True, segments=("web",))
    assert rules.select(frozenset({"tags"})) == Selection(segments=("club",))
    assert rules.everything == Selection(("coffee", "old"), True, ("club", "mature", "web"))


def test_what_follows_from_a_rule_is_read_with_it() -> None:
    rules = book()
    needs = rules.needs(Selection(tags=("coffee",)))
    assert {"traits.interests", "tags", "lifecycle.stage", "purchases.count", "age"} <= needs
    assert rules.needs(Selection(segments=("web",))) == {"channels.web", "manual_tags", "age"}


def test_a_variable_belongs_to_the_part_that_tells_of_it() -> None:
    assert key_of("traits.address.city") == key_of("age") == "traits"
    assert key_of("days_since_last_seen") == key_of("channels.web") == "touchpoints"
    assert key_of("scores.rfm.tier") == "scores"
