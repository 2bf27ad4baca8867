"""What holds for every method."""

import copy
from types import SimpleNamespace

import pytest
import torch

MODALITIES = ['joint', 'motion', 'bone']
TRANSFORMER = dict(
    type='GCNTransformer', gcn_channels=4, width=8, num_layers=2, num_heads=2,
    ffn_channels=16, dropout=0.0,
)  # fmt: skip
METHODS = dict(
    SkeletonCLR=dict(),
    CrosSCLR=dict(cross_epoch=0, topk=3),
    CMD=dict(num_neighbors=16),
    I2MD=dict(num_neighbors=16, num_aggregated=4, backbone=TRANSFORMER),
    MMCVMutual=dict(num_neighbors=16),
)


@pytest.fixture(params=METHODS)
def make(request, make_model, views):
    """Builds a method on three modalities; its momentum encoders differ from the query encoders."""

    def build(**options):
        model = make_model(request.param, **dict(modalities=MODALITIES) | METHODS[request.param] | options)
        for name in model.momenta:
            for parameter in getattr(model, name).parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return model

    three = request.param == 'MMCVMutual'
    views = [*views, views[1] + 0.1 * torch.randn_like(views[1])] if three else views
    return SimpleNamespace(method=request.param, model=build, views=views)


def total(losses) -> torch.Tensor:
    return sum(losses.values())


def test_keys_for_every_field_of_the_bank(make):
    model = make.model()
    model(make.views, mode='loss')
    assert set(model.keys) == set(model.bank.fields)
    for name, key in model.keys.items():
        assert key.shape == (6, model.bank.fields[name]) and not key.requires_grad
        if not name.endswith('_hidden'):
            torch.testing.assert_close(key.norm(dim=1), torch.ones(6))
    model.after_update([model.keys])
    assert all(torch.equal(model.bank[name][:6], key) for name, key in model.keys.items())


def test_step_has_no_side_effects(make):
    model = make.model()
    before = copy.deepcopy(model)
    first = model(make.views, mode='loss')
    keys = model.keys
    second = model(make.views, mode='loss')
    assert all(torch.equal(loss, second[name]) for name, loss in first.items())
    assert all(torch.equal(key, model.keys[name]) for name, key in keys.items())
    assert all(map(torch.equal, before.parameters(), model.parameters()))
    assert all(map(torch.equal, before.bank.buffers(), model.bank.buffers()))


def test_gradients_reach_all_of_the_query_encoders_and_nothing_else(make):
    model = make.model()
    total(model(make.views, mode='loss')).backward()
    for name, parameter in model.named_parameters():
        if name.startswith('encoder.'):
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        else:
            assert parameter.grad is None, name
    weights = [p for p in model.encoder.parameters() if p.ndim > 1]
    assert all(weight.grad.any() for weight in weights)


def test_permuting_the_slots_of_all_fields_changes_nothing(make):
    model = make.model()
    losses = model(make.views, mode='loss')
    order = torch.randperm(model.bank.size)
    for name in model.bank.fields:
        model.bank[name].copy_(model.bank[name][order])
    for name, loss in model(make.views, mode='loss').items():
        torch.testing.assert_close(loss, losses[name], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('field', MODALITIES)
def test_permuting_the_slots_of_one_field_changes_losses_across_modalities(make, field):
    model = make.model()
    losses = model(make.views, mode='loss')
    model.bank[field].copy_(model.bank[field].roll(1, 0))
    changed = {name for name, loss in model(make.views, mode='loss').items() if abs(loss - losses[name]) > 1e-4}
    expected = dict(
        SkeletonCLR=set(),
        CrosSCLR={f'loss_{a}' for a in MODALITIES},
        CMD={'loss_cmd'},
        # Other neighbours' hidden embeddings are retrieved, and within a modality both branches share the slots.
        I2MD={f'loss_{field}_cluster', 'loss_cmd', 'loss_imd'},
        MMCVMutual={'loss_distill'},
    )
    assert changed == expected[make.method]


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_is_finite_and_close(make, dtype):
    model = make.model()
    exact = model(make.views, mode='loss')
    with torch.autocast('cpu', dtype):
        losses = model(make.views, mode='loss')
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        assert loss.item() == pytest.approx(exact[name].item(), rel=0.05), name
    total(losses).backward()
    assert all(p.grad.isfinite().all() for p in model.encoder.parameters())
    model.after_update([model.keys])
    norms = model.bank['joint'][:6].norm(dim=1)
    torch.testing.assert_close(norms, torch.ones(6), atol=1e-2, rtol=0)


def test_momentum_update_in_closed_form_for_every_momentum_encoder(make):
    model = make.model(momentum=0.9)
    names = ['encoder_k'] + ['encoder_p'] * (make.method == 'MMCVMutual')
    assert model.momenta == dict(zip(names, (0.9, 0.995), strict=False))
    start = {name: copy.deepcopy(getattr(model, name)) for name in names}
    query = copy.deepcopy(model.encoder)
    for _ in range(4):
        model.before_update()
    for name in names:
        factor = model.momenta[name] ** 4
        for now, before, target in zip(
            getattr(model, name).parameters(), start[name].parameters(), query.parameters(), strict=True
        ):
            torch.testing.assert_close(now, target + (before - target) * factor, atol=1e-6, rtol=1e-5)
    assert all(map(torch.equal, query.parameters(), model.encoder.parameters()))


def test_init_weights_makes_every_momentum_encoder_a_copy(make):
    model = make.model()
    model.init_weights()
    for name in model.momenta:
        assert all(map(torch.equal, getattr(model, name).state_dict().values(), model.encoder.state_dict().values()))


def test_loss_falls_in_training(make):
    model = make.model()
    optimizer = torch.optim.SGD(model.encoder.parameters(), lr=0.05, momentum=0.9)
    losses = []
    for _ in range(20):
        loss = total(model(make.views, mode='loss'))
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[-1] < 0.8 * losses[0]


def test_losses_are_finite_on_the_smallest_bank_not_yet_filled(make):
    options = {key: 1 for key in ('topk', 'num_neighbors', 'num_aggregated') if key in METHODS[make.method]}
    losses = make.model(queue_size=1, **options)(make.views, mode='loss')
    assert all(loss.isfinite() for loss in losses.values())
