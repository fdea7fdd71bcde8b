"""How students take over their teacher's weights, and how masked training hides tokens."""

import pytest

torch = pytest.importorskip("torch")

from evaluation.demo import causal, masked  # noqa: E402
from evaluation.demo import tokenizer as vocabulary  # noqa: E402

pytestmark = pytest.mark.engine


def test_the_causal_student_holds_every_second_layer_of_its_teacher() -> None:
    torch.manual_seed(0)
    teacher = causal.LlamaForCausalLM(causal.config(causal.TEACHER_LAYERS))
    student = causal.student_of(teacher)
    assert len(student.model.layers) == 3
    for own, theirs in enumerate((0, 2, 4)):
        pairs = zip(
            student.model.layers[own].parameters(), teacher.model.layers[theirs].parameters(), strict=True
        )
        assert all(torch.equal(a, b) for a, b in pairs)
    assert torch.equal(student.lm_head.weight, teacher.model.embed_tokens.weight)


def test_the_masked_student_with_all_its_teacher_s_layers_would_be_its_teacher() -> None:
    """Copies a teacher of three layers whole: equal outputs show that no weight went to a wrong place."""
    torch.manual_seed(0)
    config = masked.teacher_config()
    config.num_hidden_layers = 6
    teacher = masked.BertForMaskedLM(config).eval()
    for untouched in (0, 2, 4):
        _make_identity(teacher.bert.encoder, untouched)
    student = masked.student_of(teacher).eval()
    ids = torch.randint(6, 6000, (2, 12), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        assert torch.allclose(teacher(input_ids=ids).logits, student(input_ids=ids).logits, atol=1e-5)


def _make_identity(encoder: "torch.nn.Module", layer: int) -> None:
    class Same(torch.nn.Module):
        def forward(self, states: "torch.Tensor", *_: object, **__: object) -> "torch.Tensor":
            return states

    # The parameters stay readable for the copy; only the forward pass is skipped.
    encoder.layer[layer].forward = Same().forward


def test_the_masked_teacher_sees_its_neighbors_from_the_start() -> None:
    torch.manual_seed(0)
    config = masked.teacher_config()
    config._attn_implementation = "eager"
    teacher = masked.BertForMaskedLM(config).eval()
    masked.see_neighbors(teacher)
    ids = torch.randint(6, 6000, (2, 30), generator=torch.Generator().manual_seed(1))
    with torch.no_grad():
        attentions = teacher.bert(input_ids=ids, output_attentions=True).attentions
    at = torch.arange(4, 26)
    for head, offset in enumerate((-1, 1, -2, 2)):
        assert attentions[0][:, head, at, at + offset].mean().item() > 0.8


def test_hiding_spares_special_tokens_and_hides_about_as_many_as_asked() -> None:
    ids = torch.randint(6, 6000, (64, 64), generator=torch.Generator().manual_seed(1))
    ids[:, 0], ids[:, -1] = vocabulary.CLS, vocabulary.PAD
    batch = masked.hide(ids, 0.15, torch.Generator().manual_seed(2))
    share = len(batch.where) / (64 * 62)
    assert 0.13 < share < 0.17
    assert torch.equal(ids.flatten()[batch.where], batch.targets)
    assert (batch.targets > vocabulary.MASK).all()
    became_mask = (batch.ids.flatten()[batch.where] == vocabulary.MASK).float().mean().item()
    assert 0.75 < became_mask < 0.85
    kept = torch.ones(ids.numel(), dtype=torch.bool)
    kept[batch.where] = False
    assert torch.equal(batch.ids.flatten()[kept], ids.flatten()[kept])
    assert batch.attention.sum().item() == 64 * 63


def test_the_hidden_share_falls_from_thirty_to_fifteen_percent() -> None:
    assert [masked.mask_rate(f) for f in (0.0, 0.5, 1.0)] == pytest.approx([0.30, 0.225, 0.15])
