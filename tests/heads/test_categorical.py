"""The categorical head: what it draws, against the softmax written out."""

import math

import pytest
import torch
from torch import Tensor, nn

from motet.diffusion.guidance import Guidance
from motet.errors import ConfigError
from motet.heads.categorical import Categorical, TokenSampling

VOCAB = 6
SCORES = torch.tensor([2.0, 1.0, 0.5, 0.0, -1.0, -3.0])


def reads(*scores: Tensor) -> tuple[Categorical, Tensor]:
    """A head whose logits are its hidden state, and hidden states of one token for each branch."""
    head = Categorical(VOCAB, VOCAB)
    with torch.no_grad():
        head.logits.weight.copy_(torch.eye(VOCAB))
    return head, torch.stack(scores)[:, None]


@torch.no_grad()
def frequencies(how: TokenSampling, *scores: Tensor, draws: int = 40_000) -> list[float]:
    head, hidden = reads(*(scores or (SCORES,)))
    noise = head.noise(draws, how, torch.Generator().manual_seed(0))
    ids = head.sample(hidden.expand(-1, draws, -1), noise, how)
    return (torch.bincount(ids, minlength=VOCAB) / draws).tolist()


def softmax(scores: list[float], temperature: float = 1.0) -> list[float]:
    powers = [math.exp(s / temperature) for s in scores]
    return [p / sum(powers) for p in powers]


def renormalised(probabilities: list[float], kept: set[int]) -> list[float]:
    total = sum(probabilities[i] for i in kept)
    return [p / total if i in kept else 0.0 for i, p in enumerate(probabilities)]


@pytest.mark.parametrize("temperature", [0.5, 1.0, 2.0])
def test_ids_are_drawn_with_the_probabilities_of_the_softmax(temperature: float):
    expected = softmax(SCORES.tolist(), temperature)
    assert frequencies(TokenSampling(temperature)) == pytest.approx(expected, abs=0.01)


def test_top_k_keeps_the_k_likeliest_in_proportion():
    expected = renormalised(softmax(SCORES.tolist()), {0, 1})
    assert frequencies(TokenSampling(top_k=2)) == pytest.approx(expected, abs=0.01)
    assert frequencies(TokenSampling(top_k=100)) == pytest.approx(softmax(SCORES.tolist()), abs=0.01)


def test_top_p_keeps_the_fewest_ids_that_reach_the_share():
    probabilities = softmax(SCORES.tolist())
    share = probabilities[0] + 0.5 * probabilities[1]
    expected = renormalised(probabilities, {0, 1})
    assert frequencies(TokenSampling(top_p=share)) == pytest.approx(expected, abs=0.01)
    assert frequencies(TokenSampling(top_p=0.01))[0] == 1.0


def test_banned_ids_are_never_drawn_and_the_others_keep_their_proportions():
    expected = renormalised(softmax(SCORES.tolist()), {1, 3, 4, 5})
    assert frequencies(TokenSampling(banned=(0, 2))) == pytest.approx(expected, abs=0.01)


def test_temperature_0_takes_the_likeliest_that_is_not_banned():
    assert frequencies(TokenSampling(0.0), draws=3)[0] == 1.0
    assert frequencies(TokenSampling(0.0, banned=(0, 1)), draws=3)[2] == 1.0


def test_a_draw_of_almost_1_gives_no_id_that_was_cut():
    """Sums of many fp32 probabilities end below 1; what lies beyond must not fall to the last id of the vocabulary."""
    rng = torch.Generator().manual_seed(0)
    head = Categorical(4, 50_000)
    hidden = torch.randn(1, 1, 4, generator=rng)
    almost = torch.tensor([[1 - 2**-24]])
    with torch.no_grad():
        logits = head.logits(hidden)[0, 0]
        worst = int(logits.argmin())
        for how in (TokenSampling(banned=(worst,)), TokenSampling(top_k=7), TokenSampling(top_p=0.3)):
            drawn = int(head.sample(hidden, almost, how)[0])
            assert drawn != worst
        assert drawn in logits.topk(25_000).indices
        kept = logits.topk(7).indices
        for _ in range(50):
            scores = torch.randn(1, 1, 4, generator=rng)
            kept = head.logits(scores)[0, 0].topk(7).indices
            assert head.sample(scores, almost, TokenSampling(top_k=7))[0] in kept


def test_guidance_moves_logits_from_the_unconditional_past_the_conditional():
    unconditional = torch.tensor([0.0, 0.0, 1.0, 1.0, 0.0, 0.0])
    mixed = unconditional + 2.5 * (SCORES - unconditional)
    made = frequencies(TokenSampling(guidance=Guidance(2.5)), SCORES, unconditional)
    assert made == pytest.approx(softmax(mixed.tolist()), abs=0.01)


def test_without_guidance_further_branches_are_not_looked_at():
    assert frequencies(TokenSampling(), SCORES, -SCORES) == frequencies(TokenSampling(), SCORES)


def test_guidance_without_an_unconditional_branch_is_an_error():
    with pytest.raises(ConfigError, match="needs an unconditional branch"):
        frequencies(TokenSampling(guidance=Guidance(2.0)))


@pytest.mark.parametrize("wrong", [{"temperature": -1.0}, {"top_k": -1}, {"top_p": 0.0}, {"top_p": 1.5}])
def test_settings_that_cannot_be_sampled_with_are_refused(wrong: dict[str, float]):
    with pytest.raises(ConfigError, match="expected temperature and top_k of at least 0"):
        TokenSampling(**wrong)


def test_the_loss_is_minus_the_log_probability_of_the_truth():
    head, _ = reads(SCORES)
    hidden = torch.randn(4, VOCAB)
    truth = torch.tensor([0, 3, 5, 3])
    expected = [-math.log(softmax(hidden[i].tolist())[int(truth[i])]) for i in range(4)]
    assert head.loss(hidden, truth, torch.Generator()).tolist() == pytest.approx(expected, abs=1e-5)


def test_z_loss_adds_the_squared_log_of_the_softmax_s_sum():
    torch.manual_seed(0)
    plain = Categorical(6, 9)
    weighed = Categorical(6, 9, z_loss=0.5)
    weighed.load_state_dict(plain.state_dict())
    h, value, rng = torch.randn(4, 6), torch.tensor([0, 3, 8, 1]), torch.Generator()
    z = torch.tensor([sum(math.exp(logit) for logit in row) for row in plain.logits(h).tolist()])
    torch.testing.assert_close(weighed.loss(h, value, rng), plain.loss(h, value, rng) + 0.5 * z.log().square())


def test_a_tied_head_reads_out_with_the_embedding():
    embedding = nn.Embedding(VOCAB, 4)
    head = Categorical(4, VOCAB, tied=embedding)
    assert head.logits.weight is embedding.weight
