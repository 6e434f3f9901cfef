"""What is wrong with a pack, said so that its author finds the place."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, order=True)
class PackProblem:
    """One mistake: `line` counts from 1, `field` is a path such as `scores.rfm.tiers[0].name`."""

    file: Path
    line: int
    field: str
    reason: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.field}: {self.reason}"


class PackError(ValueError):
    """The pack cannot be used; `problems` holds every mistake found, by file and line."""

    def __init__(self, problems: Sequence[PackProblem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(str(problem) for problem in self.problems))
