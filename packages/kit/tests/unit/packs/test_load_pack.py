"""A pack is accepted as a whole, or refused."""

from datetime import timedelta
from pathlib import Path

import liquid
import pytest

from guanxi_kit.packs import Pack, PackError, load_pack, parse_template
from guanxi_kit.packs.__main__ import main

from .conftest import PACKS, Edit


@pytest.mark.parametrize("folder", sorted(path.name for path in PACKS.iterdir() if path.is_dir()))
def test_every_shipped_pack_loads_and_its_templates_are_liquid(folder: str) -> None:
    pack = load_pack(PACKS, folder)
    told = {step.send.template for journey in pack.journeys for step in journey.steps}
    for name, locales in pack.templates.items():
        assert {"zh", "en"} <= set(locales)
        for text in locales.values():
            template = parse_template(text)
            assert "{{" not in liquid.parse(template.subject).render(traits={"name": "Li Wei"})
            # The others are notices to staff, which name no customer.
            assert (name in told) == (
                "Li Wei" in liquid.parse(template.body).render(traits={"name": "Li Wei"})
            )
            assert liquid.parse(template.body).render(traits={}).strip()


def test_the_services_pack_says_what_the_handbook_says() -> None:
    pack: Pack = load_pack(PACKS, "services")
    assert pack.identifiers.strongest_first[0] == "member_number"
    assert pack.identifiers.strongest_first[-2:] == ("anonymous_id", "enterprise_account")
    assert pack.identifiers.merges_per_customer is not None
    assert pack.identifiers.merges_per_customer.window == timedelta(hours=24)
    assert pack.identifiers.rank["phone"] < pack.identifiers.rank["device_id"]
    assert {name for name, declared in pack.identifiers.types.items() if declared.namespaced} == {
        "wechat_openid",
        "third_party_account",
    }
    assert pack.events.purchase_by_name["Order Completed"].amount == ("revenue", "total", "value")
    rfm = pack.scores.rfm
    assert [tier.labels.zh for tier in rfm.tiers] == ["高价值", "沉睡", "潜力", "普通"]
    assert rfm.tiers[0].when.monetary_top_share == 0.2
    assert rfm.tiers[1].when.no_purchase_days == 180
    assert pack.purposes.root["service"].default == "allowed"
    assert pack.purposes.root["personalisation"].channels == ("any",)
    assert pack.purposes.by_category["advertising"] == "marketing"
    assert pack.purposes.covered_fields["birthday"] == ("marketing", "personalisation")
    assert pack.journeys[0].max_age == timedelta(hours=24)
    assert pack.journeys[0].steps[0].send.template in pack.templates


def test_words_that_yaml_1_1_would_convert_stay_text(packs: Path, edit: Edit) -> None:
    edit("identifiers.yaml", 'junk: ["M000000", "VIP", "会员"]', "junk: [no, on, 2024-05-01, 1:30, 0x10]")
    junk = load_pack(packs, "services").identifiers.types["member_number"].junk
    assert junk == ("no", "on", "2024-05-01", "1:30", "0x10")


def test_a_missing_pack_is_one_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(PackError, match="banking: is not a folder with a pack"):
        load_pack(tmp_path, "banking")


def test_check_prints_a_table_or_every_mistake(
    packs: Path, edit: Edit, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["check", str(packs / "services")]) == 0
    assert "high_value 高价值 > dormant 沉睡" in capsys.readouterr().out
    edit("scores.yaml", "name: high_value", "name: top")
    assert main(["check", str(packs / "services")]) == 1
    assert "scores.yaml:10: scores.rfm.tiers[0].name" in capsys.readouterr().err


def test_a_pack_without_purposes_has_none(packs: Path) -> None:
    (packs / "services" / "purposes.yaml").unlink()
    assert load_pack(packs, "services").purposes.root == {}
