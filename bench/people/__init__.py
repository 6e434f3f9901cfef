"""Synthetic people in households, some of them recorded twice with errors; nobody in it exists.

Families are made to be mistaken for one person: they share address, phone and often e-mail, siblings share a
character of their names, twins their birthday, sons may have their father's name.
"""

from bench.people.households import Shape
from bench.people.written import records

__all__ = ["Shape", "records"]
