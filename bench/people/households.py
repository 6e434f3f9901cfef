"""Households: who lives together, and what they share."""

from __future__ import annotations

import random
from dataclasses import dataclass, field
from datetime import date, timedelta

from bench.people.names import DISTRICTS, FAMILIES, GIVEN, KINDS, MEN, ROADS, STREETS, SURNAMES, TOWNS, WOMEN


@dataclass
class Human:
    """Somebody made up, as they truly are."""

    family: str
    given: str
    chinese: bool
    woman: bool
    born: date
    address: str = ""
    phone: str = ""
    email: str = ""

    @property
    def name(self) -> str:
        return self.family + self.given if self.chinese else f"{self.given} {self.family}"


@dataclass
class Shape:
    """What a population is like. Shares are of people; `seconds` of whom have a second record."""

    seconds: float = 0.1
    chinese: float = 0.6
    singles: float = 0.2
    birthdays: float = 0.95
    phones: float = 0.9
    emails: float = 0.6
    addresses: float = 0.85
    chance: random.Random = field(default_factory=lambda: random.Random(7))
    mails: set[str] = field(default_factory=set)


def household(shape: Shape) -> list[Human]:
    """Return people of one home."""
    chance = shape.chance
    chinese = chance.random() < shape.chinese
    address, landline = address_of(chance, chinese), _landline(chance)
    if chance.random() < shape.singles:
        sharing = 1 if chance.random() < 0.7 else chance.randint(2, 3)
        members = [
            _adult(chance, chinese, chance.random() < 0.5, chance.randint(20, 40)) for _ in range(sharing)
        ]
    else:
        members = _family(chance, chinese)
    return [_settle(human, members, address, landline, shape) for human in members]


def _family(chance: random.Random, chinese: bool) -> list[Human]:
    age = chance.randint(27, 60)
    father = _adult(chance, chinese, False, age)
    mother = _adult(chance, chinese, True, age + chance.randint(-5, 5))
    if not chinese and chance.random() < 0.85:
        mother.family = father.family
    members = [father, mother]
    shared = chance.choice(GIVEN) if chinese and chance.random() < 0.4 else ""
    born = father.born + timedelta(days=chance.randint(23 * 365, 33 * 365))
    for _ in range(chance.choice((0, 1, 1, 2, 2, 3))):
        twins = 2 if chance.random() < 0.04 else 1
        for _ in range(twins):
            members.append(_child(father, born, shared, members, chance))
        born += timedelta(days=chance.randint(400, 2000))
    if chance.random() < 0.12:
        members.append(_adult(chance, chinese, chance.random() < 0.6, age + chance.randint(22, 32)))
        if not members[-1].woman or not chinese:
            members[-1].family = father.family
    return members


def _child(father: Human, born: date, shared: str, siblings: list[Human], chance: random.Random) -> Human:
    woman = chance.random() < 0.5
    child = _adult(chance, father.chinese, woman, 10)
    child.family, child.born = father.family, born
    if shared:
        child.given = shared + chance.choice(GIVEN)
    elif not father.chinese and not woman and chance.random() < 0.05:
        child.given = father.given
    if child.given in {each.given for each in siblings[1:]}:
        child.given = _given(chance, father.chinese, woman)
    return child


def _adult(chance: random.Random, chinese: bool, woman: bool, age: int) -> Human:
    born = date(2024, 6, 1) - timedelta(days=age * 365 + chance.randint(0, 364))
    if chinese:
        weights = [1 / (rank + 3) for rank in range(len(FAMILIES))]
        family = chance.choices(FAMILIES, weights)[0]
    else:
        family = chance.choices(SURNAMES, [1 / (rank + 8) for rank in range(len(SURNAMES))])[0]
    return Human(family, _given(chance, chinese, woman), chinese, woman, born)


def _given(chance: random.Random, chinese: bool, woman: bool) -> str:
    if chinese:
        return "".join(chance.choice(GIVEN) for _ in range(1 if chance.random() < 0.2 else 2))
    return chance.choice(WOMEN if woman else MEN)


def _settle(human: Human, members: list[Human], address: str, landline: str, shape: Shape) -> Human:
    """Give a member of a household what it shares, and what it has of its own."""
    chance = shape.chance
    first = members[0]
    human.address = address
    minor = human.born > date(2010, 1, 1)
    shares_phone = (minor and chance.random() < 0.7) or (human is not first and chance.random() < 0.15)
    if chance.random() < 0.1:
        human.phone = landline
    else:
        human.phone = first.phone if shares_phone and first.phone else mobile(chance)
    if human is not first and first.email and chance.random() < (0.4 if minor else 0.1):
        human.email = first.email
    else:
        human.email = mail(human, chance)
        while human.email in shape.mails:
            human.email = f"{human.email.partition('@')[0]}{chance.randrange(10)}@{domain(chance)}"
        shape.mails.add(human.email)
    return human


def mobile(chance: random.Random) -> str:
    return f"+86139{chance.randrange(10**8):08d}"


def _landline(chance: random.Random) -> str:
    return f"+8610{chance.randrange(10**8):08d}"


def mail(human: Human, chance: random.Random) -> str:
    name = latin(human).replace(" ", chance.choice((".", "", "_"))).lower()
    return f"{name}{chance.choice(('', str(human.born.year % 100), str(chance.randrange(1000))))}@{domain(chance)}"


def domain(chance: random.Random) -> str:
    return chance.choice(("example.com", "example.org", "mail.example.com", "post.example.org"))


def latin(human: Human) -> str:
    """Return a name in Latin letters, given name first."""
    if not human.chinese:
        return human.name
    from pypinyin import lazy_pinyin

    return f"{''.join(lazy_pinyin(human.given)).title()} {''.join(lazy_pinyin(human.family)).title()}"


def address_of(chance: random.Random, chinese: bool) -> str:
    if chinese:
        flat = f"{chance.randint(1, 20)}号楼{chance.randint(1, 30)}0{chance.randint(1, 9)}室"
        return f"{chance.choice(DISTRICTS)}{chance.choice(STREETS)}{chance.randint(1, 300)}号{flat}"
    street = f"{chance.randint(1, 400)} {chance.choice(ROADS)} {chance.choice(KINDS)}"
    return f"{street}, {chance.choice(TOWNS)} {chance.randint(10000, 10400)}"
