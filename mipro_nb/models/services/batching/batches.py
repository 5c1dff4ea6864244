"""A provider's batch endpoint: calls are uploaded as one file, and answered within a day.

It is OpenAI's, https://platform.openai.com/docs/guides/batch: a file of one request a line goes to
``/files``, a batch of it to ``/batches``; once that is over there is a file of answers, and one of
errors.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import aiohttp
import openai

from mipro_nb.errors import LMError, LMUnavailableError, shown
from mipro_nb.models.calls import Answer, Call
from mipro_nb.models.retryable import RetryableError
from mipro_nb.models.services.batching.batch_states import (
    FORGOTTEN,
    BatchState,
    Fetched,
    why_not_done,
)
from mipro_nb.models.services.clients.client import body_of
from mipro_nb.redaction import secrets

if TYPE_CHECKING:
    from openai.types import Batch

    from mipro_nb.models.services.clients.client import Client
    from mipro_nb.models.services.clients.dialect import Spoken

_ENDPOINT: Final = "/v1/chat/completions"
_OURS = "mipro_nb"
"""In the metadata of a batch, by which it is found again if its answer was not heard."""
_PAGES = 20
_FAILURES = (openai.OpenAIError, aiohttp.ClientError, TimeoutError, ValueError, TypeError)
# Room is made as other batches end.
_FULL_SECONDS = 60.0


class BatchClient:
    """Sends calls to one endpoint in batches; used on the core loop only.

    Parameters
    ----------
    client
        The way to the endpoint.
    """

    def __init__(self, client: Client) -> None:
        self._client = client

    @property
    def where(self) -> str:
        """Model and server, in words."""
        return self._client.where

    def spoken(self, call: Call) -> Spoken:
        """Return `call` as the server takes it; errors of `Client.spoken`."""
        return self._client.spoken(call)

    async def upload(self, own_id: str, calls: Mapping[str, Spoken]) -> str:
        """Upload calls, by custom id, and return the name of the file.

        Raises
        ------
        RetryableError, LMError
            If that fails; nothing is billed then.
        """
        lines = (_line(custom_id, spoken) for custom_id, spoken in calls.items())
        content = "".join(lines).encode("utf-8", "backslashreplace")
        name = f"{own_id}.jsonl"
        try:
            made = await self._client.connection.files.create(
                file=(name, content, "application/jsonl"), purpose="batch"
            )
        except _FAILURES as error:
            failure = self._failure(error)
        else:
            return self._named(made, "a file")
        raise failure

    async def begin(self, own_id: str, file: str) -> str:
        """Have the calls of a file be answered, and return the provider's name of the batch.

        Errors of `upload`; where the server was not heard, it may have begun all the same.
        """
        try:
            made = await self._client.connection.batches.create(
                input_file_id=file,
                endpoint=_ENDPOINT,
                completion_window="24h",
                metadata={_OURS: own_id},
            )
        except _FAILURES as error:
            failure = self._failure(error)
        else:
            return self._named(made, "a batch")
        raise failure

    async def find(self, own_id: str) -> str | None:
        """Return the provider's name of our batch, None if it was not begun; errors of `upload`."""
        try:
            page = await self._client.connection.batches.list(limit=100)
            for _ in range(_PAGES):
                for batch in page.data or ():
                    if (batch.metadata or {}).get(_OURS) == own_id:
                        return batch.id
                if not page.has_next_page():
                    return None
                page = await page.get_next_page()
        except _FAILURES as error:
            failure = self._failure(error)
        else:
            return None
        raise failure

    async def look(self, batch_id: str) -> BatchState:
        """Return how a batch stands; errors of `upload`."""
        try:
            batch = await self._client.connection.batches.retrieve(batch_id)
        except openai.NotFoundError:
            return BatchState(FORGOTTEN)
        except _FAILURES as error:
            failure = self._failure(error)
        else:
            files = (batch.output_file_id, batch.error_file_id)
            return BatchState(
                str(batch.status),
                tuple(filter(None, files)),
                _refusal(batch),
                batch.request_counts.completed if batch.request_counts else 0,
                has_answers=bool(batch.output_file_id),
            )
        raise failure

    async def fetched(self, state: BatchState) -> Fetched:
        """Return what came of the calls of a batch that is over; errors of `upload`."""
        lines: dict[str, Mapping[str, Any]] = {}
        lacks = ""
        if state.status == FORGOTTEN:
            lacks = "does not know it"
        elif state.answers and not state.has_answers:
            lacks = f"has answered {state.answers} calls and names no file of the answers"
        for file in state.files:
            try:
                content = await self._client.connection.files.content(file)
                lines |= _lines_of(content.text)
            except openai.NotFoundError:
                lacks = f"does not have its file {self._shown(file)}"
            except _FAILURES as error:
                failure = self._failure(error)
                break
        else:
            return Fetched(lines, lacks)
        raise failure

    async def cancel(self, batch_id: str) -> None:
        """Have the provider give up what is not done of a batch; errors of `upload`."""
        try:
            await self._client.connection.batches.cancel(batch_id)
        except (openai.NotFoundError, openai.ConflictError, openai.BadRequestError):
            return  # it is over already
        except _FAILURES as error:
            failure = self._failure(error)
        else:
            return
        raise failure

    def answer(
        self, call: Call, spoken: Spoken, line: Mapping[str, Any] | None, state: BatchState
    ) -> Answer:
        """Return the answer to `call`.

        Parameters
        ----------
        spoken
            The call as it was sent.
        line
            What the provider says of it; None if nothing.
        state
            How its batch ended.

        Raises
        ------
        RetryableError, LMError
            As `Client.send`. What was not done when a batch expired, or was cancelled, may be sent
            again, and is not billed.
        """
        if state.refusal:
            raise self._refused(state)
        ended, line = why_not_done(line, state), line or {}
        response, error = line.get("response"), line.get("error")
        if ended is not None:
            what = f"The batch of {self.where} {ended}"
            raise RetryableError("try again", what, "the call was not done by then")
        if isinstance(response, Mapping):
            status, body = response.get("status_code"), response.get("body")
            status = status if isinstance(status, int) else HTTPStatus.OK
            if isinstance(body, Mapping) and status >= HTTPStatus.BAD_REQUEST:
                body = body.get("error", body)
            return self._client.understood(status, body, call, spoken)
        if isinstance(error, Mapping):
            said = self._shown(error.get("message") or error)
            raise RetryableError("in trouble", f"{self.where} failed", said)
        said = f"its batch is {self._shown(state.status)}, and the call is not among its answers"
        raise RetryableError("broken answer", f"{self.where} sent no answer", said, billed=None)

    def _refused(self, state: BatchState) -> LMError | RetryableError:
        said = self._shown(state.refusal)
        if state.is_full:
            return RetryableError(
                "turned away", f"{self.where} has no room for the batch", said, _FULL_SECONDS
            )
        return LMUnavailableError(f"{self.where} refused the batch: {said}")

    def _failure(self, error: Exception) -> RetryableError | LMError:
        if isinstance(error, openai.NotFoundError):
            return LMUnavailableError(
                f"{self.where} has no batch endpoint (/files, /batches): leave batch=True out. "
                f"The server said: {self._shown(error)}"
            )
        return self._client.failure_of(error)

    def _named(self, made: Any, what: str) -> str:
        name = getattr(made, "id", None)
        if not isinstance(name, str) or not name:
            raise LMUnavailableError(
                f"{self.where} answered as if it had made {what}, without an id: it has no batch "
                "endpoint like OpenAI's. Leave batch=True out."
            )
        return name

    @staticmethod
    def _shown(value: object) -> str:
        return shown(secrets.taken_out(" ".join(str(value).split())), 300)


def _line(custom_id: str, spoken: Spoken) -> str:
    asked = {"custom_id": custom_id, "method": "POST", "url": _ENDPOINT, "body": body_of(spoken)}
    return json.dumps(asked) + "\n"


def _lines_of(text: str) -> dict[str, Mapping[str, Any]]:
    return {line["custom_id"]: line for line in _read(text)}


def _read(text: str) -> Iterator[Mapping[str, Any]]:
    """Return the lines that can be read; calls that lack theirs fail."""
    for each in text.split("\n"):  # other line ends may stand in a reply
        try:
            line = json.loads(each)
        except (ValueError, RecursionError):
            continue
        if isinstance(line, Mapping) and isinstance(line.get("custom_id"), str):
            yield line


def _refusal(batch: Batch) -> str:
    if batch.status != "failed":
        return ""
    errors = (batch.errors and batch.errors.data) or []
    return " ".join(f"{each.code}: {each.message}" for each in errors[:3]) or "it does not say why"
