"""`python -m guanxi_kit.packs check FOLDER...`: check packs and say what is in them."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from guanxi_kit.packs.loader import load_pack
from guanxi_kit.packs.pack import Pack
from guanxi_kit.packs.problems import PackError


def _rows(pack: Pack) -> list[tuple[str, str]]:
    rfm = pack.scores.rfm
    types = pack.identifiers.types
    identifiers = [f"{name}({types[name].limit})" for name in pack.identifiers.strongest_first]
    journeys = [
        f"{j.id} (on {j.trigger.event}, within {j.max_age.total_seconds() / 3600:g} h)" for j in pack.journeys
    ]
    templates = [f"{name} [{' '.join(sorted(texts))}]" for name, texts in sorted(pack.templates.items())]
    return [
        ("pack", f"{pack.name} ({pack.labels.zh}, {pack.labels.en}), default locale {pack.default_locale}"),
        ("identifiers", " > ".join(identifiers)),
        ("fragments", f"at most {pack.identifiers.fragments_per_customer} per customer"),
        ("purchases", ", ".join(purchase.name for purchase in pack.events.purchases) or "none"),
        ("currency", pack.events.default_currency),
        ("rfm tiers", " > ".join(f"{tier.name} {tier.labels.zh}" for tier in rfm.tiers)),
        ("journeys", ", ".join(journeys) or "none"),
        ("templates", ", ".join(templates) or "none"),
        ("record", ", ".join(f"{name} ({of.class_})" for name, of in pack.record.fields.items()) or "none"),
    ]


def main(arguments: list[str] | None = None) -> int:
    """Check the named packs; return 0 when all are right, else 1 with every mistake on stderr."""
    parser = argparse.ArgumentParser(prog="python -m guanxi_kit.packs")
    check = parser.add_subparsers(required=True, metavar="check").add_parser("check", help="check packs")
    check.add_argument("folders", nargs="+", type=Path, metavar="FOLDER")
    failed = False
    for folder in parser.parse_args(arguments).folders:
        try:
            pack = load_pack(folder.parent, folder.name or folder.resolve().name)
        except PackError as error:
            failed = True
            sys.stderr.write(f"{error}\n{len(error.problems)} problem(s) in {folder}\n")
            continue
        for label, value in _rows(pack):
            sys.stdout.write(f"{label:<12} {value}\n")
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
