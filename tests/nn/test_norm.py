"""RMSNorm against its formula."""

import torch

from motet.nn.norm import RMSNorm


def test_rms_norm_divides_each_vector_by_its_root_mean_square():
    x = torch.randn(3, 4, 6) * 5
    norm = RMSNorm(6, eps=1e-5)
    with torch.no_grad():
        norm.weight.copy_(torch.arange(6.0))
    made = norm(x)
    for row in range(3):
        for token in range(4):
            vector = x[row, token].double()
            expected = vector / (sum(v * v for v in vector) / 6 + 1e-5) ** 0.5 * torch.arange(6.0)
            torch.testing.assert_close(made[row, token].double(), expected, atol=1e-5, rtol=1e-5)


def test_without_a_weight_the_mean_square_is_one():
    made = RMSNorm(8, affine=False)(torch.randn(5, 8) * 100)
    torch.testing.assert_close(made.square().mean(-1), torch.ones(5))


def test_bf16_input_is_normalised_in_fp32_and_returned_in_bf16():
    x = torch.randn(4, 256).bfloat16()
    made = RMSNorm(256, affine=False)(x)
    assert made.dtype == torch.bfloat16
    assert torch.equal(made, RMSNorm(256, affine=False)(x.float()).bfloat16())


def test_a_lone_bf16_token_is_normalised_as_in_company_and_passes_gradients_as_well():
    norm = RMSNorm(64).bfloat16()
    with torch.no_grad():
        norm.weight.copy_(torch.randn(64))
    tokens = torch.randn(1, 5, 64).bfloat16()
    with torch.no_grad():
        together = norm(tokens)
        alone = torch.cat([norm(tokens[:, i : i + 1]) for i in range(5)], 1)
    torch.testing.assert_close(alone, together, rtol=2**-7, atol=0)
    lone = tokens[:, :1].clone().requires_grad_(True)
    norm(lone).sum().backward()
    assert lone.grad is not None and bool((lone.grad != 0).any())
