"""`python -m guanxi_devstack`: the same as `guanxi-dev`."""

from guanxi_devstack.cli import app

app(prog_name="guanxi-dev")
