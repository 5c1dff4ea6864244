"""openai's client on aiohttp and nothing else: what a call costs at least, in mipro_nb's way."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

from openai import AsyncOpenAI, DefaultAioHttpClient

from benchmarks.against_dspy.job import carry_out
from benchmarks.against_dspy.task import MODEL, Task

_INSTRUCTION = """Given the fields `question`, produce the fields `answer`.

Reply in exactly this form:
reasoning: <reasoning>
answer: <answer>"""
_address: list[str] = []


def evaluate(task: Task, threads: int, count: int) -> dict[str, Any]:
    """Send `count` prompts; nobody reads the answers."""
    asyncio.run(_send_all([row.question for row in task.rows(count)], threads))
    return {}


async def _send_all(questions: list[str], threads: int) -> None:
    slots = asyncio.Semaphore(threads)
    http = DefaultAioHttpClient()
    async with AsyncOpenAI(api_key="none", base_url=_address[-1], http_client=http) as client:

        async def send(question: str) -> None:
            async with slots:
                await client.chat.completions.create(
                    model=MODEL,
                    messages=[
                        {"role": "system", "content": _INSTRUCTION},
                        {"role": "user", "content": f"question: {question}"},
                    ],
                    temperature=0.0,
                )

        await asyncio.gather(*map(send, questions))


def configure(url: str, _: Path) -> None:
    """Remember where the server is."""
    _address.append(url)


if __name__ == "__main__":
    carry_out({"evaluate": evaluate}, configure)
