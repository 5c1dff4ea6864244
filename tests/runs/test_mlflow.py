"""A run in MLflow, with its own stores; where it is not installed, that is said."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path

import pytest

from mipro_nb.errors import InvalidArgumentError, MissingExtraError

_IS_THERE = importlib.util.find_spec("mlflow") is not None
needs_mlflow = pytest.mark.skipif(not _IS_THERE, reason="MLflow is not installed")


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    """A folder of the test's own: MLflow makes one for files wherever it is used."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def store(folder):
    """A store of the kind that `mlflow ui` opens."""
    uri = f"sqlite:///{folder / 'mlflow.db'}"
    client = pytest.importorskip("mlflow").MlflowClient(tracking_uri=uri)
    client.create_experiment("prompts", artifact_location=(folder / "files").as_uri())
    return uri, client


def _text(client, run, file, folder):
    return Path(client.download_artifacts(run, file, str(folder))).read_text(encoding="utf-8")


@needs_mlflow
@pytest.mark.slow
def test_mlflow_has_settings_scores_prompts_and_what_was_spent(finished, store, folder):
    uri, client = store
    run = finished.log_to_mlflow(uri, experiment="prompts")
    logged = client.get_run(run)
    state = finished.state
    assert (logged.info.status, logged.info.run_name) == ("FINISHED", finished.name)
    assert logged.data.tags["mipro_nb.run"] == finished.id
    assert logged.data.params["num_trials"] == str(state.planned.plan["num_trials"])
    assert logged.data.params["program"] == state.planned.program
    steps = {m.step: m.value for m in client.get_metric_history(run, "score/full")}
    full = {n: t.score for n, t in state.trials.items() if t.kind != "minibatch"}
    assert steps == pytest.approx(full)
    metrics = logged.data.metrics
    assert metrics["result"] == finished.score
    assert metrics["actual/usd"] == pytest.approx(state.spend.usd)
    assert metrics["estimate/usd/expected"] == state.planned.estimate["total"]["usd"]["expected"]
    assert _text(client, run, "report.txt", folder) == finished.report()
    kept = json.loads(_text(client, run, "result/program.json", folder))
    assert kept == finished.program_state()
    first = next(iter(kept["predictors"].values()))
    files = [each.path for each in client.list_artifacts(run, "result")]
    assert first["instructions"] == _text(client, run, files[0], folder)

    client.delete_experiment(logged.info.experiment_id)
    with pytest.raises(InvalidArgumentError, match="experiment='prompts': it was deleted"):
        finished.log_to_mlflow(uri, experiment="prompts")


@needs_mlflow
@pytest.mark.slow
def test_where_mlflow_cannot_write_is_said_without_the_password(finished):
    with pytest.raises(InvalidArgumentError, match="MLflow cannot write there") as caught:
        finished.log_to_mlflow("nonsense://name:secret@host/db")
    assert "secret" not in str(caught.value)
    assert caught.value.__context__ is None


@pytest.mark.skipif(_IS_THERE, reason="MLflow is installed")
def test_without_mlflow_it_is_said_how_to_get_it(finished):
    with pytest.raises(MissingExtraError, match=r"pip install 'mipro_nb\[mlflow\]'"):
        finished.log_to_mlflow()
