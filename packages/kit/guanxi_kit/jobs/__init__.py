"""Long work in the background: in steps that commit with their progress, so that a crash costs one step."""

from guanxi_kit.jobs.model import Job, JobFailed, JobHandler, JobState, Step
from guanxi_kit.jobs.runner import JobRunner
from guanxi_kit.jobs.store import cancel_job, list_jobs, read_job, submit_job, submit_once

__all__ = [
    "Job",
    "JobFailed",
    "JobHandler",
    "JobRunner",
    "JobState",
    "Step",
    "cancel_job",
    "list_jobs",
    "read_job",
    "submit_job",
    "submit_once",
]
