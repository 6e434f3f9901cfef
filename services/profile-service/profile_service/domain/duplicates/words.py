"""Why two customers were taken for one, in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEVELS: Mapping[str, Mapping[str, tuple[str, str]]] = {
    "given_name": {
        "same_characters": ("given names are written with the same characters", "名字用字相同"),
        "same_sound": ("given names sound alike but are written with other characters", "名字同音不同字"),
        "same": ("given names are the same", "名字相同"),
        "swapped": ("given and family name are swapped", "姓与名颠倒"),
        "half_swapped": ("the given name of one is the family name of the other", "一方的名是另一方的姓"),
        "one_character": ("given names share one character", "名字有一字相同"),
        "typing_error": ("given names differ by a typing error", "名字疑似录入错误"),
        "alike": ("given names are similar", "名字相近"),
        "initial": ("one given name is the initial of the other", "一方的名是另一方的首字母"),
        "different": ("given names differ", "名字不同"),
    },
    "family_name": {
        "same": ("family names are the same", "姓相同"),
        "same_sound": ("family names sound alike but are written with other characters", "姓同音不同字"),
        "typing_error": ("family names differ by a typing error", "姓疑似录入错误"),
        "alike": ("family names are similar", "姓相近"),
        "different": ("family names differ", "姓不同"),
    },
    "birthday": {
        "same": ("birthdays are the same", "生日相同"),
        "day_and_month_swapped": ("day and month of birth are swapped", "生日的日与月颠倒"),
        "typing_error": ("birthdays differ by one digit", "生日差一位数字"),
        "two_parts": ("two parts of the birthdays agree", "生日有两部分相同"),
        "different": ("birthdays differ", "生日不同"),
    },
    "address": {
        "same": ("addresses are the same", "地址相同"),
        "same_house": ("house and street agree", "街道与门牌相同"),
        "same_street": ("streets agree, a house number is missing or mistyped", "街道相同，门牌缺失或有误"),
        "other_house": ("the street is the same, the house another", "街道相同，门牌不同"),
        "house_number": ("house number and area agree", "门牌与区域相同"),
        "street_alike": ("streets are similar", "街道相近"),
        "same_place": ("place and postcode agree", "地区与邮编相同"),
        "same_area": ("place or postcode agrees", "地区或邮编相同"),
        "area_alike": ("place or postcode is similar", "地区或邮编相近"),
        "different": ("addresses differ", "地址不同"),
    },
    "phone": {
        "same": ("they have a phone number in common", "有相同电话"),
        "typing_error": ("phone numbers differ by one digit", "电话差一位数字"),
        "different": ("phone numbers differ", "电话不同"),
    },
    "email": {
        "same": ("they have an e-mail address in common", "有相同邮箱"),
        "same_mailbox": ("e-mail addresses differ only behind the @", "邮箱仅域名不同"),
        "typing_error": ("e-mail addresses differ by one character", "邮箱差一个字符"),
        "different": ("e-mail addresses differ", "邮箱不同"),
    },
    "gender": {
        "same": ("genders are the same", "性别相同"),
        "different": ("genders differ", "性别不同"),
    },
}
_DECISIVE, _SLIGHT = 5.0, 1.0


@dataclass(frozen=True, slots=True)
class Words:
    """A sentence in English and in Chinese."""

    en: str
    zh: str


LIMITS: Mapping[str, Words] = {
    "cluster_size": Words(
        "One touchpoint holds identifiers of both, but together they would consist of more parts than a customer may.",
        "同一次互动带有双方的标识，但合并后的组成部分会超过单个客户的上限。",
    ),
    "merge_rate": Words(
        "One touchpoint holds identifiers of both, but they were joined with others too often of late.",
        "同一次互动带有双方的标识，但近期合并次数已超过上限。",
    ),
}


def describe(field: str, level: str, weight: float, kin_weight: float) -> Words:
    """Say what a field shows, how strongly, and whether a household would explain it as well."""
    en, zh = LEVELS[field][level]
    direction_en, direction_zh = ("for", "支持") if weight > 0 else ("against", "反对")
    strength_en, strength_zh = _strength(abs(weight))
    shared_en = shared_zh = ""
    if weight > _SLIGHT and kin_weight < _SLIGHT:
        shared_en, shared_zh = "; members of one household would agree here, too", "；同一家庭成员也会如此"
    text_en = f"{en[0].upper()}{en[1:]}: {strength_en} {direction_en} one person{shared_en}."
    return Words(text_en, f"{zh}：{strength_zh}{direction_zh}为同一人{shared_zh}。")


def summarise(score: float) -> Words:
    """Say how likely the two are one."""
    share = min(round(100 * score), 99) if score < 1 else 100
    return Words(
        f"The two are one person with a probability of {share} %, as far as their records tell.",
        f"依据现有记录，二者为同一人的概率约为 {share}%。",
    )


def explain_limit(source: str) -> Words:
    """Say which limit on merging kept the two apart."""
    return LIMITS[source]


def _strength(bits: float) -> tuple[str, str]:
    if bits >= _DECISIVE:
        return "strong evidence", "强烈"
    return ("some evidence", "在一定程度上") if bits >= _SLIGHT else ("hardly any evidence", "几乎不")
