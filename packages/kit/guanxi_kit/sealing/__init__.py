"""Sealed columns and their keys: what is sealed where, with which key, and sealing it anew after a rotation."""

from guanxi_kit.sealing.columns import KIT_COLUMNS, SealedColumn
from guanxi_kit.sealing.reencrypt import REENCRYPT, Reencrypt
from guanxi_kit.sealing.schema import KEY_TABLE
from guanxi_kit.sealing.users import KeyringUser

__all__ = ["KEY_TABLE", "KIT_COLUMNS", "REENCRYPT", "KeyringUser", "Reencrypt", "SealedColumn"]
