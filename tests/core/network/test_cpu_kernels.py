"""What CPUs compute in a way of their own, against the plain way: norms, decoder, attention and layers by oneDNN."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from dptn_core.network import attention_weights, mkl, onednn, pose_transformer
from dptn_core.network.attention_weights import MultiHeadAttention
from dptn_core.network.blocks import DecoderBlock, OutputBlock
from dptn_core.network.decoder_kernels import activated_and_padded, doubled
from dptn_core.network.norms import BatchNorm, InstanceNorm, make_norm
from dptn_core.network.row_attention import attend_by_rows


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


def laid_out(*shape: int, dtype: torch.dtype = torch.float64) -> Tensor:
    """Random channels-last features with gradients."""
    return torch.randn(shape).to(dtype).contiguous(memory_format=torch.channels_last).requires_grad_()


# Decoder


@pytest.mark.parametrize("size", [(2, 2), (2, 5), (3, 2), (3, 3), (7, 4)], ids=str)
def test_activation_and_padding_are_those_of_torch(size: tuple[int, int]) -> None:
    x = laid_out(2, 3, *size)
    found, wanted = activated_and_padded(x, 0.1), F.pad(F.leaky_relu(x, 0.1), (1, 1, 1, 1), mode="reflect")
    assert torch.equal(found, wanted)
    weight = torch.randn_like(wanted)
    kept = weight.clone()
    gradients = [torch.autograd.grad(padded, x, weight)[0] for padded in (found, wanted)]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)
    assert torch.equal(weight, kept), "a gradient that came in belongs to somebody else"


def test_a_transposed_convolution_has_the_gradients_of_torch_s() -> None:
    x, weight, bias = laid_out(2, 4, 5, 3), laid_out(4, 6, 3, 3), torch.randn(6, dtype=torch.float64).requires_grad_()
    wanted = F.conv_transpose2d(x, weight, bias, stride=2, padding=1, output_padding=1)
    found = doubled(x, weight, bias)
    torch.testing.assert_close(found, wanted)
    parameters = (x, weight, bias)
    ours, theirs = (torch.autograd.grad(y.square().sum(), parameters) for y in (found, wanted))
    torch.testing.assert_close(ours, theirs)
    with torch.no_grad():
        torch.testing.assert_close(doubled(x, weight, bias), wanted)


@pytest.mark.parametrize("norm", ["instance", "batch"])
def test_a_decoder_block_and_the_output_are_the_same_the_way_of_gpus(norm, monkeypatch) -> None:
    block, output = DecoderBlock(4, 3, norm).double(), OutputBlock(3, 2).double()
    x = laid_out(2, 4, 4, 3)
    results = []
    for by_hand in (True, False):
        monkeypatch.setattr("dptn_core.network.blocks.on_plain_cpu", lambda _, by_hand=by_hand: by_hand)
        drawn = output(block(x))
        wanted = [x, *block.parameters(), *output.parameters()]
        results.append([drawn, *torch.autograd.grad(drawn.sum(), wanted)])
    for ours, plain in zip(*results, strict=True):
        torch.testing.assert_close(ours, plain, rtol=1e-9, atol=1e-9)


def test_bias_gradients_arrive_in_fp32_under_autocast() -> None:
    block = DecoderBlock(4, 3, "batch")
    with torch.autocast("cpu", torch.bfloat16):
        block(laid_out(2, 4, 8, 6, dtype=torch.float32)).float().square().sum().backward()
    for convolution in (block.up, block.bypass):
        assert convolution.bias.grad.dtype == torch.float32 and convolution.bias.grad.abs().min() > 0
    torch.testing.assert_close(block.up.bias.grad, block.bypass.bias.grad)


# Norms


@pytest.mark.parametrize("kind", ["instance", "batch"])
def test_a_norm_of_bf16_features_is_that_of_fp32_ones_rounded(kind) -> None:
    norm = make_norm(kind, 5).train()
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    half = (laid_out(3, 5, 6, 4, dtype=torch.float32) * 2 + 30).detach().bfloat16().requires_grad_()
    wide = half.detach().float().requires_grad_()
    found = norm(half)
    weight = torch.randn(found.shape)
    ours = torch.autograd.grad((found.float() * weight).sum(), (half, norm.weight, norm.bias))
    wanted = norm(wide)
    assert found.dtype == torch.bfloat16 and found.is_contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(found.float(), wanted, rtol=2**-7, atol=1e-3)
    exact = torch.autograd.grad((wanted * weight).sum(), (wide, norm.weight, norm.bias))
    for one, other in zip(ours, exact, strict=True):
        assert (one.float() - other).norm() < 0.01 * other.norm()


@pytest.mark.parametrize("norm", [InstanceNorm(4), BatchNorm(4), nn.Identity()], ids=lambda norm: type(norm).__name__)
def test_tokens_are_normalised_as_features_of_one_column(norm) -> None:
    tokens = torch.randn(3, 7, 4)
    found = pose_transformer.over_tokens(norm, tokens)
    torch.testing.assert_close(found, norm(tokens.transpose(1, 2).contiguous()).transpose(1, 2))
    assert found.is_contiguous()


# oneDNN in the place of MKL


def heads(count: int, sources: int, dtype: torch.dtype) -> list[Tensor]:
    """Queries, keys and values as projections lay them out."""
    return [torch.randn(2, n, 2 * 16).view(2, n, 2, 16).transpose(1, 2).to(dtype) for n in (count, sources, sources)]


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch has no such layer")
@pytest.mark.parametrize(("dtype", "error"), [(torch.float32, 1e-6), (torch.bfloat16, 1e-2)])
@pytest.mark.parametrize(("count", "sources"), [(50, 70), (33, 40_000)])  # the second in several portions
def test_attention_by_rows_is_attention(dtype, error, count, sources) -> None:
    given = heads(count, sources, dtype)
    with torch.no_grad():
        found = attend_by_rows(*given)
        wanted = F.scaled_dot_product_attention(*(x.double() for x in given))
    assert found.transpose(1, 2).is_contiguous()
    assert (found.double() - wanted).norm() < error * wanted.norm()


@pytest.mark.skipif(not hasattr(torch.ops.mkldnn, "_linear_pointwise"), reason="this torch has no such layer")
@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16, torch.float64])
def test_a_network_on_a_cpu_with_slow_mkl_draws_the_same(dtype, monkeypatch) -> None:
    module = MultiHeadAttention(32, 2).to(dtype)
    feed = pose_transformer.FeedForward(32).to(dtype)
    tokens = torch.randn(2, 40, 32).to(dtype)
    calls: list[str] = []

    def counted(*given: Tensor) -> Tensor:
        calls.append("rows")
        return attend_by_rows(*given)

    def drawn() -> Tensor:
        with torch.no_grad():
            return feed(module(tokens))

    monkeypatch.setattr(attention_weights, "attend_by_rows", counted)
    monkeypatch.setattr(attention_weights, "mkl_is_slow", lambda: False)
    monkeypatch.setattr(onednn, "mkl_is_slow", lambda: False)
    plain = drawn()
    assert not calls
    monkeypatch.setattr(attention_weights, "mkl_is_slow", lambda: True)
    monkeypatch.setattr(onednn, "mkl_is_slow", lambda: True)
    error = {torch.float32: 1e-5, torch.bfloat16: 2e-2, torch.float64: 1e-12}[dtype]
    assert (drawn() - plain).norm() < error * plain.norm()
    assert bool(calls) == (dtype != torch.float64)


def test_gradients_flow_where_mkl_is_slow(monkeypatch) -> None:
    monkeypatch.setattr(attention_weights, "mkl_is_slow", lambda: True)
    monkeypatch.setattr(onednn, "mkl_is_slow", lambda: True)
    module = MultiHeadAttention(32, 2)
    for dtype in (torch.bfloat16, torch.float32):
        module.zero_grad()
        with torch.autocast("cpu", torch.bfloat16, enabled=dtype == torch.bfloat16):
            module(torch.randn(2, 40, 32)).float().square().sum().backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in module.parameters() if parameter is not None)


def test_the_maker_of_the_cpu_decides(monkeypatch) -> None:
    def asked(name: str) -> bool:
        monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: {"cpu_name": name}, raising=False)
        monkeypatch.setattr(mkl.platform, "processor", lambda: "")
        monkeypatch.setattr(mkl, "Path", lambda _: _NoFile())
        return mkl.mkl_is_slow.__wrapped__()

    assert asked("AMD EPYC 9B45")
    assert not asked("Intel Xeon")
    assert not asked("")


class _NoFile:
    def read_text(self, encoding: str) -> str:
        raise FileNotFoundError


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_compiling_takes_the_plain_way(dtype, monkeypatch) -> None:
    """Nothing of this can be traced, and what torch.compile makes of the plain way is as fast."""
    monkeypatch.setattr(torch.compiler, "is_compiling", lambda: True)
    assert not mkl.on_plain_cpu(torch.zeros(1, dtype=dtype))
