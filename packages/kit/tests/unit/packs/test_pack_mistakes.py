"""Every mistake in a pack is named by file, line and field."""

from pathlib import Path

import pytest

from guanxi_kit.packs import load_pack

from .conftest import Edit, problems


@pytest.mark.parametrize(
    ("file", "old", "new", "expected"),
    [
        (
            "scores.yaml",
            "name: high_value",
            "name: top",
            "scores.yaml:10: scores.rfm.tiers[0].name: Input should be",
        ),
        (
            "channels/pos_sale.yaml",
            "  each: sales",
            "  every: sales",
            "channels/pos_sale.yaml:14: channels.pos_sale.declaration.every: is not a known field",
        ),
        (
            "channels/pos_sale.yaml",
            'template: "{timestamp}.{body}"',
            'template: "{timestamp}"',
            "channels/pos_sale.yaml:8: channels.pos_sale.declaration.verify.hmac: template must hold {body}",
        ),
        (
            "events.yaml",
            "default_currency: CNY",
            "default_currency: CNY\nschemas: {Booked: {properties: {seats: {type: whole}}}}",
            "events.yaml:3: events.schemas.Booked.properties.seats.type: Input should be",
        ),
        (
            "scores.yaml",
            "  without_purchase: ordinary\n",
            "",
            "scores.yaml:1: scores.rfm.without_purchase: is missing",
        ),
        (
            "scores.yaml",
            "[30, 60, 90, 180]",
            "[30, 60, 60, 180]",
            "scores.yaml:3: scores.rfm.recency_days: must rise",
        ),
        (
            "scores.yaml",
            "[30, 60, 90, 180]",
            "[30, '60', 90, 180]",
            "scores.yaml:3: scores.rfm.recency_days[1]: ",
        ),
        (
            "scores.yaml",
            "[2, 3, 5, 10]",
            "[2, 3, 5]",
            "scores.yaml:5: scores.rfm.frequency_purchases[3]: is missing",
        ),
        (
            "scores.yaml",
            "top_share: 0.2",
            "top_share: 20",
            "scores.yaml:12: scores.rfm.tiers[0].when.monetary_top_share: ",
        ),
        (
            "scores.yaml",
            "{otherwise: true}",
            "{}",
            "scores.yaml:21: scores.rfm.tiers[3].when: needs exactly one",
        ),
        (
            "scores.yaml",
            "{otherwise: true}",
            "{no_purchase_days: 9}",
            "scores.yaml:9: scores.rfm.tiers: the last tier",
        ),
        (
            "scores.yaml",
            "name: dormant",
            "name: high_value",
            "scores.yaml:9: scores.rfm.tiers: high_value is declared",
        ),
        (
            "identifiers.yaml",
            "limit: 200",
            "limt: 200",
            "identifiers.yaml:15: identifiers.types.anonymous_id.limt: is not a known",
        ),
        (
            "identifiers.yaml",
            "priority: 10,",
            "priority: 9,",
            "identifiers.yaml:5: identifiers.types: device_id and anonymous_id",
        ),
        (
            "identifiers.yaml",
            "limit: 200",
            "limit: yes",
            "identifiers.yaml:15: identifiers.types.anonymous_id.limit: ",
        ),
        (
            "identifiers.yaml",
            "  phone:",
            "  Phone:",
            "identifiers.yaml:11: identifiers.types.Phone: String should match",
        ),
        (
            "identifiers.yaml",
            "normaliser: phone",
            "normaliser: fax",
            "identifiers.yaml:11: identifiers.types.phone.normaliser: ",
        ),
        (
            "events.yaml",
            "default_currency: CNY",
            "default_currency: yuan",
            "events.yaml:2: events.default_currency: ",
        ),
        (
            "events.yaml",
            "currency: [currency]",
            "currency: ['a[].b']",
            "events.yaml:6: events.purchases[0].currency: a currency",
        ),
        (
            "events.yaml",
            "[revenue, total, value]",
            "[a..b]",
            "events.yaml:5: events.purchases[0].amount[0]: ",
        ),
        (
            "events.yaml",
            "Service Paid",
            "Order Completed",
            "events.yaml:3: events.purchases: 'Order Completed' is declared",
        ),
        ("journeys.yaml", "24h", "a day", "journeys.yaml:3: journeys[0].max_age: must be a duration"),
        ("journeys.yaml", "24h", "24", "journeys.yaml:3: journeys[0].max_age: must be a duration"),
        (
            "journeys.yaml",
            "template: welcome",
            "template: hello",
            "journeys.yaml:5: journeys[0].steps[0].send.template: there is no",
        ),
        (
            "journeys.yaml",
            "channel: email",
            "channel: pigeon",
            "journeys.yaml:5: journeys[0].steps[0].send.channel: ",
        ),
        (
            "journeys.yaml",
            ", purpose: service",
            "",
            "journeys.yaml:5: journeys[0].steps[0].send.purpose: must say",
        ),
        (
            "journeys.yaml",
            "purpose: service",
            "purpose: sales",
            "journeys.yaml:5: journeys[0].steps[0].send.purpose: there is no purpose 'sales'",
        ),
        (
            "purposes.yaml",
            "labels: {zh: 营销推送, en: Marketing}\n  marketing: true",
            "labels: {zh: 营销推送, en: Marketing}\n  marketing: true\n  default: allowed",
            "purposes.yaml:8: purposes.marketing: a marketing purpose cannot be allowed by default",
        ),
        (
            "purposes.yaml",
            "categories: [Data Sharing]",
            "categories: [advertising]",
            "purposes.yaml:2: purposes: marketing and sharing both have the category 'advertising'",
        ),
        (
            "purposes.yaml",
            "channels: [email, sms, phone, wechat, wecom]",
            "channels: [email, email]",
            "purposes.yaml:19: purposes.research: names a channel more than once",
        ),
        ("pack.yaml", "name: services", "name: retail", "pack.yaml:2: pack.name: must be 'services'"),
        (
            "pack.yaml",
            "default_locale: zh",
            "default_locale: fr",
            "journeys.yaml:5: journeys[0].steps[0].send.template: lacks",
        ),
        (
            "pack.yaml",
            "name: services",
            "name: services\nname: services",
            "pack.yaml:3: pack.name: is given twice",
        ),
        ("pack.yaml", "name: services", "name: &a services", None),
        ("pack.yaml", "labels: {", "labels: {fr: [*x], ", "pack.yaml:3: pack: found undefined alias"),
        ("pack.yaml", "name: services", "name: !!binary aGk=", "pack.yaml:2: pack.name: the tag"),
        ("pack.yaml", "name: services", "name: [services", "pack.yaml:3: pack: "),
        ("pack.yaml", "name: services", "name: serv\0ices", "pack.yaml:1: pack: is not YAML"),
        ("pack.yaml", "name: services", 'name: "\\ud800"', "pack.yaml:2: pack: "),
        (
            "templates/welcome.zh.liquid",
            "subject:",
            "betreff:",
            "templates/welcome.zh.liquid:1: templates.welcome.zh: the front",
        ),
        (
            "templates/welcome.zh.liquid",
            "---\n",
            "",
            "templates/welcome.zh.liquid:1: templates.welcome.zh: must begin",
        ),
    ],
)
def test_a_mistake_names_file_line_and_field(
    packs: Path, edit: Edit, file: str, old: str, new: str, expected: str | None
) -> None:
    edit(file, old, new)
    if expected is None:
        load_pack(packs, "services")
    else:
        assert any(found.startswith(expected) for found in problems(packs)), problems(packs)


def test_all_mistakes_are_told_at_once_in_order(packs: Path, edit: Edit) -> None:
    edit("scores.yaml", "name: potential", "name: rising")
    edit("scores.yaml", "[0.2, 0.4, 0.6, 0.8]", "[0.8, 0.4, 0.6, 0.8]")
    edit("identifiers.yaml", "limit: 200", "limit: 0")
    edit("journeys.yaml", "max_age: 24h", "max_age: never")
    (packs / "services" / "events.yaml").unlink()
    (packs / "services" / "extra.yaml").write_text("a: 1\n")
    assert [found.split(": ")[1] for found in problems(packs)] == [
        "events",
        "extra.yaml",
        "identifiers.types.anonymous_id.limit",
        "journeys[0].max_age",
        "scores.rfm.monetary_quantiles",
        "scores.rfm.tiers[2].name",
    ]


@pytest.mark.parametrize(
    "text", ["", "- 1", "42", "null", "a: &x {b: *x}", "? [a]\n: 1", "a" * 10_000 + ": 1"]
)
def test_a_document_of_another_shape_is_refused(packs: Path, text: str) -> None:
    (packs / "services" / "scores.yaml").write_text(text)
    assert problems(packs)[0].startswith("scores.yaml:1: scores")


@pytest.mark.parametrize("text", ["[" * 5000, "[" * 900 + "]" * 900, "- " * 200_000])
def test_deep_nesting_is_refused(packs: Path, text: str) -> None:
    (packs / "services" / "scores.yaml").write_text(text)
    assert problems(packs)[0].startswith("scores.yaml:1: scores")
