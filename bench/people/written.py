"""What is written down of people: once with care, and sometimes again with errors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import date, timedelta
from typing import Any

from bench.people.households import Human, Shape, address_of, domain, household, latin, mail, mobile
from bench.people.names import HOMOPHONES

Traits = dict[str, Any]


def records(households: int, shape: Shape) -> Iterator[tuple[int, Traits]]:
    """Yield (person, traits): people of one household are different persons, records of one person the same."""
    chance = shape.chance
    person = 0
    for _ in range(households):
        for human in household(shape):
            yield person, _record(human, shape)
            if chance.random() < shape.seconds:
                yield person, _worsen(_record(human, shape), human, shape)
                if chance.random() < 0.1:
                    yield person, _worsen(_record(human, shape), human, shape)
            person += 1


def _record(human: Human, shape: Shape) -> Traits:
    """Return a record as somebody careful would write it, with what was asked for."""
    chance = shape.chance
    told: Traits = {"name": human.name}
    if chance.random() < shape.birthdays:
        told["birthday"] = human.born.isoformat()
    if chance.random() < shape.addresses:
        told["address"] = human.address
    if chance.random() < shape.phones:
        told["phone"] = human.phone
    if chance.random() < shape.emails:
        told["email"] = human.email
    if chance.random() < 0.5:
        told["gender"] = "female" if human.woman else "male"
    return told


def _worsen(told: Traits, human: Human, shape: Shape) -> Traits:
    """Return a record of the same person by somebody less careful, or years later."""
    chance = shape.chance
    if chance.random() < 0.5:
        told["name"] = _misname(human, chance)
    if "birthday" in told and (draw := chance.random()) < 0.18:
        told["birthday"] = _misdate(human.born, draw, chance)
    if "address" in told and (draw := chance.random()) < 0.45:
        told["address"] = (
            address_of(chance, human.chinese) if draw < 0.15 else _mistype(human.address, chance)
        )
    if "phone" in told and (draw := chance.random()) < 0.5:
        told["phone"] = mobile(chance) if draw < 0.25 else _misdial(human.phone, chance)
    if "email" in told and (draw := chance.random()) < 0.5:
        local = human.email.partition("@")[0]
        told["email"] = (
            mail(human, chance)
            if draw < 0.2
            else f"{local}@{domain(chance)}"
            if draw < 0.35
            else _mistype(local, chance) + "@example.com"
        )
    return told


def _misname(human: Human, chance: random.Random) -> str:
    if not human.chinese:
        draw = chance.random()
        if draw < 0.15:
            return f"{human.family} {human.given}"
        if draw < 0.25:
            return f"{human.given[0]}. {human.family}"
        if draw < 0.35:
            return f"{human.given} {chance.choice('ABCDEFGHJKLMR')}. {human.family}"
        return (
            f"{_mistype(human.given, chance)} {human.family}"
            if draw < 0.7
            else (f"{human.given} {_mistype(human.family, chance)}")
        )
    draw = chance.random()
    if draw < 0.35:
        return latin(human)
    if draw < 0.6:
        return " ".join(reversed(latin(human).split()))
    swaps = [place for place, character in enumerate(human.given) if character in HOMOPHONES]
    if draw < 0.9 and swaps:
        place = chance.choice(swaps)
        given = human.given[:place] + HOMOPHONES[human.given[place]] + human.given[place + 1 :]
        return human.family + given
    return _mistype(latin(human), chance)


def _misdate(born: date, draw: float, chance: random.Random) -> str:
    text = born.strftime("%Y%m%d")
    if draw < 0.05:
        return text[:4] + "-" + text[6:] + "-" + text[4:6]
    if draw < 0.15:
        place = chance.randrange(2, 8)
        text = text[:place] + str(chance.randrange(10)) + text[place + 1 :]
        return f"{text[:4]}-{text[4:6]}-{text[6:]}"
    return (born + timedelta(days=chance.randint(-8000, 8000))).isoformat()


def _mistype(text: str, chance: random.Random) -> str:
    place = chance.randrange(1, max(len(text), 2))
    letter = chance.choice("abcdefghijklmnopqrstuvwxyz")
    match chance.randrange(4):
        case 0:
            return text[:place] + text[place + 1 :]
        case 1:
            return text[:place] + letter + text[place:]
        case 2:
            return text[:place] + letter + text[place + 1 :]
        case _:
            return text[: place - 1] + text[place : place + 1] + text[place - 1] + text[place + 1 :]


def _misdial(phone: str, chance: random.Random) -> str:
    place = chance.randrange(6, len(phone))
    return phone[:place] + str(chance.randrange(10)) + phone[place + 1 :]
