"""Every way in which a call can fail: the right exception, one readable message, never the key."""

from __future__ import annotations

import contextlib
import gzip
import pickle
import socket
import threading
import traceback

import pytest
from canary import CANARY
from scripted_server import Reply, Script

import mipro_nb as mipro
from mipro_nb.core_loop import core
from mipro_nb.errors import (
    InvalidArgumentError,
    LMError,
    LMUnavailableError,
    RequestRefusedError,
)
from mipro_nb.language import LMRequest
from mipro_nb.models.gate.gate import Gate, run_gate
from mipro_nb.runs.store.open_records import open_record

pytestmark = pytest.mark.usefixtures("short_pauses")

QUOTA = {"message": "Quota exceeded.", "type": "insufficient_quota", "code": "insufficient_quota"}


def failure(lm, prompt="hi", **options):
    """Return what a call raises, after looking for the key in all that can be seen of it."""
    request = LMRequest([{"role": "user", "content": prompt}], options)
    with pytest.raises(LMError) as caught:
        core().wait_for(lm.acomplete(request))
    error = caught.value
    seen = [str(error), repr(error), repr(error.args), repr(vars(error))]
    seen += traceback.format_exception(error)
    seen.append(pickle.dumps(error).decode("latin-1"))
    inner = error.__cause__ or error.__context__
    while inner is not None:
        seen.append(f"{inner!r} {inner} {vars(inner)}")
        inner = inner.__cause__ or inner.__context__
    assert CANARY not in "\n".join(seen)
    assert "\n" not in str(error)
    assert len(str(error)) < 700
    return error


@contextlib.contextmanager
def socket_server(answer, then=lambda _: None):
    """Serve `answer` to every connection, do what comes `then`, and close it."""
    with socket.create_server(("127.0.0.1", 0), backlog=8) as listener:

        def serve():
            with contextlib.suppress(OSError):
                while True:
                    connection, _ = listener.accept()
                    connection.recv(65536)
                    connection.sendall(answer)
                    then(connection)
                    connection.close()

        threading.Thread(target=serve, daemon=True).start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}/v1"
        listener.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def free_port():
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]


def test_a_wrong_key(serve, lm_at):
    error = failure(lm_at(serve(api_key="the right one")))
    assert type(error) is LMUnavailableError
    assert "refused the key" in str(error)
    assert "api_key=" in str(error)
    assert "OPENAI_API_KEY" in str(error)


def test_a_key_without_the_rights(serve, lm_at):
    error = failure(lm_at(serve(Reply("Not in your region.", status=403))))
    assert type(error) is LMUnavailableError
    assert "Not in your region." in str(error)


@pytest.mark.parametrize("padding", [0, 180, 240, 260, 270, 280])
def test_a_server_that_quotes_the_key(serve, lm_at, padding):
    said = f"{'x' * padding} {CANARY}, that is no key: {CANARY}"
    for status in (400, 401, 404, 429, 500):
        error = failure(lm_at(serve(Reply(said, status=status))))
        for shown in (CANARY[:10], CANARY[-8:]):
            assert shown not in str(error)


def test_a_server_that_quotes_the_key_in_part(serve, lm_at):
    masked = f"Incorrect API key provided: {CANARY[:8]}********{CANARY[-4:]}. See our site."
    error = failure(lm_at(serve(Reply(masked, status=401))))
    assert "Incorrect API key provided: <key>. See our site." in str(error)
    assert CANARY[-4:] not in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(raw_body=f"<p>{CANARY}</p>".encode(), content_type="text/html"),
        Reply(raw_body=f'["{CANARY}"]'.encode()),
        Reply(raw_body=f'{{"error": {{"message": "{CANARY}"}}}}'.encode()),
    ],
    ids=["page", "list", "error"],
)
def test_an_unusable_answer_that_quotes_the_key(serve, lm_at, reply):
    assert type(failure(lm_at(serve(reply)))) is LMError


def test_an_unknown_model(serve, lm_at):
    error = failure(lm_at(serve(known_models={"other"}), model="openai/gpt-9"))
    assert type(error) is LMUnavailableError
    assert "does not know the model 'gpt-9'" in str(error)


def test_a_wrong_path(serve, lm_at):
    url = f"{serve().base_url}/chat/completions"
    error = failure(lm_at(url))
    assert type(error) is LMUnavailableError
    assert url in str(error)
    assert "base_url" in str(error)


@pytest.mark.parametrize(
    "reply",
    [
        Reply(status=429, error=QUOTA, headers={"Retry-After": "0.01"}),
        Reply("Insufficient balance.", status=402),
    ],
    ids=["quota", "payment"],
)
def test_a_used_up_quota(serve, lm_at, reply):
    error = failure(lm_at(serve(reply), num_retries=1))
    assert type(error) is LMUnavailableError
    assert "quota is used up" in str(error)


def test_a_server_that_is_not_running(lm_at, free_port):
    url = f"http://127.0.0.1:{free_port}/v1"
    error = failure(lm_at(url))
    assert type(error) is LMUnavailableError
    assert str(error).startswith(f"Cannot reach {url} (tried once): ")
    assert str(error).endswith(". Check base_url and that the server is running.")


def test_a_host_that_does_not_exist(lm_at):
    error = failure(lm_at("http://no-such-host.invalid/v1"))
    assert type(error) is LMUnavailableError
    assert str(error).startswith("Cannot reach http://no-such-host.invalid/v1 (tried once): ")


def test_a_server_without_the_encryption_that_was_asked_for(serve, lm_at):
    error = failure(lm_at(serve().base_url.replace("http:", "https:")))
    assert type(error) is LMUnavailableError
    assert "Cannot reach https:" in str(error)


def test_a_host_that_swallows_connections(lm_at):
    with socket.socket() as listener, contextlib.ExitStack() as waiting:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        for _ in range(3):  # the queue is full; further connections are never answered
            queued = waiting.enter_context(socket.socket())
            queued.setblocking(False)
            queued.connect_ex(listener.getsockname())
        error = failure(lm_at(f"http://127.0.0.1:{listener.getsockname()[1]}/v1", timeout=0.3))
    assert type(error) is LMUnavailableError
    assert "Cannot reach" in str(error)


def test_a_rate_limit_passes(serve, lm_at):
    limited = Reply(status=429, headers={"Retry-After": "0.01"})
    server = serve(Script().when("hi", limited, times=2).otherwise("at last"))
    assert lm_at(server, num_retries=3)("hi") == ["at last"]
    assert server.count == 3


def test_a_rate_limit_that_does_not_pass(serve, lm_at):
    server = serve(Reply("Slow down.", status=429, headers={"Retry-After": "0.01"}))
    error = failure(lm_at(server, num_retries=2))
    assert type(error) is LMError
    assert "429" in str(error)
    assert "Slow down." in str(error)
    assert server.count == 3


@pytest.mark.parametrize("status", [500, 502, 503, 529])
def test_a_server_in_trouble_recovers(serve, lm_at, status):
    broken = Reply(status=status, headers={"Retry-After": "0.01"})
    server = serve(Script().when("hi", broken, times=1).otherwise("well again"))
    assert lm_at(server, num_retries=1)("hi") == ["well again"]


def test_a_server_in_trouble(serve, lm_at):
    page = Reply(status=503, raw_body=b"<html>busy</html>", content_type="text/html")
    error = failure(lm_at(serve(page)))
    assert type(error) is LMError
    assert "503" in str(error)


def test_a_call_that_the_server_refuses(serve, lm_at):
    server = serve(Reply("max_tokens is too large.", status=400))
    error = failure(lm_at(server, num_retries=3))
    assert type(error) is RequestRefusedError
    assert "max_tokens is too large." in str(error)
    assert server.count == 1


def test_a_server_that_hangs(serve, lm_at):
    server = serve(Reply(hang=True))
    error = failure(lm_at(server, timeout=0.2, num_retries=1))
    assert type(error) is LMError
    assert "gave no answer within 200 ms (tried 2 times)" in str(error)
    assert server.count == 2


def test_a_server_that_sends_a_byte_now_and_then_and_never_ends(lm_at):
    over = threading.Event()

    def drip(connection):
        with contextlib.suppress(OSError):
            while not over.wait(0.05):
                connection.sendall(b"1\r\n \r\n")

    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket_server(head, drip) as url:
        error = failure(lm_at(url, timeout=0.5))
        over.set()
    assert type(error) is LMError
    assert "gave no answer within 500 ms (tried once): no whole answer came" in str(error)


def test_the_time_out_of_a_single_call_counts(serve, lm_at):
    error = failure(lm_at(serve(Reply(hang=True))), timeout=0.2)
    assert "gave no answer within 200 ms" in str(error)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_server_that_redirects(serve, lm_at, status):
    to = f"http://127.0.0.1:9/v2/chat/completions?key={CANARY}"
    server = serve(Reply(raw_body=b"", status=status, headers={"Location": to}))
    error = failure(lm_at(server, num_retries=3))
    assert type(error) is LMUnavailableError
    assert str(error).endswith("point base_url to where it leads, http://127.0.0.1:9/v2")
    assert server.count == 1


@pytest.mark.parametrize("to", ["http://[bad", "file:///etc/passwd", f"//{CANARY}@x/{CANARY}"])
def test_a_server_that_redirects_to_no_place(serve, lm_at, to):
    server = serve(Reply(raw_body=b"", status=307, headers={"Location": to}))
    assert "point base_url" in str(failure(lm_at(server)))


def test_a_server_that_redirects_in_circles_is_asked_once(serve, lm_at):
    here = {"Location": "/v1/chat/completions"}
    server = serve(Reply(raw_body=b"", status=307, headers=here))
    failure(lm_at(server, num_retries=3))
    assert server.count == 1


def test_a_little_that_unpacks_to_a_lot_is_not_read_to_the_end(serve, lm_at):
    body = gzip.compress(b'{"choices": [{"message": {"content": "' + b"a" * (65 << 20) + b'"}}]}')
    error = failure(lm_at(serve(Reply(raw_body=body, headers={"Content-Encoding": "gzip"}))))
    assert type(error) is LMError
    assert "longer than 64 MiB" in str(error)


def test_a_server_that_drops_the_connection(serve, lm_at):
    server = serve(Reply(drop=True))
    error = failure(lm_at(server, num_retries=1))
    assert type(error) is LMError
    assert "broke off the connection" in str(error)
    assert server.count == 2


def test_a_dropped_connection_is_tried_again(serve, lm_at):
    server = serve(Script().when("hi", Reply(drop=True), times=1).otherwise("here I am"))
    assert lm_at(server, num_retries=1)("hi") == ["here I am"]


@pytest.mark.parametrize(
    ("reply", "hint"),
    [
        (Reply(raw_body=b"\x00\xff<<>>"), "no valid answer"),
        (Reply(raw_body=b""), "no valid answer"),
        (Reply(raw_body=b'{"choices": [{"mess'), "no valid answer"),
        (Reply(raw_body=b'{"choices": "\xc3'), "no valid answer"),
        (Reply(raw_body=b'{"choices":' + b"[" * 200_000 + b"]" * 200_000), "no valid answer"),
        (Reply(raw_body=b"[" * 200_000, content_type="text/plain"), "no chat completion"),
        (Reply(raw_body=b"<html>Please log in", content_type="text/html"), "Please log in"),
        (Reply(raw_body=b"x" * 100_000, content_type="text/plain"), "no chat completion"),
        (Reply(raw_body=b"[1, 2]"), "no chat completion"),
        (Reply(raw_body=b"null"), "no chat completion"),
        (Reply(raw_body=b'{"other": 1}'), "without choices"),
        (Reply(raw_body=b'{"choices": "ab"}'), "without choices"),
        (Reply(raw_body=b'{"choices": [{}]}'), "without choices"),
        (Reply(raw_body=b'{"error": {"message": "Upstream is gone."}}'), "Upstream is gone."),
        (Reply(raw_body=b'{"choices": [{"error": {"message": "Provider is gone."}}]}'), "gone."),
        (Reply(raw_body=b"abc", headers={"Content-Encoding": "gzip"}), "decompress"),
    ],
    ids=lambda value: str(value)[:20] if isinstance(value, str) else None,
)
def test_an_answer_that_is_none(serve, lm_at, reply, hint):
    error = failure(lm_at(serve(reply)))
    assert type(error) is LMError
    assert hint in str(error)


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"SSH-2.0-OpenSSH_9.6\r\n",
        b'HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 99\r\n\r\n{"a"',
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nnonsense\r\n\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
    ],
    ids=["nothing", "another protocol", "half an answer", "bad chunk", "bad header", "length"],
)
def test_something_that_is_no_web_server_is_asked_again(lm_at, answer):
    asked = []
    with socket_server(answer, asked.append) as url:
        assert type(failure(lm_at(url, num_retries=1))) is LMError
    assert len(asked) == 2


@pytest.mark.parametrize("settings", [{"logit_bias": {1: object()}}, {"stop": {"a"}}])
def test_a_parameter_that_cannot_be_sent(serve, lm_at, settings):
    server = serve()
    with pytest.raises(InvalidArgumentError, match="it is sent as JSON"):
        lm_at(server, **settings)
    assert server.count == 0


def test_a_prompt_that_cannot_be_sent(serve, lm_at):
    assert "surrogates not allowed" in str(failure(lm_at(serve()), "half \ud83d"))


def test_an_lm_serves_again_after_a_failure(serve, lm_at):
    server = serve(Script().when("hi", Reply(drop=True), times=1).otherwise("fine"))
    lm = lm_at(server)
    failure(lm)
    assert lm("hi") == ["fine"]


def test_a_failure_is_recorded_and_the_record_never_holds_the_key(serve, lm_at):
    said = f"{CANARY} is no key, nor is {CANARY[:8]}****{CANARY[-4:]}"
    script = Script().when("fail", Reply(said, status=401)).otherwise("fine")
    lm = lm_at(serve(script), cache=True)
    record = open_record()
    record.add_run("run", "name")
    numbers = iter(range(10))
    gate = Gate(lambda: record, 2, lambda event: record.append("run", event, next(numbers)))

    async def ask(prompt):
        run_gate.set(gate)
        await lm.acomplete(LMRequest([{"role": "user", "content": prompt}]))

    core().wait_for(ask("please"))
    with pytest.raises(LMUnavailableError) as caught:
        core().wait_for(ask("fail"))
    answered, failed = (recorded.event for recorded in record.events("run"))
    assert (answered.type, failed.type) == ("lm_call_answered", "lm_call_failed")
    assert failed.error == str(caught.value)
    assert failed.model == "gpt-4o-mini"
    written = b"".join(file.read_bytes() for file in record.path.parent.iterdir())
    assert b"is no key" in written
    for secret in (CANARY, CANARY[:8], CANARY[-8:]):
        assert secret.encode() not in written


def test_a_whole_run_leaves_no_key_in_its_record(serve, lm_at, capfd):
    def answer(request):
        if request.last_user == "question: broken":
            return Reply(f"What is {CANARY}?", status=400)
        return "instruction: Add.\nanswer: 2\nsummary: Sums."

    lm = lm_at(serve(answer), cache=True)
    rows = [mipro.Example(question=f"{n}?", answer=2).with_inputs("question") for n in range(10)]
    rows.append(mipro.Example(question="broken", answer=2).with_inputs("question"))
    student = mipro.Predict("question -> answer: int")
    student.lm = lm
    optimizer = mipro.MIPROv2(
        lambda example, prediction, trace=None: example.answer == prediction.answer,
        prompt_model=lm,
        task_model=lm,
        num_candidates=2,
        verbose=True,
    )
    optimized = optimizer.compile(
        student,
        trainset=rows,
        valset=rows,
        num_trials=2,
        minibatch=False,
        requires_permission_to_run=False,
    )
    run = optimized.run
    shown = capfd.readouterr()
    texts = [run.report(), repr(run), repr(mipro.runs.list()), shown.out, shown.err]
    texts += [repr(recorded) for recorded in run.events()]
    assert any("What is <key>?" in text for text in texts)
    files = open_record().path.parent.iterdir()
    texts.append(b"".join(file.read_bytes() for file in files).decode("latin-1"))
    assert not any(CANARY in text for text in texts)
