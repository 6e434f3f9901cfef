"""What the answers of the API share."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Document(BaseModel):
    """An answer of the API, or a part of one.

    Services make answers and the gateway passes them on, so pydantic works one out for the OpenAPI document alone.
    """

    model_config = ConfigDict(defer_build=True)
