"""Rules about a customer, written in JSONLogic: the language, what it may read, and what is wrong with a rule."""

from guanxi_kit.rules.language import OPERATORS, RuleProblem, RuleRefused, check_rule, read_variables
from guanxi_kit.rules.vocabulary import (
    BRIEF_FACTS,
    CASE_FACTS,
    LIFECYCLE_FACTS,
    SCORE_TAG_FACTS,
    SEGMENT_FACTS,
    TAG_FACTS,
    TOUCHPOINT_FACTS,
    Vocabulary,
)

__all__ = [
    "BRIEF_FACTS",
    "CASE_FACTS",
    "LIFECYCLE_FACTS",
    "OPERATORS",
    "SCORE_TAG_FACTS",
    "SEGMENT_FACTS",
    "TAG_FACTS",
    "TOUCHPOINT_FACTS",
    "RuleProblem",
    "RuleRefused",
    "Vocabulary",
    "check_rule",
    "read_variables",
]
