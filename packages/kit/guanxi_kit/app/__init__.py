"""The shell of every process: the HTTP application, its edge, health, and the entry point."""

from guanxi_kit.app.factory import add_routes, create_app
from guanxi_kit.app.health import Check, NotReady
from guanxi_kit.app.process import Command, run, run_service
from guanxi_kit.app.worker import Part, WorkerProcess

__all__ = [
    "Check",
    "Command",
    "NotReady",
    "Part",
    "WorkerProcess",
    "add_routes",
    "create_app",
    "run",
    "run_service",
]
