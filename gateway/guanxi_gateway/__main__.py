"""`python -m guanxi_gateway api`."""

from guanxi_gateway.main import make_api
from guanxi_gateway.settings import GatewaySettings
from guanxi_kit.app import run

run("gateway", GatewaySettings, api=make_api)
