"""%mipro and %%mipro, as somebody who types them sees them."""

from __future__ import annotations

import io
import json
import sys

import pytest
from processes import run as run_script
from scripted_server import Reply, ScriptedServer
from scripted_task import GOOD, answer, lm_of

import mipro_nb as mipro
from mipro_nb.amounts import format_usd
from mipro_nb.optimizer.running.run import runs_here

VERBS = [
    *(
        "estimate",
        "headroom",
        "run",
        "status",
        "pause",
        "resume",
        "stop",
        "history",
        "show",
        "compare",
    ),
    *("diff", "export", "test", "rate", "mlflow", "cache", "config", "traceback", "help"),
]
ON_ROWS = "--train train --val val --metric exact"
SHORT = f"{ON_ROWS} --num-candidates 2 --num-trials 2 --no-minibatch"


def optimized(shell, into="best"):
    """The program that a short run leaves in a variable, and the run."""
    program = shell.run(f"%mipro run student {SHORT} --yes --into {into}")
    return program, program.run


@pytest.fixture
def slow():
    """A server whose answers take long enough to look at a run meanwhile."""
    with ScriptedServer(lambda request: Reply(answer(request).text, delay=0.2)) as running:
        mipro.configure(lm=lm_of(running))
        yield running


@pytest.fixture
def silent():
    """A server that never answers: runs go on until they are stopped."""
    with ScriptedServer(lambda _: Reply(hang=True)) as running:
        mipro.configure(lm=lm_of(running))
        yield running


class TestLoading:
    def test_they_can_be_loaded_again_taken_away_and_brought_back(self, shell):
        shell.run("%load_ext mipro_nb\n%reload_ext mipro_nb")
        assert shell.run("%mipro help").startswith("%mipro VERB")
        assert shell.completed("%mipro estim") == ["estimate"], "it is offered once"
        shell.run("%unload_ext mipro_nb")
        assert "`%mipro` not found" in shell.fails("%mipro help")
        assert "estimate" not in shell.completed("%mipro estim")
        shell.run("%load_ext mipro_nb")
        assert shell.completed("%mipro estim") == ["estimate"]


class TestSeveralLinesInACell:
    def shown(self, shell, capsys, code):
        """What a cell prints, its last value apart."""
        capsys.readouterr()
        shell.run(code)
        return capsys.readouterr().out

    def test_each_shows_what_it_shows_alone_and_the_last_one_once(self, shell, capsys):
        first, last = shell.run("%mipro config record"), shell.run("%mipro cache")
        cell = "%load_ext mipro_nb\n%mipro config record\n%mipro cache"
        shown = self.shown(shell, capsys, cell)
        assert shown.count(str(first)) == 1
        assert shown.count(str(last)) == 1
        assert shown.index(str(first)) < shown.index(str(last))

    def test_lines_in_a_loop_and_a_function_are_shown_each_time(self, shell, capsys):
        cell = (
            "def look():\n    %mipro config record\n"
            "for name in ('lm', 'record'):\n    if name:\n        %mipro config $name\nlook()"
        )
        shown = self.shown(shell, capsys, cell)
        assert shown.count(str(shell.run("%mipro config record"))) == 2
        assert shown.count(str(shell.run("%mipro config lm"))) == 1

    def test_a_value_that_is_kept_or_passed_on_is_not_shown(self, shell, capsys):
        cell = "kept = %mipro config record\nlen(kept)\nNone"
        assert self.shown(shell, capsys, cell) == ""


class TestHelp:
    def test_it_lists_every_verb(self, shell):
        told = shell.run("%mipro")
        assert told == shell.run("%mipro help")
        for verb in VERBS:
            assert f"\n  {verb} " in told

    @pytest.mark.parametrize(
        ("verb", "usage", "twin"),
        [
            ("run", "%mipro run PROGRAM --train ROWS --metric FN [options]", ".compile(program, "),
            ("estimate", "%mipro estimate PROGRAM --train ROWS --metric FN [options]", ".plan("),
            ("compare", "%mipro compare RUN …", "mipro_nb.compare(run_id, run_id, …)"),
            ("history", "%mipro history [TEXT …]", "mipro_nb.history(text)"),
            ("pause", "%mipro pause [RUN]", "run.pause()"),
            ("resume", "%mipro resume [RUN] [PROGRAM] [options]", ".resume(run_id, program, …)"),
            ("%%mipro", "%%mipro NAME --train ROWS --metric FN [options]", "Predict(Signature("),
        ],
    )
    def test_it_tells_usage_and_what_to_write_in_python(self, shell, verb, usage, twin):
        told = shell.run(f"%mipro help {verb}")
        assert told.split("\n")[0] == f"usage: {usage}"
        assert twin in told.split("in Python:")[1]

    @pytest.mark.parametrize("verb", [*VERBS, "%%mipro"])
    def test_every_option_is_explained(self, shell, verb):
        told = shell.run(f"%mipro help {verb}")
        for flag in shell.completed("%%mipro --" if verb == "%%mipro" else f"%mipro {verb} --"):
            if flag.startswith("--"):
                assert flag in told

    @pytest.mark.parametrize("flag", ["--help", "-h"])
    def test_it_is_told_by_the_flag_that_other_commands_have(self, shell, server, flag):
        assert shell.run(f"%mipro run {flag}") == shell.run("%mipro help run")
        assert shell.run(f"%mipro history {flag}") == shell.run("%mipro help history")
        assert shell.run(f"%mipro {flag}") == shell.run("%mipro help")
        assert server.count == 0

    def test_an_estimate_offers_no_option_that_only_a_run_has(self, shell, server):
        told = shell.run("%mipro help estimate")
        offered = shell.completed("%mipro estimate --")
        for flag in ("--yes", "--background", "--verbose", "--resume", "--record"):
            assert flag not in told
            assert flag not in offered
        assert "--max-usd" in told
        line = f"%mipro estimate student {SHORT} --yes --background --verbose --resume"
        assert isinstance(shell.run(line), mipro.Plan), "a line of run may be tried"
        assert server.count == 0

    def test_it_is_shown_as_lines_and_not_as_a_quoted_text(self, shell):
        assert repr(shell.run("%mipro help pause")).startswith("usage: %mipro pause [RUN]\n\n")


class TestHeadroom:
    def test_it_measures_on_a_line_of_run_and_leaves_the_result(self, shell, server):
        line = f"{SHORT} --max-labeled-demos 0 --rows 20"
        found = shell.run(f"%mipro headroom student {line} --yes --into found\nfound")
        assert isinstance(found, mipro.Headroom)
        assert found.to_dict()["rows"] == 10
        assert "--teacher" not in shell.run("%mipro help headroom")

    def test_it_asks_first(self, shell, server):
        said = shell.fails("%mipro headroom student --train train --val val --metric exact")
        assert said.endswith("No LM call was made. On this line, that is --yes.")
        assert server.count == 0


class TestEstimate:
    def test_it_returns_the_plan_and_sends_nothing(self, shell, server):
        plan = shell.run(f"plan = %mipro estimate student {SHORT} --max-usd 0.5\nplan")
        assert isinstance(plan, mipro.Plan)
        assert (plan.num_candidates, plan.num_trials, plan.minibatch) == (2, 2, False)
        assert plan.caps.max_usd == 0.5
        assert server.count == 0

    def test_it_is_the_plan_that_python_makes(self, shell, server):
        plan = shell.run(
            f"%mipro estimate student {SHORT} --seed 3 --num-threads 2 --max-errors 5"
            " --max-bootstrapped-demos 1 --max-labeled-demos 2 --init-temperature 0.5"
            " --metric-threshold -1 --max-calls 100 --max-tokens 9000 --max-seconds 60.5"
        )
        twin = shell.run(
            "mipro.MIPROv2(exact, num_candidates=2, seed=3, num_threads=2, max_errors=5,"
            " max_bootstrapped_demos=1, max_labeled_demos=2, init_temperature=0.5,"
            " metric_threshold=-1.0).plan(student, trainset=train, valset=val, num_trials=2,"
            " minibatch=False, max_calls=100, max_tokens=9000, max_seconds=60.5)"
        )
        assert plan == twin

    def test_minibatches_and_auto_are_passed_on(self, shell, server):
        plan = shell.run(
            "%mipro estimate student --train train --metric exact"
            " --minibatch --minibatch-size 5 --minibatch-full-eval-steps 2 --num-trials 4"
        )
        assert (plan.minibatch_size, plan.minibatch_full_eval_steps) == (5, 2)
        assert shell.run(f"%mipro estimate student {ON_ROWS} --auto=light").auto == "light"

    @pytest.mark.parametrize(
        ("option", "hedge"), [("", "tail"), ("--hedge", True), ("--no-hedge", False)]
    )
    def test_slow_calls_are_sent_twice_as_is_asked_for(self, shell, server, option, hedge):
        assert shell.run(f"%mipro estimate student {SHORT} {option}").hedge == hedge

    def test_rows_may_be_dicts_part_of_a_list_or_inside_an_object(self, shell, server):
        shell.run("dicts = [row.to_dict() for row in train]")
        shell.run("class Data:\n    pass\ndata = Data()\ndata.train = train")
        plan = shell.run(
            "%mipro estimate student --train dicts[:6] --val data.train --inputs question"
            " --metric exact --no-minibatch"
        )
        assert (plan.trainset_size, plan.valset_size) == (6, 10)

    def test_rows_to_test_on_and_repair_are_options(self, shell, server):
        shell.run("held_out = rows(4, start=500)")
        plan = shell.run(f"%mipro estimate student {SHORT} --test held_out --search repair")
        assert (plan.testset_size, plan.search.repair) == (4, 2)

    def test_python_expressions_in_braces_are_filled_in(self, shell, server):
        shell.run("most = 1")
        assert (
            shell.run(f"%mipro estimate student {SHORT} --max-usd {{most / 4}}").caps.max_usd
            == 0.25
        )

    def test_models_are_objects_of_the_notebook(self, shell, server):
        shell.run("writer = mipro.LM('writer', base_url='http://127.0.0.1:9/v1', api_key='k')")
        plan = shell.run(f"%mipro estimate student {SHORT} --prompt-model writer --teacher writer")
        assert plan.models == {"task": "openai/scripted", "prompt": "writer", "teacher": "writer"}

    def test_a_line_may_be_continued(self, shell, server):
        line = SHORT.replace(" --", " \\\n    --")
        assert shell.run(f"%mipro estimate student {line}").num_trials == 2


class TestRun:
    def test_it_returns_the_optimized_program(self, shell, server):
        program = shell.run(f"best = %mipro run student {SHORT} --yes\nbest")
        assert program.score > program.run.state.baseline
        assert shell["student"].solve.demos == [], "the student is as it was"

    def test_a_terminal_is_told_in_a_line_what_came_of_it(self, shell, server, capsys):
        run = shell.run(f"%mipro run student {SHORT} --yes").run
        usd = format_usd(run.state.spend.usd)
        told = capsys.readouterr().err
        assert f"has the highest score, {run.score:.1f}" in told
        assert f" Run {run.id}, {usd}.\n" in told
        shell.run("unseen = mipro.ChainOfThought('question -> answer')")  # no answer is there yet
        capped = shell.run(f"%mipro run unseen {SHORT} --yes --max-calls 1").run
        usd = format_usd(capped.state.spend.usd)
        assert f"Nothing was scored. Run {capped.id}, {usd}.\n" in capsys.readouterr().err

    def test_it_leaves_the_program_in_a_variable(self, shell, server):
        program, _ = optimized(shell)
        assert shell["best"] is program

    def test_without_anybody_to_ask_it_says_how_to_go_on(self, shell, server):
        said = shell.fails(f"%mipro run student {SHORT}")
        assert said.startswith("PermissionUnansweredError: Permission is required")
        assert said.endswith("On this line, that is --yes.")
        assert server.count == 0

    def test_errors_can_be_caught_as_those_of_python(self, shell, server):
        shell.run(
            "try:\n"
            f"    %mipro run student {SHORT}\n"
            "except mipro.errors.PermissionUnansweredError:\n"
            "    caught = True"
        )
        assert shell["caught"]

    def test_a_cap_ends_it_and_keeps_the_best_so_far(self, shell, server):
        program = shell.run(f"%mipro run student {SHORT} --yes --max-calls 6")
        assert program.run.status == "capped"
        assert server.count <= 6

    def test_it_writes_the_record_it_is_told(self, shell, server, tmp_path):
        file = tmp_path / "my runs" / "record.sqlite"
        program = shell.run(f'%mipro run student {SHORT} --yes --record "{file}"')
        assert mipro.runs.list(file)[0].id == program.run.id
        assert mipro.runs.list() == []

    def test_in_the_background_it_returns_a_live_run(self, shell, slow):
        run = shell.run(f"%mipro run student {SHORT} --yes --background --into run")
        assert shell["run"] is run
        assert not run.done
        assert shell.run("%mipro status").startswith(f"Run {run.id}: running")
        run.wait()
        assert shell.run("%mipro status").startswith(f"Run {run.id}: finished")


class TestCell:
    def test_a_signature_and_its_instruction_become_a_program(self, shell, server):
        shell.run(
            f"%%mipro {SHORT} --yes --max-bootstrapped-demos 0 --max-labeled-demos 0 adder\n\n"
            f"question -> answer\n{GOOD}\n  Then stop.\n"
        )
        adder = shell["adder"]
        assert isinstance(adder, mipro.Predict)
        assert adder.signature.declaration == "question -> answer"
        student = adder.run.state.candidates["self"][0].instruction
        assert student == f"{GOOD}\n  Then stop."
        assert adder(question="1 plus 4").answer == "5"

    def test_without_an_instruction_it_gets_the_usual_one(self, shell, server):
        shell.run(f"%%mipro {SHORT} --yes adder\nquestion -> answer")
        first = shell["adder"].run.state.candidates["self"][0].instruction
        assert first == "Given the fields `question`, produce the fields `answer`."

    def test_with_cot_it_reasons_before_it_answers(self, shell, server):
        shell.run(f"%%mipro --cot {SHORT} --yes adder\nquestion -> answer\nAdd.")
        assert isinstance(shell["adder"], mipro.ChainOfThought)

    def test_types_may_be_classes_of_the_notebook(self, shell, server):
        shell.run("from typing import Literal\nDigits = Literal['5', '7']")
        shell.run(f"%%mipro {SHORT} --yes adder\nquestion -> answer: Digits\nAdd.")
        assert "Literal['5', '7']" in shell["adder"].signature.declaration

    def test_in_the_background_the_variable_holds_the_run(self, shell, slow):
        shell.run(f"%%mipro {SHORT} --yes --background adding\nquestion -> answer\nAdd.")
        assert isinstance(shell["adding"], mipro.Run)
        assert isinstance(shell["adding"].wait(), mipro.Predict)

    def test_variables_stand_in_its_body(self, shell, server):
        shell.run("tone, most = 'kindly', 3")
        body = "question -> answer\nAdd {tone}, {most} at most. {{tone}} {'a': 1}"
        shell.run(f"%%mipro {SHORT} --yes --num-candidates 1 adder\n{body}")
        student = shell["adder"].run.programs[0]
        (predictor,) = student.predictors()
        assert predictor.signature.instructions == "Add kindly, 3 at most. {tone} {'a': 1}"

    @pytest.mark.parametrize(
        ("body", "said"),
        [
            ("Add {tune}.", "there is none of this name. Did you mean tone? For braces"),
            ("Add {train}.", "{train} is a list: give a variable that holds a text"),
        ],
    )
    def test_what_is_no_text_in_its_body_is_refused(self, shell, server, body, said):
        shell.run("tone = 'kindly'")
        assert said in shell.fails(f"%%mipro {SHORT} --yes adder\nquestion -> answer\n{body}")
        assert server.count == 0

    @pytest.mark.parametrize(
        ("line", "body", "said"),
        [
            (f"{SHORT} adder", " \n", "The cell is empty: write a signature"),
            (f"{SHORT} adder", "question, answer\n", "Cannot read signature 'question, answer'"),
            (f"{SHORT} adder", "question -> answer: Digit", "Unknown type 'Digit'"),
            (f"{SHORT} 2nd", "question -> answer", "'2nd' is not a valid variable name."),
            (SHORT, "question -> answer", "%%mipro needs NAME: %mipro help %%mipro tells more."),
            (f"{SHORT} a b", "question -> answer", "%%mipro has no place for 'b'"),
        ],
    )
    def test_what_is_wrong_is_said_in_one_line(self, shell, server, line, body, said):
        assert said in shell.fails(f"%%mipro {line}\n{body}")


class TestSteering:
    def test_the_only_live_run_needs_no_name(self, shell, silent):
        run = shell.run(f"%mipro run student {SHORT} --yes --background")
        shell.run("%mipro pause")
        assert run.status == "paused"
        shell.run("%mipro resume")
        assert run.status == "running"
        shell.run("%mipro stop")
        run.wait()
        assert run.status == "stopped"

    def test_several_live_runs_have_to_be_told_apart(self, shell, silent):
        runs = [
            shell.run(f"%mipro run student {SHORT} --yes --background --into {name}")
            for name in ("first", "second")
        ]
        said = shell.fails("%mipro pause")
        assert said.startswith("UsageError: Several runs are live: ")
        assert said.endswith(" Name one of them.")
        assert all(run.id in said for run in runs)
        shell.run(f"%mipro pause {runs[1].id}")
        shell.run("%mipro stop first")
        assert runs[1].status == "paused"
        shell.run("%mipro stop second")
        assert [run.wait() and run.status for run in runs] == ["stopped", "stopped"]

    def test_a_run_that_has_ended_is_not_steered(self, shell, server):
        _, run = optimized(shell)
        said = shell.fails("%mipro pause last")
        assert said == f"UsageError: Run {run.id} has ended: it is finished."
        assert "No run is live in this kernel" in shell.fails("%mipro stop")

    def test_a_run_that_was_cut_off_says_how_to_go_on(self, shell, cut_off):
        said = shell.fails("%mipro pause last")
        assert f"{cut_off} was cut off when its kernel ended: %mipro resume {cut_off} " in said


@pytest.fixture
def cut_off(server, tmp_path):
    """The id of a run whose process is gone."""
    run_script(CUT_OFF, server.base_url, tmp_path / "mipro_home")
    return mipro.runs.list()[0].id


def offered_for(run):
    """The lines that a view offers to resume a run."""
    return mipro.runs.load(run.id).row["resume_lines"]


@pytest.mark.slow
class TestResuming:
    @pytest.mark.parametrize("which", ["last", "", "2"])
    def test_a_run_that_was_cut_off_is_resumed(self, shell, cut_off, which):
        run = which or cut_off
        best = shell.run(f"best = %mipro resume {run} student --metric exact --yes\nbest")
        assert (best.run.id, best.run.status) == (cut_off, "finished")
        assert best.score > best.run.state.baseline
        assert [run.id for run in mipro.runs.list()] == [cut_off]

    @pytest.mark.parametrize("line", ["", "last", "last student", "last --metric exact"])
    def test_what_is_needed_for_it_is_told(self, shell, cut_off, server, line):
        sent = server.count
        assert shell.fails(f"%mipro resume {line}") == (
            f"UsageError: Run {cut_off} was begun in another session: give its program and its "
            f"metric, as in %mipro resume {cut_off} PROGRAM --metric exact."
        )
        assert server.count == sent

    @pytest.mark.parametrize("line", ["student --metric exact", "--metric exact student"])
    def test_its_program_alone_stands_for_the_newest_run_of_it(self, shell, cut_off, line):
        shell.run("other = mipro.Predict('question -> answer')")
        shell.run(f"%mipro run other {SHORT} --yes")  # newer, of another program
        best = shell.run(f"%mipro resume {line} --yes")
        assert (best.run.id, best.run.status) == (cut_off, "finished")
        said = shell.fails("%mipro resume student --metric exact")
        assert "No run of Solve can be resumed" in said

    @pytest.mark.parametrize("how", ["run", "cell"])
    def test_what_is_offered_for_it_does_it(self, shell, server, how):
        begun = f"{SHORT} --yes --max-calls 8"
        if how == "run":
            run = shell.run(f"%mipro run student {begun}").run
            line = f"%mipro resume {run.id} student --metric exact"
            assert offered_for(run)[0] == f"{line} --max-calls 16"
            shell.run(f"best = {line} --max-calls 900 --yes")
        else:
            shell.run(f"%%mipro best {begun}\nquestion -> answer\nAdd.")
            run = shell["best"].run
            assert offered_for(run) == []
            shell.run(
                f"%%mipro best {SHORT} --yes --max-calls 900 --resume\nquestion -> answer\nAdd."
            )
        assert (shell["best"].run.id, shell["best"].run.status) == (run.id, "finished")

    def test_where_the_run_was_begun_its_id_is_enough(self, shell, server):
        capped = shell.run(f"%mipro run student {SHORT} --yes --max-calls 8 --into capped")
        assert capped.run.status == "capped"
        best = shell.run("%mipro resume --max-calls 500 --yes --into best")
        assert (best.run.id, best.run.status) == (capped.run.id, "finished")
        assert best is shell["best"]
        assert best.run.plan.caps.max_calls == 500

    @pytest.mark.parametrize("session", ["this one", "another one"])
    def test_a_function_that_chooses_is_named_on_the_line(
        self, shell, server, monkeypatch, session
    ):
        shell.run("def the_student(configurations):\n    return configurations[0]")
        line = f"%mipro run student {SHORT} --yes --max-calls 8 --prefer the_student"
        capped = shell.run(line).run
        line = f"%mipro resume {capped.id}"
        if session == "another one":
            monkeypatch.setattr(runs_here, "_begun", {})
            line = f"%mipro resume {capped.id} student --metric exact --prefer the_student"
            assert offered_for(capped)[0] == f"{line} --max-calls 16"
        best = shell.run(f"{line} --max-calls 900 --yes")
        assert best.run.status == "finished"
        assert best.run.plan.prefer.function is shell["the_student"]
        assert best.run.state.best.trial == 0

    def test_the_executor_is_given_by_its_name(self, shell, server):
        shell.run(
            "from concurrent.futures import ProcessPoolExecutor\n"
            "with ProcessPoolExecutor(1) as pool:\n    pass"
        )
        said = shell.fails(f"%mipro run student {SHORT} --yes --executor pool")
        assert "executor=ProcessPoolExecutor takes no work" in said
        assert "executor=" in shell.fails(f"%mipro run student {SHORT} --yes --executor exact")
        assert server.count == 0

    def test_what_is_preferred_is_given_on_the_line_that_resumes(self, shell, server):
        shell.run(f"%mipro run student {SHORT} --yes --max-calls 8")
        best = shell.run(
            '%mipro resume --max-calls 900 --yes --prefer "shortest within 100 points"'
        )
        assert best.run.plan.prefer.text == "shortest within 100 points"
        said = shell.fails(f"%mipro run student {SHORT} --yes --prefer cheapest")
        assert "prefer='cheapest': give" in said

    def test_a_cap_that_is_reached_already_is_refused(self, shell, server):
        capped = shell.run(f"%mipro run student {SHORT} --yes --max-calls 8")
        for line in ("--max-calls 5 --yes", "--yes"):
            said = shell.fails(f"%mipro resume {line}")
            assert f"run {capped.run.id} has spent 8 calls already: give a higher one." in said
        assert server.count == 8

    def test_changed_code_is_told_of_and_needs_a_word(self, shell, cut_off, server):
        shell.run("def other(example, prediction, trace=None):\n    return 0.5")
        sent = server.count
        line = f"%mipro resume {cut_off} student --metric other --yes"
        said = shell.fails(line)
        assert "The metric's code changed:" in said
        assert said.endswith("On this line, that is --accept-changes.")
        assert server.count == sent
        assert shell.run(f"{line} --accept-changes").run.status == "finished"

    def test_it_asks_where_it_is_not_told_to_go_on(self, shell, cut_off, server, monkeypatch):
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        sent = server.count
        said = shell.fails(f"%mipro resume {cut_off} student --metric exact")
        assert said.startswith("PermissionUnansweredError")
        assert said.endswith("On this line, that is --yes.")
        assert server.count == sent

    def test_a_run_that_need_not_be_resumed_says_so(self, shell, server):
        assert "No run is recorded yet" in shell.fails("%mipro resume")
        _, run = optimized(shell)
        assert f"The newest run, {run.id}, is finished." in shell.fails("%mipro resume")
        assert f"Run {run.id} is finished" in shell.fails("%mipro resume last")

    def test_a_live_run_takes_no_other_settings(self, shell, silent):
        run = shell.run(f"%mipro run student {SHORT} --yes --background")
        shell.run("%mipro pause")
        assert shell.fails("%mipro resume --max-usd 3") == (
            f"UsageError: Run {run.id} is paused and goes on as it was begun: "
            f"%mipro resume {run.id}."
        )
        shell.run("%mipro stop")
        run.wait()

    def test_the_same_line_again_resumes_what_it_began(self, shell, server):
        line = f"%mipro run student {SHORT} --yes"
        capped = shell.run(f"{line} --max-calls 8")
        sent = server.count
        assert "max_calls=8: run" in shell.fails(f"{line} --resume"), "its cap holds"
        assert server.count == sent
        best = shell.run(f"{line} --resume --max-calls 1000")
        assert (best.run.id, best.run.status) == (capped.run.id, "finished")


CUT_OFF = """
import os, sys
sys.path[:0] = ["tests", "tests/optimizer"]
os.environ["MIPRO_HOME"] = sys.argv[2]
from scripted_task import KEY, Solve, exact, rows
import mipro_nb as mipro
lm = mipro.LM("openai/scripted", base_url=sys.argv[1], api_key=KEY, price=(1.0, 2.0),
              prompt_format="lines")
run = mipro.MIPROv2(exact, task_model=lm, num_candidates=2).start(
    Solve(), trainset=rows(10), minibatch=False, num_trials=2, requires_permission_to_run=False)
os._exit(0)
"""


class TestLookingBack:
    def test_a_run_is_shown_by_any_name_it_has(self, shell, server):
        _, run = optimized(shell)
        shell.run("run = best.run")
        for name in (run.id, run.id[:12], "last", "-1", "run", "best"):
            assert run.id in repr(shell.run(f"%mipro show {name}"))
            assert shell.run(f"%mipro status {name}") == run.report()
        assert run.id in repr(shell.run("%mipro show"))

    def test_the_history_is_searched_for_all_words(self, shell, server):
        _, run = optimized(shell)
        mipro.runs.rename(run.id, "sums by night")
        assert run.id in repr(shell.run("%mipro history"))
        assert run.id in repr(shell.run("%mipro history night Solve"))
        assert run.id not in repr(shell.run("%mipro history night Plan"))

    def test_runs_are_compared(self, shell, server):
        ids = [optimized(shell)[1].id for _ in range(2)]
        shown = repr(shell.run(f"%mipro compare {' '.join(ids)}"))
        assert all(run_id in shown for run_id in ids)

    def test_programs_of_two_runs_are_told_apart(self, shell, server):
        first, run = optimized(shell)
        shell.run(f"%mipro run student {SHORT} --yes --num-trials 1 --max-labeled-demos 0 --seed 3")
        assert shell.run(f"%mipro diff {run.id} {run.id}") == "Both runs returned the same program."
        told = shell.run(f"%mipro diff {run.id} last").split("\n")
        assert told[0] == f"--- {run.id}"
        question = first.solve.demos[-1].question
        assert any(line.startswith("-") and question in line for line in told)

    def test_a_run_is_written_to_a_file_and_its_program_to_another(self, shell, server, tmp_path):
        program, run = optimized(shell)
        whole, part = tmp_path / "run.json", tmp_path / "program.json"
        assert shell.run(f"%mipro export last {whole}") == whole
        assert json.loads(whole.read_text())["run"]["id"] == run.id
        assert shell.run(f"%mipro export last {part} --program") == part
        again = shell["Solve"]()
        again.load(part)
        assert again.dump_state() == program.dump_state()
        for option in ("", "--program"):
            assert "is there already" in shell.fails(f"%mipro export last {part} {option}")
        shell.run(f"%mipro export last {part} --overwrite")

    def test_a_file_gets_what_its_name_says(self, shell, server, tmp_path):
        _, run = optimized(shell)
        table = tmp_path / "trials.csv"
        assert shell.run(f"%mipro export last {table}") == table
        lines = table.read_text().splitlines()
        assert len(lines) == 1 + len(run.state.trials)
        assert "score" in lines[0]
        for name in (table, tmp_path / "run.json"):
            shell.run(f"%mipro export last {name} --overwrite")
            assert "give another path, or --overwrite" in shell.fails(f"%mipro export last {name}")
        assert ".json" in shell.fails(f"%mipro export last {tmp_path / 'run.pdf'}")
        assert not (tmp_path / "run.pdf").exists()

    def test_a_prompt_is_exported(self, shell, server, tmp_path):
        best, run = optimized(shell)
        for name in ("best", "last", run.id):
            assert shell.run(f"%mipro export {name} --as openai") == best.export("openai")
        assert shell.run("%mipro export best --as messages") == best.export("messages")
        file = tmp_path / "prompt.json"
        assert shell.run(f"%mipro export best {file} --as messages") == file
        assert json.loads(file.read_text()) == best.export("messages")
        again = f"%mipro export best {file} --as text"
        assert "is there already" in shell.fails(again)
        shell.run(f"{again} --overwrite")
        assert file.read_text() == best.export("text")
        assert shell.run(f"%mipro export best {tmp_path / 'run.json'}") == tmp_path / "run.json"

    def test_what_cannot_be_exported_is_told(self, shell, server):
        assert "comes of no run" in shell.fails("%mipro export student")
        assert "FORM" in shell.fails("%mipro export student")
        assert "is none of messages" in shell.fails("%mipro export student --as yaml")
        assert "they are solve" in shell.fails("%mipro export student --as text --predictor x")
        optimized(shell)
        assert "Name the file" in shell.fails("%mipro export last")
        assert "give --as FORM" in shell.fails("%mipro export last x.json --predictor solve")
        assert "give one of them" in shell.fails("%mipro export last --as text --program")
        settings = "num_trials=1, minibatch=False, requires_permission_to_run=False"
        shell.run(
            "kept = [mipro.MIPROv2(exact, num_candidates=2, auto=None)"
            f".compile(student, trainset=train, valset=val, {settings})]"
        )
        assert "No variable holds" in shell.fails("%mipro export last --as text")

    def test_names_that_no_run_has_are_told(self, shell, server):
        assert "no run is recorded yet" in shell.fails("%mipro show last")
        assert "No run is recorded yet" in shell.fails("%mipro status")
        first, second = (optimized(shell)[1].id for _ in range(2))
        assert "2 runs begin with '2'" in shell.fails("%mipro show 2")
        assert first in shell.fails("%mipro show 2")
        mistyped = first[:-1] + ("0" if first[-1] != "0" else "1")
        assert f"no run begins with '{mistyped}'. Did you mean {first}?" in shell.fails(
            f"%mipro show {mistyped}"
        )
        assert second in repr(shell.run("%mipro show"))


class TestResults:
    def test_the_result_is_tested_on_further_rows_and_only_once(self, shell, server):
        _, run = optimized(shell)
        shell.run("more = rows(20, start=5000)")
        told = shell.run("%mipro test last more --yes")
        assert told.startswith(f"Run {run.id}: test score")
        assert "over 20 rows" in told
        assert run.state.ended.tested.examples == 20
        said = shell.fails("%mipro test best more --yes")
        assert "has its test score already" in said

    def test_a_test_asks_first(self, shell, server):
        optimized(shell)
        sent = server.count
        shell.run("more = rows(20, start=5000)")
        said = shell.fails("%mipro test best more")
        assert said.startswith("PermissionUnansweredError: ")
        assert said.endswith("On this line, that is --yes.")
        assert server.count == sent

    def test_a_test_that_reaches_its_cap_says_how_to_have_the_rest(self, shell, server):
        _, run = optimized(shell)
        shell.run("more = rows(20, start=5000)")
        calls = run.state.spend.calls + 5
        told = shell.run(f"%mipro test best more --yes --max-calls {calls}")
        assert told == (
            f"The test of run {run.id} ended before all rows were scored: %mipro test {run.id} "
            "with the same rows scores the rest."
        )

    def test_a_run_of_another_kernel_says_what_tests_it(self, shell, server, monkeypatch):
        _, run = optimized(shell)
        shell.run("more = rows(20, start=5000)")
        monkeypatch.setattr(runs_here, "_begun", {})
        said = shell.fails("%mipro test last more --yes")
        line = f"%mipro resume {run.id} student --metric exact --test "
        assert said == (
            f"UsageError: Run {run.id} was not begun in this kernel: {line}ROWS tests it."
        )
        shell.run(f"{line}more --yes")
        assert mipro.runs.load(run.id).state.ended.tested.examples == 20

    def test_a_reply_is_rated_with_a_reason_and_no_longer(self, shell, server):
        _, run = optimized(shell)
        sent = server.count
        rated = shell.run("%mipro rate last 0 1 bad The working is wrong.")
        assert rated == f"The reply of trial 0 to example 1 of run {run.id} is rated bad."
        (rating,) = mipro.runs.load(run.id).ratings
        assert (rating.example, rating.rating) == (1, "bad")
        assert rating.reason == "The working is wrong."
        assert shell.run("%mipro rate best 0 1 none").endswith(f"of run {run.id} has no rating.")
        assert mipro.runs.load(run.id).ratings == []
        assert server.count == sent

    def test_what_cannot_be_rated_is_told(self, shell, server):
        optimized(shell)
        assert "'fine' is none of good, bad, none" in shell.fails("%mipro rate last 0 1 fine")
        assert "needs N and RATING" in shell.fails("%mipro rate last 0")
        assert "trial=99" in shell.fails("%mipro rate last 99 1 good")
        assert "has no rating to withdraw" in shell.fails("%mipro rate last 0 1 none")

    def test_without_mlflow_it_is_said_how_to_get_it(self, shell, server, monkeypatch):
        optimized(shell)
        monkeypatch.setitem(sys.modules, "mlflow", None)
        said = shell.fails("%mipro mlflow last --tracking-uri sqlite:///mlflow.db")
        assert "pip install 'mipro_nb[mlflow]'" in said

    def test_a_run_is_written_into_mlflow(self, shell, server, tmp_path):
        mlflow = pytest.importorskip("mlflow")
        _, run = optimized(shell)
        uri = f"sqlite:///{tmp_path / 'mlflow.db'}"
        told = shell.run(f"%mipro mlflow {run.id} --tracking-uri {uri} --experiment urgency")
        written = told.removeprefix(f"Run {run.id} is run ").removesuffix(" in MLflow.")
        client = mlflow.MlflowClient(tracking_uri=uri)
        experiment = client.get_run(written).info.experiment_id
        assert client.get_experiment(experiment).name == "urgency"

    def test_they_are_completed(self, shell, server):
        _, run = optimized(shell)
        assert shell.completed("%mipro test ")[0] == run.id
        assert "train" in shell.completed(f"%mipro test {run.id} ")
        assert shell.completed(f"%mipro rate {run.id} 0 1 ") == ["good", "bad", "none"]
        assert shell.completed("%mipro mlflow --tr") == ["--tracking-uri"]


class TestSession:
    def test_kept_answers_are_counted_and_cleared(self, shell, server, monkeypatch):
        optimized(shell)
        kept = server.count
        assert shell.run("%mipro cache").startswith(f"{kept} answers, ")
        monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
        assert shell.run("%mipro cache clear") == "Nothing was deleted."
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        assert "There is nobody to ask" in shell.fails("%mipro cache clear")
        monkeypatch.setattr(sys, "stdin", io.StringIO("y\n"))
        assert shell.run("%mipro cache clear").startswith(f"{kept} answers were deleted")
        assert shell.run("%mipro cache clear --yes").startswith("0 answers were deleted")

    def test_a_run_is_renamed_tagged_noted_and_deleted(self, shell, server, monkeypatch):
        run = shell.run(f"%mipro run student {SHORT} --yes").run
        assert shell.run(f"%mipro rename {run.id[:13]} the good one").endswith("'the good one'.")
        assert shell.run("%mipro tag last good 'for the paper'").endswith("good, for the paper.")
        assert shell.run("%mipro note last Try more rows.").endswith("this note: Try more rows.")
        kept = mipro.runs.load(run.id)
        assert (kept.name, kept.tags, kept.note) == (
            "the good one",
            ("good", "for the paper"),
            "Try more rows.",
        )
        assert shell.run("%mipro tag last").endswith("has no tags.")
        assert shell.run("%mipro note last").endswith("has no note.")
        assert "%mipro rename needs TEXT" in shell.fails("%mipro rename last")
        monkeypatch.setattr(sys, "stdin", io.StringIO("no\n"))
        assert shell.run("%mipro delete last") == "Nothing was deleted."
        monkeypatch.setattr(sys, "stdin", io.StringIO(""))
        assert "Give --yes" in shell.fails("%mipro delete last")
        assert shell.run("%mipro delete last last --yes").startswith("1 run deleted")
        assert mipro.runs.list() == []

    def test_settings_are_shown_and_changed(self, shell, server, tmp_path):
        shell.run("other = mipro.LM('other', base_url='http://127.0.0.1:9/v1', api_key='k')")
        file = tmp_path / "here.sqlite"
        told = shell.run(f"%mipro config lm=other record={file}")
        assert told == f"lm      LM('other')\nrecord  {file}"
        assert mipro.settings.lm is shell["other"]
        assert shell.run("%mipro config").split("\n")[0] == "lm         LM('other')"
        shell.run("%mipro config lm= record=none")
        assert (mipro.settings.lm, mipro.settings.record) == (None, None)

    def test_backslashes_and_blanks_in_paths_are_left_alone(self, shell, tmp_path, monkeypatch):
        monkeypatch.chdir(tmp_path)
        told = shell.run(r'%mipro config record="C:\new runs\record.sqlite"')
        assert told.endswith(r"C:\new runs\record.sqlite")

    def test_an_lm_may_be_named_by_its_service(self, shell, monkeypatch):
        monkeypatch.setenv("OPENAI_API_KEY", "sk-a-secret")
        assert shell.run("%mipro config lm=openai/gpt-4o-mini") == "lm  LM('openai/gpt-4o-mini')"
        assert "sk-a-secret" not in shell.run("%mipro config")

    def test_a_terminal_asks_about_every_plan(self, shell):
        assert "below_usd is for notebooks" in shell.fails("%mipro config below_usd=0.5")

    def test_secrets_are_not_repeated(self, shell):
        for line in ("config api_key=sk-1", "run student --api-key=sk-1", "estimate --key sk-1"):
            assert "sk-1" not in shell.fails(f"%mipro {line}")
            assert "sk-1" not in shell.run("%mipro traceback")


class TestMistakes:
    @pytest.mark.parametrize(
        ("line", "said"),
        [
            ("estimat", "%mipro has no verb 'estimat'. Did you mean estimate?"),
            ("start student", "no verb 'start'. Did you mean %mipro run … --background?"),
            ("xyzzy", "%mipro has no verb 'xyzzy'. %mipro help tells all of them."),
            ("run", "%mipro run needs PROGRAM and --train ROWS and --metric FN: %mipro help run"),
            (
                "run student --trian train",
                "%mipro run has no option --trian. Did you mean --train?",
            ),
            (f"run student {ON_ROWS} --max_usd 1", "no option --max_usd. Did you mean --max-usd?"),
            (f"run student {ON_ROWS} --budget 1", "no option --budget. Did you mean --max-usd?"),
            (f"run student {ON_ROWS} --lm m", "no option --lm. Did you mean --task-model?"),
            ("run student --train", "--train: expected one argument"),
            (
                f"run stundet {ON_ROWS}",
                "there is no 'stundet' in this notebook. Did you mean student?",
            ),
            (f"run {ON_ROWS} student more", "%mipro run has no place for 'more'"),
            ("run student --train trian --metric exact", "Did you mean train?"),
            ("run student --train train.rows --metric exact", "train has no 'rows'."),
            (
                "run student --train train[:5 --metric exact",
                "'train[:5' is not a name: give",
            ),
            ("run student --train rows(5) --metric exact", "'rows(5)' is not a name: give that of"),
            (
                "run student --train train[99] --metric exact",
                "train[99] cannot be read: IndexError",
            ),
            (f"run student {ON_ROWS} --auto lihgt", "'lihgt' is none of light, medium, heavy. Did"),
            (f"run student {ON_ROWS} --seed x", "--seed N: 'x' is not a whole number."),
            (f"run student {ON_ROWS} --max-usd x", "--max-usd X: 'x' is not a number."),
            ("run 'student", "A quote is not closed in: run 'student"),
            ("help estimat", "Did you mean estimate?"),
            ("config lmm=1", "'lmm' is not a setting. Did you mean lm?"),
            ("cache claer", "Did you mean clear?"),
        ],
    )
    def test_they_are_told_in_one_line(self, shell, line, said):
        told = shell.fails(f"%mipro {line}")
        assert told.startswith("UsageError: ")
        assert said in told

    def test_what_python_refuses_is_refused_in_its_words(self, shell, server):
        said = shell.fails(f"%mipro run student {ON_ROWS} --minibatch-size 50 --yes")
        assert said.startswith(
            "InvalidArgumentError: minibatch_size=50: the valset has only 4 rows"
        )

    def test_the_rest_of_an_error_is_told_on_request(self, shell, server):
        shell.run("def broken(example, prediction, trace=None):\n    return 1 / 0")
        said = shell.fails("%mipro run student --train train --metric broken --yes --max-errors 1")
        assert "ZeroDivisionError" in said
        assert said.endswith("(%mipro traceback tells the rest.)")
        told = shell.run("%mipro traceback")
        assert told.startswith("Traceback (most recent call last):")
        assert "return 1 / 0" in told

    def test_before_the_first_error_there_is_nothing_to_tell(self, shell):
        assert shell.run("%mipro traceback") == "No %mipro line has failed yet."

    def test_text_that_would_steer_a_terminal_is_made_visible(self, shell, server):
        shell.run("class Strange(Exception):\n    pass")
        shell.run(
            "class Bad:\n    @property\n    def rows(self):\n"
            "        raise Strange('\\x1b[31mred\\u202e\\nsecond line')\nbad = Bad()"
        )
        said = shell.fails("%mipro estimate student --train bad.rows --metric exact")
        assert "␛[31mred⟨U+202E⟩" in said
