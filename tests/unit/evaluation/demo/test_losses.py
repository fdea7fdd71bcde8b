"""The losses of distillation against values worked out by hand."""

import math

import pytest

torch = pytest.importorskip("torch")

from evaluation.demo.losses import cosine_distance, softened_kl, task_loss  # noqa: E402

pytestmark = pytest.mark.engine


def test_equal_logits_leave_nothing_to_learn_from_the_teacher() -> None:
    logits = torch.randn(5, 7, generator=torch.Generator().manual_seed(1))
    assert softened_kl(logits, logits, 2.0).item() == pytest.approx(0.0, abs=1e-6)


def test_the_divergence_is_taken_from_the_teacher_s_side_and_scaled_by_the_squared_temperature() -> None:
    teacher = torch.tensor([[2.0 * math.log(3.0), 0.0]])  # 3 : 1 at temperature 2
    student = torch.zeros(1, 2)
    by_hand = 0.75 * math.log(0.75 / 0.5) + 0.25 * math.log(0.25 / 0.5)
    assert softened_kl(student, teacher, 2.0).item() == pytest.approx(4.0 * by_hand, rel=1e-5)


def test_the_gradient_hardly_changes_in_size_with_the_temperature() -> None:
    generator = torch.Generator().manual_seed(2)
    teacher, start = torch.randn(20, 50, generator=generator), torch.randn(20, 50, generator=generator)
    sizes = []
    for temperature in (4.0, 16.0):
        student = start.clone().requires_grad_()
        softened_kl(student, teacher, temperature).backward()
        sizes.append(student.grad.norm().item())
    assert sizes[1] == pytest.approx(sizes[0], rel=0.2)


def test_task_loss_of_uniform_logits_is_the_log_of_the_vocabulary() -> None:
    assert task_loss(torch.zeros(3, 8), torch.tensor([0, 5, 7])).item() == pytest.approx(math.log(8))


def test_cosine_ignores_length_and_counts_opposite_as_two() -> None:
    one = torch.tensor([[1.0, 2.0]])
    assert cosine_distance(one, 3 * one).item() == pytest.approx(0.0, abs=1e-6)
    assert cosine_distance(one, -one).item() == pytest.approx(2.0)
