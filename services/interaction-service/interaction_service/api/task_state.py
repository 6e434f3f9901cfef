"""What the endpoints of tasks and contacts share: carrying a command out, and saying why it cannot be."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Annotated, TypeVar

from fastapi import Depends, Request

from guanxi_kit.consumer.unit import StreamUnit
from guanxi_kit.errors import Problem
from interaction_service.adapters.task_work import TaskWork
from interaction_service.api.answers import no_customer, wrong
from interaction_service.api.commands import Commands
from interaction_service.application.contact_desk import Corrected, NoSuchContact
from interaction_service.application.desk_faults import (
    NoSuchCase,
    NoSuchCustomer,
    NoSuchTeam,
    VersionConflict,
)
from interaction_service.application.task_desk import NoSuchTask
from interaction_service.domain.tasks import NotNow

T = TypeVar("T")


@dataclass(frozen=True)
class TasksState:
    """What the endpoints need, kept as `app.state.tasks`."""

    commands: Commands
    work: TaskWork

    async def carry_out(self, command: Callable[[StreamUnit], Awaitable[T]]) -> T:
        """Carry a command out. Raises Problem."""
        try:
            return await self.commands.carry_out(command)
        except NoSuchTask:
            raise Problem(404, detail="There is no such task.") from None
        except NoSuchContact:
            raise Problem(404, detail="There is no such contact.") from None
        except NoSuchCustomer:
            raise no_customer() from None
        except NoSuchCase:
            raise wrong("case_id", "is no case of this customer") from None
        except NoSuchTeam:
            raise wrong("team", "is no team of this pack") from None
        except VersionConflict as error:
            raise Problem(
                409,
                detail="The task changed since it was read.",
                type="urn:guanxi:problem:task-changed",
                extra={"version": error.version},
            ) from None
        except Corrected as error:
            raise Problem(
                409,
                detail="Another record stands in place of this one: correct that.",
                type="urn:guanxi:problem:contact-corrected",
                extra={"contact_id": str(error.by)},
            ) from None
        except NotNow as error:
            raise Problem(409, detail=f"The task {error}.", type="urn:guanxi:problem:task-state") from None


async def tasks_state(request: Request) -> TasksState:
    """FastAPI dependency: the state of this application."""
    state: TasksState = request.app.state.tasks
    return state


Tasks = Annotated[TasksState, Depends(tasks_state)]
