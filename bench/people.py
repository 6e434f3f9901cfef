"""Synthetic people in households, some of them recorded twice with errors; nobody in it exists.

Families are made to be mistaken for one person: they share address, phone and often e-mail, siblings share a
character of their names, twins their birthday, sons may have their father's name.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

FAMILIES = "王李张刘陈杨黄赵吴周徐孙马朱胡郭何林高罗郑梁谢宋唐许韩冯邓曹彭曾肖田董袁潘于蒋蔡余杜叶程苏魏吕丁任沈姚卢姜崔钟谭陆汪范金石廖贾夏韦付方白邹孟熊秦邱江尹薛闫段雷侯龙史陶黎贺顾毛郝龚邵万钱严覃武戴莫孔向汤"
GIVEN = "伟芳娜敏静丽强磊军洋勇艳杰娟涛明超秀霞平刚桂英华玉兰建国志文红宇浩然子轩梓涵欣怡雨泽佳琪思远晨曦俊熙诗博雅婷天翔嘉慧晓东海峰春梅雪松云飞乐成龙小凤鹏辉凯琳莹倩颖璐瑶昊一诺可馨悦彤若溪景行书墨"
HOMOPHONES = {
    "伟": "玮", "芳": "方", "静": "靖", "丽": "莉", "磊": "蕾", "杰": "洁", "明": "名", "平": "萍", "英": "瑛",
    "华": "骅", "建": "健", "志": "智", "文": "雯", "宇": "雨", "浩": "昊", "欣": "心", "怡": "宜", "晨": "辰",
    "俊": "骏", "婷": "亭", "慧": "惠", "峰": "锋", "雪": "学", "凯": "楷", "琳": "林", "颖": "影", "莹": "盈",
}  # fmt: skip
PINYIN_OF = "GIVEN and FAMILIES are romanised by pypinyin"
MEN = [
    "James",
    "John",
    "Robert",
    "Michael",
    "William",
    "David",
    "Richard",
    "Joseph",
    "Thomas",
    "Charles",
    "Daniel",
    "Matthew",
    "Anthony",
    "Mark",
    "Steven",
    "Paul",
    "Andrew",
    "Joshua",
    "Kevin",
    "Brian",
    "George",
    "Edward",
    "Peter",
    "Henry",
    "Oliver",
    "Jack",
    "Harry",
    "Oscar",
    "Leo",
    "Max",
    "Lucas",
    "Noah",
    "Liam",
    "Ethan",
    "Samuel",
    "Benjamin",
    "Alexander",
    "Felix",
    "Hugo",
    "Martin",
    "Simon",
    "Adam",
    "Patrick",
    "Sean",
    "Owen",
    "Victor",
    "Arthur",
    "Louis",
    "Theo",
    "Ivan",
]
WOMEN = [
    "Mary",
    "Patricia",
    "Jennifer",
    "Linda",
    "Elizabeth",
    "Barbara",
    "Susan",
    "Jessica",
    "Sarah",
    "Karen",
    "Lisa",
    "Nancy",
    "Margaret",
    "Sandra",
    "Ashley",
    "Emily",
    "Donna",
    "Michelle",
    "Carol",
    "Amanda",
    "Melissa",
    "Deborah",
    "Laura",
    "Rebecca",
    "Sharon",
    "Cynthia",
    "Anna",
    "Emma",
    "Olivia",
    "Sophia",
    "Isabella",
    "Mia",
    "Charlotte",
    "Amelia",
    "Grace",
    "Chloe",
    "Hannah",
    "Alice",
    "Julia",
    "Clara",
    "Maria",
    "Helen",
    "Diana",
    "Ruth",
    "Eva",
    "Nora",
    "Lucy",
    "Zoe",
    "Ella",
    "Ida",
]
SURNAMES = [
    "Smith",
    "Johnson",
    "Williams",
    "Brown",
    "Jones",
    "Garcia",
    "Miller",
    "Davis",
    "Wilson",
    "Anderson",
    "Taylor",
    "Moore",
    "Jackson",
    "Martin",
    "Lee",
    "Thompson",
    "White",
    "Harris",
    "Clark",
    "Lewis",
    "Robinson",
    "Walker",
    "Young",
    "Allen",
    "King",
    "Wright",
    "Scott",
    "Hill",
    "Green",
    "Adams",
    "Nelson",
    "Baker",
    "Hall",
    "Rivera",
    "Campbell",
    "Mitchell",
    "Carter",
    "Roberts",
    "Turner",
    "Phillips",
    "Evans",
    "Parker",
    "Edwards",
    "Collins",
    "Stewart",
    "Morris",
    "Murphy",
    "Cook",
    "Rogers",
    "Morgan",
    "Cooper",
    "Peterson",
    "Reed",
    "Bailey",
    "Bell",
    "Kelly",
    "Howard",
    "Ward",
    "Cox",
    "Richardson",
    "Wood",
    "Watson",
    "Brooks",
    "Bennett",
    "Gray",
    "Hughes",
    "Price",
    "Myers",
    "Long",
    "Foster",
    "Sanders",
    "Ross",
    "Powell",
    "Sullivan",
    "Russell",
    "Jenkins",
    "Perry",
    "Butler",
    "Barnes",
    "Fisher",
    "Hansen",
    "Meyer",
    "Schmidt",
    "Weber",
    "Fischer",
    "Novak",
    "Kowalski",
    "Rossi",
    "Bianchi",
    "Dubois",
    "Moreau",
    "Lopez",
    "Silva",
    "Costa",
    "Nguyen",
    "Kim",
    "Park",
    "Tanaka",
    "Sato",
]
STREETS = [
    "建国路",
    "人民路",
    "中山路",
    "解放路",
    "长江路",
    "学院路",
    "文化路",
    "和平路",
    "新华路",
    "朝阳路",
    "光明路",
    "滨河路",
    "科技路",
    "花园路",
    "青年路",
    "友谊路",
    "胜利路",
    "东风路",
    "幸福路",
    "南京路",
]
DISTRICTS = [
    "北京市朝阳区",
    "北京市海淀区",
    "上海市浦东新区",
    "上海市徐汇区",
    "广州市天河区",
    "深圳市南山区",
    "杭州市西湖区",
    "成都市武侯区",
    "南京市鼓楼区",
    "武汉市洪山区",
]
ROADS = [
    "Main",
    "Oak",
    "Park",
    "Cedar",
    "Maple",
    "Elm",
    "Lake",
    "Hill",
    "Church",
    "Station",
    "Mill",
    "River",
    "King",
    "Queen",
    "High",
    "Green",
]
KINDS = ["Street", "Road", "Avenue", "Lane", "Drive", "Court"]
TOWNS = [
    "Springfield",
    "Riverton",
    "Lakeside",
    "Fairview",
    "Greenville",
    "Milton",
    "Ashford",
    "Newport",
    "Clifton",
    "Kingston",
]
Traits = dict[str, Any]


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


def household(shape: Shape) -> list[Human]:
    """Return people of one home."""
    chance = shape.chance
    chinese = chance.random() < shape.chinese
    address, landline = _address(chance, chinese), _landline(chance)
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
        human.phone = first.phone if shares_phone and first.phone else _mobile(chance)
    if human is not first and first.email and chance.random() < (0.4 if minor else 0.1):
        human.email = first.email
    else:
        human.email = _mail(human, chance)
        while human.email in shape.mails:
            human.email = f"{human.email.partition('@')[0]}{chance.randrange(10)}@{_domain(chance)}"
        shape.mails.add(human.email)
    return human


def _mobile(chance: random.Random) -> str:
    return f"+86139{chance.randrange(10**8):08d}"


def _landline(chance: random.Random) -> str:
    return f"+8610{chance.randrange(10**8):08d}"


def _mail(human: Human, chance: random.Random) -> str:
    name = latin(human).replace(" ", chance.choice((".", "", "_"))).lower()
    return f"{name}{chance.choice(('', str(human.born.year % 100), str(chance.randrange(1000))))}@{_domain(chance)}"


def _domain(chance: random.Random) -> str:
    return chance.choice(("example.com", "example.org", "mail.example.com", "post.example.org"))


def latin(human: Human) -> str:
    """Return a name in Latin letters, given name first."""
    if not human.chinese:
        return human.name
    from pypinyin import lazy_pinyin

    return f"{''.join(lazy_pinyin(human.given)).title()} {''.join(lazy_pinyin(human.family)).title()}"


def _address(chance: random.Random, chinese: bool) -> str:
    if chinese:
        flat = f"{chance.randint(1, 20)}号楼{chance.randint(1, 30)}0{chance.randint(1, 9)}室"
        return f"{chance.choice(DISTRICTS)}{chance.choice(STREETS)}{chance.randint(1, 300)}号{flat}"
    street = f"{chance.randint(1, 400)} {chance.choice(ROADS)} {chance.choice(KINDS)}"
    return f"{street}, {chance.choice(TOWNS)} {chance.randint(10000, 10400)}"


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
        told["address"] = _address(chance, human.chinese) if draw < 0.15 else _mistype(human.address, chance)
    if "phone" in told and (draw := chance.random()) < 0.5:
        told["phone"] = _mobile(chance) if draw < 0.25 else _misdial(human.phone, chance)
    if "email" in told and (draw := chance.random()) < 0.5:
        local = human.email.partition("@")[0]
        told["email"] = (
            _mail(human, chance)
            if draw < 0.2
            else f"{local}@{_domain(chance)}"
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
