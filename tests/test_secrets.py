"""Keys, wherever they are given and whatever a server does with them, are seen nowhere."""

from __future__ import annotations

import gc
import hashlib
import json
import logging
import sqlite3
import threading
import time
import traceback
import warnings
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import nbformat
import pytest
from IPython.core.ultratb import VerboseTB
from nbclient import NotebookClient

import mipro_nb as mipro
from mipro_nb.errors import InvalidArgumentError, LMError, MiproError
from mipro_nb.language import LMRequest
from mipro_nb.models.services.known import registry

pytestmark = pytest.mark.usefixtures("short_pauses")

_SERVICES = ("OPENAI", "OPENROUTER", "GROQ", "DEEPSEEK", "MISTRAL", "TOGETHER", "XAI", "GEMINI")
# Each ends in what no other text has.
CANARIES = {
    name: f"sk-{name}-{marks}"
    for name, marks in {
        "argument": "Nh3zC6wQb9Tj1Ym5",
        "path": "Ba8sK3nRw5Yu1Xe6",
        "query": "Jc2mT6vHz9Gf4Qo7",
        "fragment": "Mp5dL8bNy3Rw1Sk9",
        "header": "Uv7gE4jXt2Ch6Za8",
        "organization": "Dn3yF9qBk5Ws7Lp1",
        "bearer": "Hx6rJ1zMg8Pv3Tc5",
        "extra_query": "Yk9wA2eSd7Nf4Ub6",
        "body": "Ro1tQ5hVl6Jx8Em3",
        "parameter": "Fs4cG7kZb1Dy9Hn2",
        "option": "Wt8uP3mXa5Kr6Lg4",
        "user": "Ev2nB6yRj9Tq1Fz7",
        "password": "Lk5xH8dCw3Gs7Mo9",
        "proxy": "Pa7jS1vUe4Zb6Nk8",
        "source": "Gd9fY3tLq2Xh5Rw1",
        "env_organization": "Cv3pD8sKy6Tn1Jb4",
        "env_project": "Xg5mW9rQf2Lz7Hc3",
        "env_header": "Ob6kT4vNd1Ys8Pe5",
        **{f"{name}_KEY": hashlib.sha256(name.encode()).hexdigest()[:16] for name in _SERVICES},
    }.items()
}
_ROWS = [mipro.Example(q=f"{n}?", a="x").with_inputs("q") for n in range(8)]


def leaks(*texts):
    """Return the names of the canaries of which 8 characters or more are in `texts`."""
    text = "\n".join(t.decode("latin-1") if isinstance(t, bytes) else str(t) for t in texts)
    return {
        name
        for name, canary in CANARIES.items()
        if any(mark in text for mark in _pieces(canary.rpartition("-")[2]))
    }


def leaked(text):
    """Return the canaries that are in `text` as a whole."""
    return {canary for canary in CANARIES.values() if canary in text}


def _pieces(marks):
    return [marks[start : start + 8] for start in range(len(marks) - 7)]


class Echo:
    """A server that answers with all that it was sent: line, headers and body.

    Attributes
    ----------
    how
        A status; "answer"; or what else goes wrong.
    """

    def __init__(self, how="answer"):
        self.how = how
        self.heard = []
        echo = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                echo.heard.append(f"{self.requestline}\n{self.headers}{body.decode()}")
                echo.answer(self, echo.heard[-1], json.loads(body))

            def log_message(self, *_):
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def answer(self, request, heard, body):
        if self.how == "breaks off":
            request.connection.close()
            return
        if self.how == "hangs":
            time.sleep(2)
            return
        heard = " ".join(heard.split())
        masked = f"{CANARIES['argument'][:12]}…{CANARIES['argument'][-9:]}"
        reply = {"error": {"message": f"{masked} {self.shortened(heard)}", "code": heard}}
        status = self.how if isinstance(self.how, int) else 200
        if self.how in ("answer", "quotes"):
            asked = body["messages"][0]["content"]
            name = "instruction" if "Write an instruction" in asked else "a"
            for field in ("observations", "summary", "description", "role"):
                if f"\n{field}: <{field}>" in asked:
                    name = field
            number = len(self.heard)
            text = f"{name}: {'x' if name == 'a' else f'text {number}'}"
            if self.how == "quotes":
                text += " " + " ".join(sorted(leaked(heard)))
            reply = {"choices": [{"message": {"content": text}}], "id": heard}
        content = f"<p>{heard}" if self.how == "page" else json.dumps(reply)
        request.send_response(status, "said " + CANARIES["argument"])
        request.send_header("content-type", "application/json")
        request.send_header("content-length", str(len(content)))
        request.send_header("x-echo", heard[:4000].encode("ascii", "replace").decode())
        request.send_header("retry-after-ms", "1")
        request.end_headers()
        request.wfile.write(content.encode())

    @staticmethod
    def shortened(heard):
        """The interesting parts first: messages are cut."""
        found = [canary for canary in CANARIES.values() if canary in heard]
        return " ".join([*found, *(canary[:-4] for canary in found), heard])

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture(autouse=True)
def _keys_everywhere(monkeypatch, caplog):
    for name in _SERVICES:
        monkeypatch.setenv(f"{name}_API_KEY", CANARIES[f"{name}_KEY"])
    proxy = f"http://{CANARIES['user']}:{CANARIES['proxy']}@127.0.0.1:9"
    for variable in ("http_proxy", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(variable, proxy)
    monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
    monkeypatch.setenv("OPENAI_ORG_ID", CANARIES["env_organization"])
    monkeypatch.setenv("OPENAI_PROJECT_ID", CANARIES["env_project"])
    custom = f"openai-organization: x\nAuthorization: Bearer {CANARIES['env_header']}\n"
    monkeypatch.setenv("OPENAI_CUSTOM_HEADERS", f"{custom}x-mine: {CANARIES['env_header']}")
    caplog.set_level(logging.DEBUG)
    for name in ("mipro_nb", "httpx", "openai"):
        logging.getLogger(name).setLevel(logging.NOTSET)


def loaded_lm(address, **settings):
    """An LM with a key in every place that there is for one."""
    return mipro.LM(
        "m",
        **{
            "base_url": f"http://{address}/{CANARIES['path']}/v1?key={CANARIES['query']}"
            f"#{CANARIES['fragment']}",
            "api_key": CANARIES["argument"],
            "extra_headers": {
                "x-api-key": CANARIES["header"],
                "OpenAI-Organization": CANARIES["organization"],
                "x-token": f"Bearer {CANARIES['bearer']}",
            },
            "extra_query": {"token": CANARIES["extra_query"]},
            "extra_body": {"account": {"keys": [CANARIES["body"]]}},
            "own_setting": CANARIES["parameter"],
            "temperature": 0.25,
            "num_retries": 1,
            "timeout": 20,
            **settings,
        },
    )


def loaded_program():
    return mipro.Predict("q -> a", own_option=CANARIES["option"])


def judged(example, prediction, trace=None):
    lm = mipro.LM("m", base_url="http://127.0.0.1:9/v1", api_key="sk-source-Gd9fY3tLq2Xh5Rw1")
    return lm is not None and prediction.a == example.a


class Written(mipro.Module):
    def __init__(self):
        self.ask = loaded_program()
        self.lm = mipro.LM("m", base_url="http://127.0.0.1:9", api_key="sk-source-Gd9fY3tLq2Xh5Rw1")

    def forward(self, q):
        return self.ask(q=q)


def _seen_of(error):
    """All that can be seen of an exception, local variables included."""
    whole = traceback.TracebackException.from_exception(error, capture_locals=True)
    verbose = VerboseTB(color_scheme="NoColor") if _old_ipython() else VerboseTB()
    seen = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    # The test's own frames hold all keys.
    whole.stack[:] = [frame for frame in whole.stack if "/mipro_nb/" in frame.filename]
    ours = error.__traceback__
    while ours is not None and "/mipro_nb/" not in ours.tb_frame.f_code.co_filename:
        ours = ours.tb_next
    seen += [*whole.format(), verbose.text(type(error), error, ours, context=9)]
    return [*seen, *(_seen_of(error.__cause__) if error.__cause__ else [])]


def _old_ipython():
    import IPython  # noqa: PLC0415

    return IPython.version_info < (9,)


def all_but_one(example, prediction, trace=None):
    return prediction.a == example.a and example.q != _ROWS[-1].q


def _run(record, *, metric=judged, max_errors=10, **settings):
    optimizer = mipro.MIPROv2(
        metric, num_candidates=3, num_threads=2, max_errors=max_errors, verbose=True
    )
    return optimizer.compile(
        Written(),
        **{
            "trainset": _ROWS,
            "num_trials": 2,
            "minibatch": False,
            "requires_permission_to_run": False,
            "record": record,
            **settings,
        },
    )


def _files(folder):
    return [path.read_bytes() for path in folder.rglob("*") if path.is_file()]


def test_the_server_hears_all_of_them():
    with Echo() as server:
        mipro.configure(lm=loaded_lm(server.address))
        loaded_program()(q="?")
        assert leaks(*server.heard) == {
            *("argument", "path", "query", "header", "organization", "bearer"),
            *("extra_query", "body", "parameter", "option"),
        }


def test_what_is_meant_for_openai_goes_there_alone_and_is_not_told(monkeypatch):
    openai = registry.PROVIDERS["openai"]
    with Echo(400) as server:
        there = replace(openai, base_url=f"http://{server.address}/v1")
        monkeypatch.setitem(registry.PROVIDERS, "openai", there)
        seen = []
        for settings in ({}, {"base_url": f"http://localhost:{server.address[10:]}/v1"}):
            with pytest.raises(LMError) as caught:
                mipro.LM("openai/m", **settings)("hi")
            seen += _seen_of(caught.value)
        own, other = server.heard
    assert leaks(own) >= {"env_project", "env_header"}
    assert leaks(other) == {"OPENAI_KEY"}
    assert leaks(*seen) == set()


def test_a_reply_that_quotes_keys_is_kept_without_them(tmp_path, capfd):
    with Echo("quotes") as server:
        mipro.configure(lm=loaded_lm(server.address), record=tmp_path / "record.sqlite")
        prediction = loaded_program()(q="?")
        result = mipro.Evaluate(devset=_ROWS, metric=judged)(loaded_program())
        mipro.inspect_history(10)
    assert "<key>" in prediction.a
    seen = [repr(prediction), repr(result.results), *capfd.readouterr()]
    assert leaks(*seen, *_files(tmp_path)) == set()


def test_a_run_tells_no_key(tmp_path, capfd, caplog):
    with Echo() as server, warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        lm = loaded_lm(server.address)
        mipro.configure(lm=lm)
        plan = mipro.MIPROv2(judged, num_candidates=3).plan(
            Written(), trainset=_ROWS, num_trials=2, minibatch=False
        )
        optimized = _run(tmp_path / "record.sqlite")
        result = mipro.Evaluate(devset=_ROWS, metric=judged, display_table=True)(optimized)
        assert (optimized.run.status, result) == ("finished", 100)
        # Neither do prompts, in which the program's code stands: they go to somebody else.
        assert "source" not in leaks(*server.heard)
    run = optimized.run
    mipro.inspect_history(1000)
    mipro.runs.export(run.id, tmp_path / "run.mipro.json", record=tmp_path / "record.sqlite")
    optimized.save(tmp_path / "saved")
    record = mipro.runs.open_record(tmp_path / "record.sqlite")
    assert any(path.name.endswith("-wal") for path in tmp_path.iterdir())
    recorded = mipro.runs.load(run.id, record=tmp_path / "record.sqlite")
    seen = [plan, repr(plan), repr(run), run.report(), run.events(), repr(run.state)]
    seen += [lm, [lm], lm._endpoint, lm.call_for(LMRequest([])), optimized, recorded, record]
    seen += [optimized.trial_logs, optimized.candidate_programs, result.results, warned]
    seen += [
        recorded.events(),
        recorded.report(),
        recorded.program_state(),
        mipro.show(run.id, record=record.path),
    ]
    frames = [recorded.to_dataframe(), recorded.calls_dataframe(), recorded.examples_dataframe()]
    seen += [frame.to_dict() for frame in frames]
    assert leaks(*map(repr, seen), *capfd.readouterr(), caplog.text, *_files(tmp_path)) == set()
    texts = "\n".join(sqlite3.connect(record.path).iterdump())
    assert '"own_setting": "(not shown)"' in texts
    assert '"temperature": 0.25' in texts


@pytest.mark.slow
@pytest.mark.parametrize(
    "how", [400, 401, 403, 404, 409, 429, 500, 503, "breaks off", "hangs", "page", "no answer"]
)
def test_a_call_that_fails_tells_no_key(tmp_path, capfd, caplog, how):
    with Echo(how) as server:
        lm = loaded_lm(server.address, timeout=0.5 if how == "hangs" else 20)
        mipro.configure(lm=lm)
        with pytest.raises(LMError) as caught:
            lm("hi")
        with pytest.raises(LMError) as asked:
            loaded_program()(q="?")
        with pytest.raises(MiproError) as run:
            _run(tmp_path / "record.sqlite", valset=_ROWS[:2], max_errors=1)
        assert server.heard
    errors = [caught.value, asked.value, run.value]
    seen = [text for error in errors for text in _seen_of(error)]
    assert leaks(*seen, *capfd.readouterr(), caplog.text, *_files(tmp_path)) == set()
    gc.collect()


def _seen_of_refused(**settings):
    with pytest.raises(MiproError) as caught:
        loaded_lm(**settings)("hi")
    return _seen_of(caught.value)


# openai hands a proxy's password to aiohttp in a way that aiohttp 4 will not take: theirs to fix.
@pytest.mark.filterwarnings("ignore::DeprecationWarning:openai._vendor.httpx_aiohttp")
def test_a_server_that_is_not_there_is_told_without_keys(caplog, monkeypatch):
    seen = _seen_of_refused(address="127.0.0.1:9")
    monkeypatch.setenv("NO_PROXY", "")
    seen += _seen_of_refused(address="no-such-host.invalid")
    assert leaks(*seen, caplog.text) == set()
    assert "http://127.0.0.1:9/…/v1" in seen[0]


@pytest.mark.slow
@pytest.mark.parametrize("service", [name.lower() for name in _SERVICES])
def test_keys_of_the_environment_are_not_told(service, caplog):
    with Echo(401) as server:
        lm = mipro.LM(f"{service}/m", base_url=f"http://{server.address}/v1", num_retries=0)
        with pytest.raises(LMError) as caught:
            lm("hi")
        assert leaks(*server.heard) == {f"{service.upper()}_KEY"}
    # The server's reason holds another key, which is known only where another test gave it.
    told = leaks(*_seen_of(caught.value), repr(lm), caplog.text)
    assert f"{service.upper()}_KEY" not in told


_KEY = CANARIES["argument"]
_MISPLACED = {
    "the address without a scheme": lambda: mipro.LM("m", base_url=_KEY),
    "a password in the address": lambda: mipro.LM("m", base_url=f"http://me:{_KEY}@host/v1"),
    "a port that is none": lambda: mipro.LM("m", base_url=f"http://me:{_KEY}@host:port/v1"),
    "a query without a host": lambda: mipro.LM("m", base_url=f"http:///v1?key={_KEY}"),
    "another name of the address": lambda: mipro.LM("m", api_base=f"http://{_KEY}@host/v1"),
    "headers by another name": lambda: mipro.LM("m", default_headers={"x": _KEY}),
    "a key by another name": lambda: mipro.LM("m", base_url="http://h/v1", key=_KEY),
    "a key by place": lambda: mipro.LM("m", _KEY),
    "a token of a predictor's": lambda: mipro.Predict("q -> a", token=_KEY),
    "an unknown secret": lambda: mipro.LM("m", base_url="http://h/v1", my_secret={"x": _KEY}),
    "a key to configure": lambda: mipro.configure(_KEY),
    "a key that is none": lambda: mipro.LM("openai/m", api_key=f"{_KEY}\n{_KEY}ä"),
    "settings": lambda: mipro.configure(api_key=_KEY),
    "a context": lambda: mipro.context(api_key=_KEY).__enter__(),
    "a run": lambda: mipro.MIPROv2(judged).start(Written(), trainset=_ROWS, api_key=_KEY),
    "the teacher": lambda: mipro.MIPROv2(judged, teacher_settings={"api_key": _KEY}),
    "a model": lambda: mipro.MIPROv2(judged, prompt_model={"api_key": _KEY}),
    "the lm": lambda: mipro.configure(lm={"api_key": _KEY}),
}


@pytest.mark.parametrize("where", _MISPLACED)
def test_a_key_in_the_wrong_place_is_refused_without_being_told(where):
    with pytest.raises(InvalidArgumentError) as caught:
        _MISPLACED[where]()
    assert leaks(str(caught.value), repr(vars(caught.value))) == set()


def test_a_rehearsal_that_fails_tells_no_key():
    class Fails(Written):
        def forward(self, q):
            raise LookupError(q)

    mipro.configure(lm=loaded_lm("127.0.0.1:9"))
    with pytest.raises(MiproError) as caught:
        mipro.MIPROv2(judged).plan(Fails(), trainset=_ROWS)
    assert leaks(*_seen_of(caught.value)) == set()


def test_calls_that_differ_in_a_hidden_parameter_do_not_share_an_answer():
    with Echo() as server:
        for key in ("one", "other", "one"):
            loaded_lm(server.address, own_setting=key, temperature=0)("hi")
        assert len(server.heard) == 2


@pytest.mark.slow
def test_a_run_is_resumed_with_other_keys_and_pays_nothing_twice(tmp_path):
    with Echo() as whole:
        mipro.configure(lm=loaded_lm(whole.address, cache=False))
        _run(tmp_path / "whole", metric=all_but_one)
    with Echo() as server:
        mipro.configure(lm=loaded_lm(server.address, cache=False))
        capped = _run(tmp_path / "parts", metric=all_but_one, max_calls=12)
        assert capped.run.status == "capped"
        rotated = {"own_setting": "another", "extra_headers": {"x-api-key": "another"}}
        mipro.configure(lm=loaded_lm(server.address, cache=False, **rotated))
        finished = _run(tmp_path / "parts", metric=all_but_one, resume=True, max_calls=1000)
        assert (finished.run.id, finished.run.status) == (capped.run.id, "finished")
        assert len(server.heard) == finished.run.state.spend.calls == len(whole.heard)


_CELLS = (
    """
import logging, os, sys
sys.path.insert(0, os.environ["TESTS"])
import test_secrets
import mipro_nb as mipro
logging.basicConfig(level=logging.DEBUG)
%load_ext mipro_nb
lm = test_secrets.loaded_lm(os.environ["SERVER"])
mipro.configure(lm=lm)
lm
""",
    "optimized = test_secrets._run(None)\noptimized.run",
    "optimized",
    "%mipro history",
    "%mipro show $optimized.run.id",
    "%xmode Verbose",
    "test_secrets.loaded_lm(os.environ['BROKEN'])('hi')",
    "%%mipro estimate --nonsense",
)


@pytest.mark.notebook
def test_an_executed_notebook_shows_no_key(tmp_path, monkeypatch, request):
    with Echo() as server, Echo(401) as broken:
        monkeypatch.setenv("TESTS", str(request.path.parent))
        monkeypatch.setenv("SERVER", server.address)
        monkeypatch.setenv("BROKEN", broken.address)
        cells = [nbformat.v4.new_code_cell(cell.strip()) for cell in _CELLS]
        notebook = nbformat.v4.new_notebook(cells=cells)
        resources = {"metadata": {"path": str(tmp_path)}}
        NotebookClient(notebook, timeout=120, allow_errors=True, resources=resources).execute()
        assert server.heard
        assert broken.heard
    shown = nbformat.writes(notebook)
    assert "refused the key" in shown
    assert "text/html" in shown
    assert leaks(shown, *_files(tmp_path)) == set()
