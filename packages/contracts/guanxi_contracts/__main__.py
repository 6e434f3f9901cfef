"""`python -m guanxi_contracts export [--check | --release VERSION]`."""

from __future__ import annotations

import sys

from guanxi_contracts.export import main

if __name__ == "__main__":
    if sys.argv[1:2] != ["export"]:
        sys.exit("usage: python -m guanxi_contracts export [--check | --release VERSION]")
    sys.exit(main(sys.argv[2:]))
