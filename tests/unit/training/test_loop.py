"""The small parts of the loop: losses, ranking, hardware, words for time."""

import math
import os
from pathlib import Path

import numpy as np
import pytest
import torch

from hornet.errors import ConfigError
from hornet.training.config import TrainConfig
from hornet.training.hardware import Hardware, choose_hardware, cpu_threads, deterministic, seed_step
from hornet.training.loop import duration
from hornet.training.losses import build_loss, cross_entropy, roc_auc

LABELS = np.array([0, 0, 0, 1])


def _loss(**given):
    return build_loss(TrainConfig(data=Path("x"), **given), LABELS, torch.device("cpu"))


def test_balanced_weights_make_the_rare_class_count_as_much():
    """A presence among three absences weighs three times as much as one of them."""
    weight = _loss(class_weights="balanced").weight

    assert [2 / 3, 2.0] == pytest.approx(weight.tolist())
    assert _loss().weight is None


def test_label_smoothing_keeps_a_sure_answer_from_being_free():
    """At smoothing e, the loss of a sure right answer is e / 2 times its margin."""
    sure = torch.tensor([[20.0, 0.0]])
    zero, smooth = _loss()(sure, torch.tensor([0])), _loss(label_smoothing=0.1)(sure, torch.tensor([0]))

    assert [0, 1] == pytest.approx([zero.item(), smooth.item()], abs=1e-5)


def test_validation_loss_is_the_cross_entropy_even_for_sure_mistakes():
    """The same as torch's, and finite where a probability would round to 0."""
    logits = np.array([[0.3, -0.2], [500.0, -500.0]], np.float32)
    labels = np.array([1, 1])

    expected = torch.nn.functional.cross_entropy(torch.from_numpy(logits), torch.from_numpy(labels)).item()
    assert expected == pytest.approx(cross_entropy(logits, labels))
    assert math.isfinite(cross_entropy(logits, labels))


def test_ranking_counts_pairs_and_halves_ties():
    """Of three pairs one is won, one tied, one lost."""
    assert 0.5 == roc_auc(LABELS, np.array([0.1, 0.5, 0.9, 0.5], np.float32))


def test_time_left_is_in_words():
    """Seconds, minutes, hours."""
    assert ["0 s", "89 s", "2 min", "59 min", "1 h 00 min", "3 h 05 min"] == [
        duration(s) for s in (0, 89, 120, 59 * 60, 3600, 3 * 3600 + 300)
    ]


def test_dropout_depends_on_seed_phase_and_step_alone():
    """Whatever was drawn before, a step draws the same; another step draws something else."""

    def draws(*where):
        torch.rand(7)
        seed_step(*where)
        return torch.rand(3).tolist()

    assert draws(1, 2, 3) == draws(1, 2, 3)
    assert 4 == len({tuple(draws(*where)) for where in [(1, 2, 3), (2, 2, 3), (1, 1, 3), (1, 2, 4)]})


def test_auto_is_float32_on_a_cpu_and_bfloat16_must_be_asked_for():
    """Results on CPUs agree between machines unless speed was asked for."""
    assert not choose_hardware("cpu", "auto").bfloat16
    assert choose_hardware("cpu", "bfloat16").bfloat16


def test_autocast_computes_in_bfloat16():
    """The precision reaches the operations."""
    x = torch.ones(2, 2)
    with choose_hardware("cpu", "bfloat16").autocast():
        fast = x @ x
    with choose_hardware("cpu", "auto").autocast():
        exact = x @ x

    assert (torch.bfloat16, torch.float32) == (fast.dtype, exact.dtype)


def test_float16_is_for_cuda_and_scales_losses():
    """Elsewhere the message says what to choose; in other precisions the scaler does nothing."""
    with pytest.raises(ConfigError, match="CUDA, not for cpu; choose --precision auto, or bfloat16"):
        choose_hardware("cpu", "float16")
    half = Hardware(torch.device("cpu"), bfloat16=False, float16=True)
    with half.autocast():
        assert torch.float16 == (torch.ones(2, 2) @ torch.ones(2, 2)).dtype
    loss = torch.tensor(0.5)

    assert half.scaler().scale(loss) > 1000
    assert loss is half.exact().scaler().scale(loss)
    assert "cpu, float16" == half.describe()


def test_deterministic_forbids_what_may_differ_and_gives_the_settings_back(monkeypatch):
    """Inside only; and only if it was asked for."""
    monkeypatch.delenv("CUBLAS_WORKSPACE_CONFIG", raising=False)
    with deterministic(on=False):
        off = torch.are_deterministic_algorithms_enabled()
    with deterministic(on=True):
        on = torch.are_deterministic_algorithms_enabled(), torch.backends.cudnn.deterministic
        workspace = os.environ["CUBLAS_WORKSPACE_CONFIG"]

    assert (False, (True, True), ":4096:8") == (off, on, workspace)
    assert not torch.are_deterministic_algorithms_enabled()
    assert not torch.backends.cudnn.deterministic


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a card")
def test_a_device_that_is_not_there_is_refused():
    """The message says what to choose instead."""
    with pytest.raises(ConfigError, match="--device auto"):
        choose_hardware("cuda", "auto")


def test_threads_are_set_and_given_back():
    """A run leaves the number of threads as it was."""
    before = torch.get_num_threads()
    with cpu_threads(before + 1):
        inside = torch.get_num_threads()

    assert (before + 1, before) == (inside, torch.get_num_threads())
