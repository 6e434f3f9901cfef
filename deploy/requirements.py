"""Print what an image needs: the project's dependencies and those of the named extras, one a line.

`python requirements.py pyproject.toml tracing notification > requirements.txt`
"""

from __future__ import annotations

import sys
import tomllib
from pathlib import Path


def requirements(project_file: Path, extras: list[str]) -> list[str]:
    """Return the requirements of the project in `project_file`. Raises KeyError for an unknown extra."""
    project = tomllib.loads(project_file.read_text(encoding="utf-8"))["project"]
    return [
        *project["dependencies"],
        *(line for name in extras for line in project["optional-dependencies"][name]),
    ]


if __name__ == "__main__":
    sys.stdout.write("\n".join(requirements(Path(sys.argv[1]), sys.argv[2:])) + "\n")
