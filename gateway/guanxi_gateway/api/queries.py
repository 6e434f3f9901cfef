"""Query parameters that many doors share, as dependencies that return what to ask the service behind them."""

from typing import Annotated

from fastapi import Depends, Query

Asked = dict[str, str | int | None]
"""Parameters of the question to a service; those that are None are left out."""

Limit = Annotated[int | None, Query(ge=1, le=200, description="Items on a page.")]
Cursor = Annotated[str | None, Query(max_length=100, description="`next_cursor` of the page before.")]


async def _page(limit: Limit = None, cursor: Cursor = None) -> Asked:
    return {"limit": limit, "cursor": cursor}


async def _clear(
    *,
    clear: Annotated[
        bool, Query(description="Show values unmasked; needs the permission customer.clear and a `reason`.")
    ] = False,
    reason: Annotated[
        str | None,
        Query(max_length=500, description="Why they have to be seen unmasked, in 10 characters or more."),
    ] = None,
) -> Asked:
    return {"clear": "true", "reason": reason} if clear else {}


Page = Annotated[Asked, Depends(_page)]
"""`limit` and `cursor`."""
Clear = Annotated[Asked, Depends(_clear)]
"""`clear` and `reason`; nothing where clear values are not asked for."""
