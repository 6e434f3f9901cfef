"""Traits that are identifiers: a channel tells them as traits, and the person is known by them."""

from __future__ import annotations

from collections.abc import Collection

IDENTIFYING_TRAITS = (
    ("phone", "phone"),
    ("email", "email"),
    ("memberNumber", "member_number"),
    ("member_number", "member_number"),
    ("wechatUnionid", "wechat_unionid"),
    ("wechat_unionid", "wechat_unionid"),
    ("unionid", "wechat_unionid"),
    ("wecomExternalId", "wecom_external_id"),
    ("wecom_external_id", "wecom_external_id"),
)
"""Trait and the identifier type that it tells."""
OPENIDS = ("wechatOpenid", "wechat_openid", "openid")
"""Traits that tell an identifier of the type wechat_openid, the first that is there."""
APP_IDS = ("appId", "app_id", "wechatAppId")
"""Traits that tell the namespace of an openid."""


def traits_asked_for(types: Collection[str]) -> frozenset[str]:
    """Return the traits that these identifier types ask for."""
    asked = {name for name, kind in IDENTIFYING_TRAITS if kind in types}
    return frozenset(asked.union(OPENIDS, APP_IDS) if "wechat_openid" in types else asked)
