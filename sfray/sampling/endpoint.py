"""A model behind an endpoint that speaks OpenAI's chat protocol: one question, one answer."""

from __future__ import annotations

import asyncio
import os
import time
from dataclasses import asdict, dataclass
from typing import Any

from sfray.config.teacher import TeacherConfig
from sfray.errors import REFUSED, TRY_AGAIN
from sfray.prompts import Message

NO_KEY = "none"
"""Sent where no key is wanted: the client insists on one."""


class EndpointDown(RuntimeError):
    """The endpoint does not answer, whatever is asked; what was answered is kept."""

    exit_status = TRY_AGAIN


class EndpointRefuses(RuntimeError):
    """The endpoint takes no request of ours: another key, model or address is needed."""

    exit_status = REFUSED


@dataclass(frozen=True)
class Answer:
    """What became of one request.

    Attributes:
        id: Of the request.
        text: Of the response; its reasoning, where the endpoint sends that apart, in ``<think>`` before it.
        finish: ``stop``, or ``length`` when it was cut.
        prompt_tokens: As the endpoint counts them; ``tokens`` are those written.
        refused: Why the endpoint took this one request for wrong; empty otherwise.
    """

    id: str
    text: str = ""
    finish: str = ""
    prompt_tokens: int = 0
    tokens: int = 0
    refused: str = ""

    def to_json(self) -> dict[str, Any]:
        """As a line of a journal."""
        return asdict(self)


class Pace:
    """At most so many starts a minute, evenly spaced; 0 for any number."""

    def __init__(self, per_minute: float) -> None:
        self.seconds = 60 / per_minute if per_minute else 0.0
        self._next = 0.0

    async def turn(self) -> None:
        """Waits for the next start."""
        now = time.monotonic()
        start, self._next = max(now, self._next), max(now, self._next) + self.seconds
        await asyncio.sleep(start - now)


class Endpoint:
    """The client; it sends a request again when the endpoint is busy or fails, as long as it may."""

    def __init__(self, config: TeacherConfig) -> None:
        from openai import AsyncOpenAI

        self.config = config
        self.pace = Pace(config.requests_per_minute)
        self.client = AsyncOpenAI(
            base_url=config.url,
            api_key=os.environ[config.key] if config.key else NO_KEY,
            max_retries=config.retries,
            timeout=config.timeout_minutes * 60,
        )

    async def ask(self, key: str, messages: list[Message], seed: int) -> Answer:
        """Asks for one response.

        Args:
            key: Id of the request.
            messages: The conversation.
            seed: For endpoints that know seeds.

        Raises:
            EndpointDown: It does not answer, or is busy however often it is asked.
            EndpointRefuses: It knows the key or the model not, or is no such endpoint.
        """
        import openai

        config = self.config
        await self.pace.turn()
        try:
            made = await self.client.chat.completions.create(
                model=config.model,
                messages=messages,  # type: ignore[arg-type]
                temperature=config.temperature,
                top_p=config.top_p,
                max_tokens=config.max_tokens,
                seed=seed,
                extra_body=config.extra,
            )
        except (openai.AuthenticationError, openai.PermissionDeniedError) as error:
            raise EndpointRefuses(f"teacher.key: {config.url} refuses ${config.key or NO_KEY}: {error}") from error
        except openai.NotFoundError as error:
            raise EndpointRefuses(f"teacher.model: {config.url} has no {config.model!r}: {error}") from error
        except (openai.BadRequestError, openai.UnprocessableEntityError) as error:
            return Answer(key, refused=str(error)[:500])
        except openai.APIError as error:
            raise EndpointDown(f"teacher.url: {config.url}: {error}; run again to go on from here") from error
        return _answer(key, made)

    async def close(self) -> None:
        """Closes its connections."""
        await self.client.close()


def _answer(key: str, made: Any) -> Answer:
    if not made.choices:
        return Answer(key, refused="a response without a choice")
    choice, usage = made.choices[0], made.usage
    reasoning = getattr(choice.message, "reasoning_content", None) or getattr(choice.message, "reasoning", None)
    text = choice.message.content or ""
    return Answer(
        id=key,
        text=f"<think>\n{reasoning.strip()}\n</think>\n\n{text}" if reasoning else text,
        finish=choice.finish_reason or "",
        prompt_tokens=usage.prompt_tokens if usage else 0,
        tokens=usage.completion_tokens if usage else 0,
    )
