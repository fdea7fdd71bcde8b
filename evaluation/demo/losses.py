"""The losses of distillation: softened KL (Hinton et al. 2015) and the cosine term of DistilBERT (Sanh et al. 2019)."""

import torch
from torch.nn import functional


def task_loss(logits: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
    """Mean cross-entropy in nats; logits (n, vocabulary), targets (n,). Computed in fp32."""
    return functional.cross_entropy(logits.float(), targets)


def softened_kl(student: torch.Tensor, teacher: torch.Tensor, temperature: float) -> torch.Tensor:
    """KL(teacher || student) of the distributions at `temperature`, times its square, mean over rows.

    Both are logits of shape (n, vocabulary). The square keeps the size of the gradient the same at every
    temperature (Hinton, Vinyals, Dean 2015, section 2).
    """
    divergence = functional.kl_div(
        functional.log_softmax(student.float() / temperature, dim=-1),
        functional.log_softmax(teacher.float() / temperature, dim=-1),
        reduction="batchmean",
        log_target=True,
    )
    return divergence * temperature**2


def cosine_distance(student: torch.Tensor, teacher: torch.Tensor) -> torch.Tensor:
    """1 - cosine of hidden states, mean over rows; both of shape (n, width)."""
    return (1.0 - functional.cosine_similarity(student.float(), teacher.float(), dim=-1)).mean()
