"""Tags, segments and the lifecycle of a pack: bad rules are named by file, line and field."""

from pathlib import Path

from guanxi_kit.packs import load_pack

from .conftest import Edit, problems


def test_bad_rules_are_named_by_file_line_and_field(packs: Path, edit: Edit) -> None:
    edit("tags.yaml", '{"==": [{var: scores.rfm.tier}, high_value]}', "{is: [{var: scores.rfm.tier}, 1]}")
    edit("tags.yaml", "name: follow_up", "name: key_contact")
    edit("segments.yaml", "{var: lifecycle.stage}", "{var: lifecycle.step}")
    edit("lifecycle.yaml", "{var: touchpoints}", "{var: visits}")
    found = problems(packs)
    assert [line.partition(" ")[0] for line in found] == [
        "lifecycle.yaml:20:",
        "segments.yaml:4:",
        "tags.yaml:6:",
        "tags.yaml:36:",
    ]
    assert "kind, manual_tags, purchases" in found[0]
    assert "traits.satisfaction" in found[0], "the fields of record.yaml"
    assert "lifecycle.rules[3].when.>=[0].var: 'visits' cannot be read here; known are: age," in found[0]
    assert "tags[8].name: key_contact is declared more than once" in found[3]


def test_a_pack_may_leave_classification_out(packs: Path) -> None:
    for name in ("tags", "segments", "lifecycle"):
        (packs / "services" / f"{name}.yaml").unlink()
    pack = load_pack(packs, "services")
    assert (pack.tags, pack.segments, pack.lifecycle.rules) == ((), (), ())


def test_a_lifecycle_gives_everybody_a_stage(packs: Path, edit: Edit) -> None:
    edit("lifecycle.yaml", "    when: true", '    when: {"==": [1, 1]}')
    assert problems(packs) == [
        "lifecycle.yaml:2: lifecycle: the last rule, and only the last, must be `when: true`"
    ]


def test_a_rule_reads_traits_that_the_record_declares(packs: Path, edit: Edit) -> None:
    edit("tags.yaml", "{var: traits.interests}", "{var: traits.intrests}")
    (fault,) = problems(packs)
    assert "'traits.intrests' cannot be read here" in fault
    (packs / "services" / "record.yaml").unlink()
    assert load_pack(packs, "services").tags, "a pack that declares no field judges none"
