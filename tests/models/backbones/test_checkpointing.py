"""with_cp: the same losses, gradients, statistics and random numbers, and less kept."""

import copy

import pytest
import torch
from torch import nn

from mmskelssl.models import distributed
from mmskelssl.models.backbones.checkpointing import checkpointed
from mmskelssl.models.distributed import CPUSyncBatchNorm
from mmskelssl.registry import MODELS

BACKBONES = dict(
    bigru=dict(type='BiGRU', hidden_channels=8),
    both_ways=dict(type='BiGRU', hidden_channels=8, bidirectional=True, pool='mean'),
    stgcn=dict(type='STGCN', base_channels=4, out_channels=16),
    agcn=dict(type='AGCN', base_channels=4),
    tokens=dict(type='SkeletonTransformer', num_frames=16, width=8, num_layers=3, num_heads=2, drop_path=0.5),
    rotary=dict(type='SkeletonTransformer', time_encoding='rotary', width=8, num_layers=3, num_heads=2),
    class_token=dict(type='ClassTokenTransformer', width=8, num_layers=3, num_heads=2),
    transformer=dict(type='GCNTransformer', gcn_channels=4, width=16, num_layers=2, num_heads=2, ffn_channels=8),
    sttr=dict(type='STTR', num_frames=16, width=16, num_heads=2),
    dste=dict(type='DSTE', num_frames=16, width=16, num_heads=2),
    decoupled=dict(type='DecoupledEncoder', num_frames=16, gcn_channels=4, width=16, num_heads=2),
    unified=dict(type='UnifiedSTTR', num_frames=16, width=16, num_layers=2, num_heads=2),
)


def kept_bytes(run) -> int:
    """Bytes that autograd saves for the backward pass."""
    total = 0

    def pack(x):
        nonlocal total
        total += x.numel() * x.element_size()
        return x

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda x: x):
        run()
    return total


def train(model, views, seed=3):
    """Loss, gradients, buffers and the generator's state after a step, and what was kept for it."""
    losses = {}

    def forward():
        torch.manual_seed(seed)
        losses.update(model(views, mode='loss'))

    kept = kept_bytes(forward)
    sum(losses.values()).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.grad is not None}
    return losses, gradients, dict(model.named_buffers()), torch.get_rng_state(), kept


@pytest.mark.parametrize('backbone', BACKBONES)
def test_a_step_is_the_same(backbone):
    method = dict(
        type='I2MD' if backbone == 'transformer' else 'SkeletonCLR',
        neck=dict(type='ProjectionNeck'),
        layout='kinect20',
        modalities=['joint', 'bone'],
        queue_size=16,
        feat_dim=4,
        **(dict(num_neighbors=8, num_aggregated=3) if backbone == 'transformer' else {}),
    )
    plain = MODELS.build(dict(method, backbone=BACKBONES[backbone])).double().train()
    saving = MODELS.build(dict(method, backbone=dict(BACKBONES[backbone], with_cp=True))).double().train()
    saving.load_state_dict(plain.state_dict())
    views = list(torch.randn(2, 3, 2, 16, 20, 3, dtype=torch.float64))
    a, b = train(plain, views), train(saving, views)
    for ours, theirs in zip(a[:3], b[:3], strict=True):
        assert ours.keys() == theirs.keys() and len(ours) > 1
        for name, value in ours.items():
            torch.testing.assert_close(theirs[name], value, rtol=0, atol=1e-12, msg=name)
    assert torch.equal(a[3], b[3])
    assert b[4] < 0.6 * a[4]


@pytest.mark.parametrize('norm', [nn.BatchNorm1d, CPUSyncBatchNorm])
def test_batch_statistics_are_counted_once(norm, monkeypatch):
    # As with one other process that has no clips.
    monkeypatch.setattr(distributed, 'get_world_size', lambda: 2)
    monkeypatch.setattr(distributed.dist, 'all_reduce', lambda x: None)
    block = nn.Sequential(norm(3), nn.Dropout(0.5))
    twin = copy.deepcopy(block)
    x = torch.randn(5, 3, requires_grad=True)
    torch.manual_seed(0)
    checkpointed(block, x).sum().backward()
    torch.manual_seed(0)
    twin(x).sum().backward()
    for name, value in twin.state_dict().items():
        assert torch.equal(block.state_dict()[name], value), name
    assert int(block[0].num_batches_tracked) == 1


def test_without_gradients_nothing_is_recomputed():
    calls = []
    with torch.no_grad():
        checkpointed(lambda x: calls.append(x) or x, torch.ones(1))
    assert len(calls) == 1
