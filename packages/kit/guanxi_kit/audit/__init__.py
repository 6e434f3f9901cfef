"""The access audit: who read which person's what, when and why; append-only, and tampering is found."""

from guanxi_kit.audit.access import Access
from guanxi_kit.audit.anchors import AuditAnchors
from guanxi_kit.audit.api import audit_router
from guanxi_kit.audit.reading import (
    AccessAudit,
    Reading,
    StatedReason,
    cleared,
    maskable,
    masked,
    open_audit,
    reading_for,
)
from guanxi_kit.audit.schema import AUDIT_TABLES
from guanxi_kit.audit.trail import AuditTrail

__all__ = [
    "AUDIT_TABLES",
    "Access",
    "AccessAudit",
    "AuditAnchors",
    "AuditTrail",
    "Reading",
    "StatedReason",
    "audit_router",
    "cleared",
    "maskable",
    "masked",
    "open_audit",
    "reading_for",
]
