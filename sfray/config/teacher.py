"""How another model's attempts are had: from an endpoint, or from a file."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Annotated, Any

from sfray.config.marks import ABOVE_ZERO, AT_LEAST_ONE, FRACTION, NOT_NEGATIVE, SPEED_ONLY


@dataclass(frozen=True)
class TeacherConfig:
    """Attempts of a teacher: over OpenAI's chat protocol, or from a file.

    Attributes:
        path: Data file with the columns ``question`` (the id of a question, or its text) and
            ``response``; empty to ask an endpoint.
        url: Base address of the endpoint, such as ``http://localhost:8000/v1``.
        model: Name of the model there.
        key: Environment variable that holds the endpoint's key; empty for one that wants no key.
        variant: Solve variant of the prompts file that words the question.
        n: Attempts at each question.
        extra: More fields of each request, such as ``{top_k: 20}``.
        concurrency: Requests at a time.
        requests_per_minute: Most requests; 0 for no limit.
        retries: Times that a request is sent again after the endpoint was busy, failed, or did not answer.
        timeout_minutes: Longest wait for one response.
        input_price: Of a million prompt tokens, in any currency; ``output_price`` of a million written ones.
    """

    path: str = ""
    url: Annotated[str, SPEED_ONLY] = ""
    model: str = ""
    key: Annotated[str, SPEED_ONLY] = ""
    variant: str = "plain"
    n: Annotated[int, AT_LEAST_ONE] = 1
    temperature: Annotated[float, NOT_NEGATIVE] = 0.7
    top_p: Annotated[float, FRACTION] = 1.0
    max_tokens: Annotated[int, AT_LEAST_ONE] = 4096
    extra: dict[str, Any] = field(default_factory=dict)
    concurrency: Annotated[int, AT_LEAST_ONE, SPEED_ONLY] = 16
    requests_per_minute: Annotated[float, NOT_NEGATIVE, SPEED_ONLY] = 0.0
    retries: Annotated[int, NOT_NEGATIVE, SPEED_ONLY] = 6
    timeout_minutes: Annotated[float, ABOVE_ZERO, SPEED_ONLY] = 10.0
    input_price: Annotated[float, NOT_NEGATIVE, SPEED_ONLY] = 0.0
    output_price: Annotated[float, NOT_NEGATIVE, SPEED_ONLY] = 0.0
