"""A template file holds a subject and a body, and nothing that would be lost silently."""

import pytest

from guanxi_kit.packs import parse_template


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("hello", "must begin"),
        ("---\nsubject: a\nbody", "not closed"),
        ("---\nsubject: a\nfrom: b\n---\nbody", "one subject only"),
        ("---\nsubject: a\nsubject: b\n---\nbody", "one subject only"),
        ("---\nsubject:\n---\nbody", "no subject"),
        ("---\nsubject: a\n---\n\n", "body is empty"),
    ],
)
def test_a_template_needs_a_subject_and_a_body(text: str, reason: str) -> None:
    with pytest.raises(ValueError, match=reason):
        parse_template(text)


def test_a_template_keeps_its_parts() -> None:
    template = parse_template("---\nsubject: Re: {{ a }}\n---\n\nline\n\nmore\n")
    assert (template.subject, template.body) == ("Re: {{ a }}", "line\n\nmore\n")
