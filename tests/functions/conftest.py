"""A scripted server, the LM that writes proposals, and rows."""

from __future__ import annotations

import os
import time
from pathlib import Path

import certifi
import httpx
import httpx2
import pytest
from labelling import API_KEY, answer, label_of
from scripted_server import ScriptedServer

import mipro_nb as mipro

os.environ["LITELLM_LOCAL_MODEL_COST_MAP"] = "True"


@pytest.fixture(scope="session")
def certificate(tmp_path_factory):
    """Return a file with one certificate of those who are trusted."""
    end = "-----END CERTIFICATE-----\n"
    file = tmp_path_factory.mktemp("trusted") / "one.pem"
    file.write_text(Path(certifi.where()).read_text("utf-8").split(end)[0] + end, "utf-8")
    return file


@pytest.fixture(autouse=True)
def _few_certificates(certificate, monkeypatch):
    """Have clients read one certificate: to read all takes 50 ms, and nothing here is encrypted."""
    monkeypatch.setenv("SSL_CERT_FILE", str(certificate))


@pytest.fixture(autouse=True)
def _nothing_stays_wrapped():
    """See after every test that HTTP clients are what they were."""
    clients = (httpx.Client, httpx.AsyncClient, httpx2.Client, httpx2.AsyncClient)
    before = [client.send for client in clients]
    yield
    # Code that was given up still ends by itself.
    for _ in range(500):
        if [client.send for client in clients] == before:
            break
        time.sleep(0.02)
    assert [client.send for client in clients] == before


@pytest.fixture
def server(monkeypatch):
    """A server with the toy task's LM, where openai's SDK finds it."""
    with ScriptedServer(answer, api_key=API_KEY, streams="may") as running:
        monkeypatch.setenv("OPENAI_API_KEY", API_KEY)
        monkeypatch.setenv("OPENAI_BASE_URL", running.base_url)
        mipro.configure(lm=mipro.LM("openai/gpt-4o-mini", price=(0.15, 0.60)))
        yield running
    assert running.exceptions == []


@pytest.fixture
def rows():
    """Thirty messages."""
    return [
        mipro.Example(text=f"message {n}", label=label_of(n)).with_inputs("text") for n in range(30)
    ]
