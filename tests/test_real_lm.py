"""The whole way with the real embedded LM, small."""

import pytest

import mipro_nb as mipro
from mipro_nb.datasets import SMSSpam

pytestmark = [pytest.mark.real_lm, pytest.mark.timeout(900)]


def same_label(example, prediction, trace=None):
    return prediction.label == example.label


@pytest.fixture
def student():
    mipro.configure(lm=mipro.LM.local(max_tokens=20))
    return mipro.Predict("text -> label: Literal['ham', 'spam']")


def test_demos_help_a_small_model_and_a_second_run_is_answered_from_the_record(student):
    data = SMSSpam(9, train=24, val=20, test=20, max_chars=130)

    def optimize():
        optimizer = mipro.MIPROv2(
            same_label,
            prompt_model=mipro.LM.local(max_tokens=40),
            num_candidates=6,
            max_labeled_demos=8,
            num_threads=1,
        )
        return optimizer.compile(
            student,
            trainset=data.train,
            valset=data.val,
            num_trials=8,
            minibatch=False,
            program_aware_proposer=False,
            data_aware_proposer=False,
            requires_permission_to_run=False,
        )

    optimized = optimize()
    assert optimized.score > optimized.run.state.baseline + 20
    evaluate = mipro.Evaluate(devset=data.test, metric=same_label, num_threads=1)
    assert evaluate(optimized) > evaluate(student) + 20

    second = optimize()
    assert optimized.run.state.spend.calls > 0
    assert second.run.state.spend.calls == 0
    assert second.trial_logs == optimized.trial_logs
    assert second.dump_state() == optimized.dump_state()


def test_the_same_seed_proposes_the_same_without_the_record_of_the_first_run(student, tmp_path):
    data = SMSSpam(9, train=8, val=4, test=4, max_chars=130)

    def proposed(folder):
        run = mipro.MIPROv2(
            same_label,
            prompt_model=mipro.LM.local(max_tokens=20),
            num_candidates=7,
            max_labeled_demos=2,
            num_threads=1,
        ).start(
            student,
            trainset=data.train,
            valset=data.val,
            num_trials=1,
            minibatch=False,
            requires_permission_to_run=False,
            record=tmp_path / folder,
        )
        run.wait()
        assert run.state.spend.cached_calls == 0
        return [candidate.instruction for candidate in run.state.candidates["self"].values()]

    first = proposed("first")
    assert len(first) > 1
    assert proposed("second") == first


def test_structured_outputs_are_read(student):
    mipro.configure(lm=mipro.LM.local(max_tokens=40, structured_outputs=True))
    prediction = mipro.Predict("text -> label: Literal['ham', 'spam'], sure: bool")(text="Free!")
    assert prediction.label in {"ham", "spam"}
    assert isinstance(prediction.sure, bool)
