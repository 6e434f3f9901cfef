"""What tests of every package use: waiting with a deadline, a clock that is moved, identities, clients."""

from guanxi_kit.clock import ManualClock
from guanxi_kit.testing.clients import client_of
from guanxi_kit.testing.identity import StaffIdentity
from guanxi_kit.testing.locks import waits_for_a_lock
from guanxi_kit.testing.waiting import eventually

__all__ = ["ManualClock", "StaffIdentity", "client_of", "eventually", "waits_for_a_lock"]
