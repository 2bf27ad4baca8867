import copy

import pytest
import torch
import torch.nn.functional as F
from mmengine.optim import OptimWrapper

MODALITIES = ['joint', 'motion', 'bone']


def moco(model, name, views, temperature):
    """MoCo v2 written out, on copies of the encoders: loss of a modality, and its keys."""
    query, key = (model.split(view)[name] for view in views)
    query = F.normalize(copy.deepcopy(model.encoder[name])(query)[''], dim=1)
    key = F.normalize(copy.deepcopy(model.encoder_k[name])(key)[''], dim=1).detach()
    logits = torch.cat([(query * key).sum(1, keepdim=True), query @ model.bank[name].T], 1) / temperature
    return F.cross_entropy(logits, torch.zeros(len(logits), dtype=torch.long)), key


@pytest.mark.parametrize('modalities', [['joint'], MODALITIES])
@pytest.mark.parametrize('training', [True, False])
def test_loss_is_moco_in_each_modality(make_model, views, modalities, training):
    model = make_model(modalities=modalities, temperature=0.2).train(training)
    for parameter in model.encoder_k.parameters():
        parameter.add_(0.1 * torch.randn_like(parameter))
    expected = {name: moco(model, name, views, 0.2) for name in modalities}
    losses = model(views, mode='loss')
    assert list(losses) == [f'loss_{name}' for name in modalities]
    for name, (loss, key) in expected.items():
        torch.testing.assert_close(losses[f'loss_{name}'], loss)
        torch.testing.assert_close(model.keys[name], key)


def test_gradients_reach_the_query_encoder_of_the_modality_only(make_model, views):
    model = make_model(modalities=['joint', 'bone'])
    model(views, mode='loss')['loss_bone'].backward()
    assert all(p.grad is not None and p.grad.any() for p in model.encoder['bone'].parameters())
    assert all(p.grad is None for p in model.encoder['joint'].parameters())
    assert all(p.grad is None for p in model.encoder_k.parameters())
    assert not any(key.requires_grad for key in model.keys.values())


def test_step_has_no_side_effects(make_model, views):
    model = make_model(modalities=['joint', 'motion'])
    before = copy.deepcopy(model)
    first = model(views, mode='loss')
    keys = model.keys
    second = model(views, mode='loss')
    for name, loss in first.items():
        assert torch.equal(loss, second[name])
    for name, key in keys.items():
        assert torch.equal(key, model.keys[name])
    assert all(map(torch.equal, before.parameters(), model.parameters()))
    assert all(map(torch.equal, before.bank.buffers(), model.bank.buffers()))


def test_loss_falls_in_training(make_model, views):
    model = make_model()
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    batch = dict(inputs=views, data_samples=dict(labels=torch.zeros(6)))
    losses = [model.train_step(batch, optimizer)['loss'].item() for _ in range(30)]
    assert losses[-1] < 0.7 * losses[0]


def test_autocast_is_finite_and_close(make_model, views):
    model = make_model()
    exact = model(views, mode='loss')['loss_joint']
    with torch.autocast('cpu', torch.bfloat16):
        loss = model(views, mode='loss')['loss_joint']
    assert loss.dtype == torch.float32
    assert loss.item() == pytest.approx(exact.item(), rel=0.05)
    loss.backward()
    assert all(p.grad.isfinite().all() for p in model.encoder.parameters())
    model.after_update([model.keys])
    torch.testing.assert_close(model.bank['joint'][:6].norm(dim=1), torch.ones(6), atol=1e-2, rtol=0)


def train(model, views, compiled: bool):
    step = torch.compile(model.train_step, backend='aot_eager') if compiled else model.train_step
    optimizer = OptimWrapper(torch.optim.SGD(model.parameters(), lr=0.1))
    losses = []
    for _ in range(3):
        model.before_update()
        losses.append(step(dict(inputs=views, data_samples={}), optimizer)['loss'].item())
        model.after_update([model.keys])
    return losses


@pytest.mark.parametrize('with_cp', [False, True])
def test_compiled_training_is_the_same(make_model, views, with_cp):
    model = make_model(modalities=['joint', 'bone'])
    twin = copy.deepcopy(model)
    for encoder in twin.encoder.values():
        encoder.backbone.with_cp = with_cp
    assert train(twin, views, compiled=True) == pytest.approx(train(model, views, compiled=False), rel=1e-5)
    for name in ('joint', 'bone'):
        torch.testing.assert_close(twin.bank[name], model.bank[name], atol=1e-5, rtol=1e-5)
    assert int(twin.bank.pointer) == int(model.bank.pointer) == 18
