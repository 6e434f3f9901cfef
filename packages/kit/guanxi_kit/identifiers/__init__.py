"""Identifiers: one normal form for each value, and no value that identifies nobody."""

from guanxi_kit.identifiers.rules import IdentifierRules, Invalid, Junk, Normalised

__all__ = ["IdentifierRules", "Invalid", "Junk", "Normalised"]
