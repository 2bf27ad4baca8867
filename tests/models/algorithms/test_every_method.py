"""What holds for every method."""

import copy
from types import SimpleNamespace

import pytest
import torch

from mmskelssl.models import MemoryBank
from mmskelssl.models.algorithms.followers import Followers
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

MODALITIES = ['joint', 'motion', 'bone']
TRANSFORMER = dict(
    type='GCNTransformer', gcn_channels=4, width=8, num_layers=2, num_heads=2,
    ffn_channels=16, dropout=0.0,
)  # fmt: skip
GRAPH = dict(type='STGCN', base_channels=2, out_channels=8, dropout=0.0)
MOMENTUM = dict(
    SkeletonCLR=dict(),
    CrosSCLR=dict(cross_epoch=0, topk=3),
    CMD=dict(num_neighbors=16),
    I2MD=dict(num_neighbors=16, num_aggregated=4, backbone=TRANSFORMER),
    MMCVMutual=dict(num_neighbors=16),
    ISC=dict(
        streams=dict(
            joint=dict(modality='joint'), motion=dict(modality='motion'), bone=dict(modality='joint', backbone=GRAPH)
        )
    ),
    AimCLR=dict(backbone=GRAPH, cross_epoch=0, topk=3),
    HiCLR=dict(backbone=GRAPH, cross_epoch=0, topk=3),
    # What is hidden of random clips cannot be learned.
    PCM3=dict(
        decoder=dict(type='FrameDecoder', width=8),
        prompt_channels=4,
        mix_blocks=(1, 3),
        mask_blocks=4,
        reconstruction_weight=1.0,
    ),
    SkeleMixCLR=dict(backbone=GRAPH, mix_blocks=(1, 3)),
    SCDNet=dict(
        backbone=dict(type='DecoupledEncoder', num_frames=16, gcn_channels=4, width=8, num_heads=2, dropout=0.0),
        neck=dict(
            temporal=dict(type='ProjectionNeck', pooling='temporal'),
            spatial=dict(type='ProjectionNeck', pooling='spatial'),
            instance=dict(type='ProjectionNeck'),
        ),
    ),
)
PROJECTOR = dict(type='ProjectionNeck', num_layers=3, batch_norm=True)
DECORRELATION = dict(
    BarlowTwins=dict(neck=PROJECTOR),
    VICReg=dict(neck=PROJECTOR),
    PSTL=dict(neck=PROJECTOR, backbone=GRAPH, mask_frames=3, mask_joints=6),
)
SHORT_TRANSFORMER = dict(num_frames=16, width=8, num_heads=2)
# One encoder gives embeddings of several kinds.
UNIFIED = dict(
    UmURL=dict(
        streams=dict(fused=dict(modality='joint')),
        backbone=dict(type='UnifiedSTTR', **SHORT_TRANSFORMER),
        neck=dict(joint=PROJECTOR, bone=PROJECTOR, motion=PROJECTOR),
    ),
    USDRL=dict(
        backbone=dict(type='DSTE', drop_path=0.0, num_layers=1, **SHORT_TRANSFORMER),
        neck=dict(
            temporal=dict(PROJECTOR, pooling='temporal'),
            spatial=dict(PROJECTOR, pooling='spatial'),
            instance=PROJECTOR,
        ),
        level_weights=dict(temporal=0.5, spatial=0.5, instance=1.0),
    ),
)
TOKENS = dict(type='SkeletonTransformer', num_frames=16, width=4, num_layers=1, num_heads=2)
DECODER = dict(type='TokenDecoder', width=8, num_layers=1, num_heads=2)
MASKED = dict(
    MAMP=dict(neck=None, backbone=TOKENS, decoder=DECODER),
    AMR=dict(
        neck=None,
        backbone=TOKENS,
        decoder=dict(type='QueryDecoder', segments_per_query=2, width=8, num_layers=1, num_heads=2),
        windows=(4, 8),
    ),
)
PROTOTYPES = dict(type='PrototypeNeck', out_channels=4, hidden_channels=512, bottleneck_channels=4)
LATENT = dict(
    SLiM=dict(
        neck=dict(clip=PROTOTYPES, token=PROTOTYPES),
        backbone=dict(TOKENS, type='ClassTokenTransformer'),
        num_views=2,
        mask_probability=1.0,
    ),
    Skeleton2vec=dict(neck=None, backbone=TOKENS, decoder=DECODER, num_target_layers=1, tube_length=2),
    SJEPA=dict(neck=None, backbone=TOKENS, decoder=DECODER),
)
TUNED = dict(STARS=dict(neck=None, backbone=TOKENS, predictor_channels=16, queue_size=32))
METHODS = MOMENTUM | DECORRELATION | UNIFIED | MASKED | LATENT | TUNED
# What a training batch tells beside its views.
SAMPLES = dict(keys=torch.arange(6), index=torch.arange(6))


def maker(method, make_model, views):
    """Builds a method on three modalities; its momentum encoders differ from the query encoders."""

    def build(**options):
        model = make_model(method, **dict(modalities=MODALITIES) | METHODS[method] | options)
        for name in getattr(model, 'momenta', {}):
            for parameter in getattr(model, name).parameters():
                parameter.add_(0.1 * torch.randn_like(parameter))
        return model

    number = MODELS.get(method).num_views
    views = [*views, *(views[1] + 0.1 * torch.randn_like(views[1]) for _ in range(2, number))][:number]
    return SimpleNamespace(method=method, model=build, views=views)


@pytest.fixture(params=METHODS)
def make(request, make_model, views):
    return maker(request.param, make_model, views)


@pytest.fixture(params=MOMENTUM)
def make_momentum(request, make_model, views):
    return maker(request.param, make_model, views)


@pytest.fixture(params=DECORRELATION | UNIFIED)
def make_decorrelation(request, make_model, views):
    return maker(request.param, make_model, views)


def total(losses) -> torch.Tensor:
    return sum(losses.values())


def test_keys_for_every_field_of_the_bank(make_momentum):
    model = make_momentum.model()
    model(make_momentum.views, SAMPLES, mode='loss')
    assert set(model.keys) == set(model.bank.fields)
    for name, key in model.keys.items():
        assert key.shape == (6, model.bank.fields[name]) and not key.requires_grad
        if not name.endswith('_hidden'):
            torch.testing.assert_close(key.norm(dim=1), torch.ones(6))
    model.after_update([model.keys])
    assert all(torch.equal(model.bank[name][:6], key) for name, key in model.keys.items())


def test_step_changes_nothing_but_what_it_leaves(make):
    model = make.model()
    before = copy.deepcopy(model)
    first, left = model(make.views, SAMPLES, mode='loss'), (model.embeddings, model.to_enqueue())
    second = model(make.views, SAMPLES, mode='loss')
    assert all(torch.equal(loss, second[name]) for name, loss in first.items())
    for one, other in zip(left, (model.embeddings, model.to_enqueue()), strict=True):
        assert one.keys() == other.keys() and all(torch.equal(z, other[name]) for name, z in one.items())
    assert all(map(torch.equal, before.parameters(), model.parameters()))
    batch_norms = ('running_mean', 'running_var', 'num_batches_tracked')
    for (name, ours), theirs in zip(before.named_buffers(), model.buffers(), strict=True):
        assert torch.equal(ours, theirs) or name.endswith(batch_norms), name


def test_embeddings_are_left_for_monitors(make):
    model = make.model()
    model(make.views, SAMPLES, mode='loss')
    assert model.embeddings
    for z in model.embeddings.values():
        assert z.shape == (6, 4) and not z.requires_grad and z.isfinite().all()
    if make.method in DECORRELATION:
        assert list(model.embeddings) == list(model.widths) == MODALITIES


def test_no_keys_and_no_bank(make_decorrelation):
    model = make_decorrelation.model()
    before = {name: value.clone() for name, value in model.state_dict().items()}
    assert {name.partition('.')[0] for name in before} == {'encoder'}
    assert not any(isinstance(module, MemoryBank) for module in model.modules())
    assert all(parameter.requires_grad for parameter in model.parameters())
    assert model.to_enqueue() == {}
    model.before_update()
    model.after_update([{}])
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())


@pytest.mark.parametrize('layout', ['ntu25', 'hand22'])
def test_layouts(make, layout):
    model = make.model(layout=layout)
    views = [torch.randn(*view.shape[:3], model.layout.num_joints, 3) for view in make.views]
    assert all(loss.isfinite() for loss in model(views, SAMPLES, mode='loss').values())


@pytest.mark.parametrize('change', [-1, 1])
def test_a_wrong_number_of_views_is_refused(make, change):
    views = (make.views * 2)[: len(make.views) + change]
    with pytest.raises(ConfigError, match=rf'{make.method} learns from {len(make.views)} views, but got {len(views)}'):
        make.model()(views, mode='loss')


def test_gradients_reach_all_of_the_query_encoders_and_nothing_else(make):
    model = make.model()
    for name, parameter in model.named_parameters():
        # Factors of a part that joins in training, which begin at zero.
        if name.endswith('.alpha'):
            torch.nn.init.ones_(parameter)
    total(model(make.views, SAMPLES, mode='loss')).backward()
    for name, parameter in model.named_parameters():
        if name.startswith(('encoder.', 'decoder.', 'projector.', 'predictor.', 'prompts.', 'mask_value.')):
            assert parameter.grad is not None and parameter.grad.isfinite().all(), name
        else:
            assert parameter.grad is None, name
    weights = [p for name, p in model.named_parameters() if p.ndim > 1 and not name.startswith('encoder_')]
    assert all(weight.grad.any() for weight in weights)


def test_permuting_the_slots_of_all_fields_changes_nothing(make_momentum):
    model = make_momentum.model()
    losses = model(make_momentum.views, SAMPLES, mode='loss')
    order = torch.randperm(model.bank.size)
    for name in model.bank.fields:
        model.bank[name].copy_(model.bank[name][order])
    for name, loss in model(make_momentum.views, SAMPLES, mode='loss').items():
        torch.testing.assert_close(loss, losses[name], atol=1e-5, rtol=1e-5)


def first_field(model, modality):
    return next(name for name in model.bank.fields if name.partition('_')[0] == modality)


@pytest.mark.parametrize('modality', MODALITIES)
def test_permuting_the_slots_of_one_modality_changes_losses_across_modalities(make_momentum, modality):
    model = make_momentum.model()
    losses = model(make_momentum.views, SAMPLES, mode='loss')
    field = model.bank[first_field(model, modality)]
    field.copy_(field.roll(1, 0))
    changed = {
        name
        for name, loss in model(make_momentum.views, SAMPLES, mode='loss').items()
        if abs(loss - losses[name]) > 1e-4
    }
    expected = dict(
        SkeletonCLR=set(),
        CrosSCLR={f'loss_{a}' for a in MODALITIES},
        CMD={'loss_cmd'},
        # Other neighbours' hidden embeddings are retrieved, and within a modality both branches share the slots.
        I2MD={f'loss_{modality}_cluster', 'loss_cmd', 'loss_imd'},
        MMCVMutual={'loss_distill'},
        ISC=set(),
        AimCLR=set(),
        HiCLR=set(),
        PCM3=set(),
        SCDNet=set(),
        SkeleMixCLR=set(),
    )
    assert changed == expected[make_momentum.method]


@pytest.mark.parametrize('dtype', [torch.bfloat16, torch.float16])
def test_autocast_is_finite_and_close(make, dtype):
    model = make.model()
    exact = model(make.views, SAMPLES, mode='loss')
    with torch.autocast('cpu', dtype):
        losses = model(make.views, SAMPLES, mode='loss')
    for name, loss in losses.items():
        assert loss.dtype == torch.float32
        # Statistics of six clips that are nearly the same in both views magnify what bfloat16 rounds.
        close = 0.05 if make.method in MOMENTUM else 0.3
        assert loss.item() == pytest.approx(exact[name].item(), rel=close), name
    total(losses).backward()
    assert all(p.grad.isfinite().all() for p in model.encoder.parameters())
    model.after_update([model.to_enqueue()])
    if make.method in MOMENTUM:
        norms = model.bank[first_field(model, 'joint')][:6].norm(dim=1)
        torch.testing.assert_close(norms, torch.ones(6), atol=1e-2, rtol=0)


def test_momentum_update_in_closed_form_for_every_momentum_encoder(make_momentum):
    model = make_momentum.model(momentum=0.9)
    names = ['encoder_k'] + ['encoder_p'] * (make_momentum.method == 'MMCVMutual')
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


def test_init_weights_makes_every_momentum_encoder_a_copy(make_momentum):
    model = make_momentum.model()
    model.init_weights()
    for name in model.momenta:
        assert all(map(torch.equal, getattr(model, name).state_dict().values(), model.encoder.state_dict().values()))


def test_loss_falls_in_training(make):
    model = make.model()
    # Some losses are of another size: their weights are up to 25, or their temperatures small.
    lr = dict(VICReg=0.002, UmURL=0.01, USDRL=0.01, SJEPA=0.002).get(make.method, 0.05)
    optimizer = torch.optim.SGD([p for p in model.parameters() if p.requires_grad], lr=lr, momentum=0.9)
    losses = []
    for _ in range(20):
        parts = model(make.views, SAMPLES, mode='loss')
        optimizer.zero_grad()
        total(parts).backward()
        optimizer.step()
        # What follows a distribution rises with its entropy.
        followers = model.leaders if isinstance(model, Followers) else ()
        losses.append(total({name: loss for name, loss in parts.items() if not name.endswith(tuple(followers))}).item())
    assert losses[-1] < 0.8 * losses[0]


def test_losses_are_finite_on_the_smallest_bank_not_yet_filled(make_momentum):
    options = {key: 1 for key in ('topk', 'num_neighbors', 'num_aggregated') if key in METHODS[make_momentum.method]}
    losses = make_momentum.model(queue_size=1, **options)(make_momentum.views, mode='loss')
    assert all(loss.isfinite() for loss in losses.values())
