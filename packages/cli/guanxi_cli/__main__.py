"""`python -m guanxi_cli`."""

from guanxi_cli.app import app

app()
