import torch
from torch import nn

from mmskelssl.registry import OPTIM_WRAPPERS


def test_forward_in_bfloat16_weights_in_float32():
    model = nn.Linear(3, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    wrapper = OPTIM_WRAPPERS.build(dict(type='BFloat16OptimWrapper', optimizer=optimizer))
    before = model.weight.detach().clone()
    with wrapper.optim_context(model):
        out = model(torch.ones(4, 3))
    assert out.dtype == torch.bfloat16
    wrapper.update_params(out.float().sum())
    assert model.weight.dtype == torch.float32
    torch.testing.assert_close(model.weight, before - 0.4, atol=1e-6, rtol=0)
    assert model(torch.ones(4, 3)).dtype == torch.float32
