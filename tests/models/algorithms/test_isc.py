import copy
import re

import pytest
import torch
from golden_contrast import assert_close, compare_gradients, layout_of, load, part, recordings, view

from mmskelssl.cli.official_weights import rename_agcn, rename_gru
from mmskelssl.datasets.layouts import get_layout
from mmskelssl.registry import MODELS
from mmskelssl.utils.errors import ConfigError

GRAPH = dict(type='AGCN', base_channels=4)
STREAMS = dict(seq=dict(modality='joint'), graph=dict(modality='joint', backbone=GRAPH))
QUEUES = dict(seq='S1', graph='S2')
ROLES = dict(
    encoder_q=('encoder', 'seq'),
    encoder_k=('encoder_k', 'seq'),
    encoder_r=('encoder', 'graph'),
    encoder_l=('encoder_k', 'graph'),
)


@pytest.fixture(params=recordings('isc'))
def golden(request):
    return load(request.param)


@pytest.fixture(params=[path for path in recordings('isc') if path.id != 'slice'])
def whole(request):
    return load(request.param)


def model_of(golden):
    """In float64, with the queues; ours before the encoders are loaded."""
    config, weights = golden['config'], golden['official_state_dict']
    _, _, _, num_joints, num_persons = golden['query'].shape
    sequence = dict(type='BiGRU', hidden_channels=config['hidden'], num_layers=config['layers'], input_norm=False)
    graph = dict(type='AGCN', base_channels=config['base_channels'])
    model = MODELS.build(
        dict(
            type='ISC',
            neck=dict(type='ProjectionNeck'),
            streams=dict(seq=dict(modality='joint', backbone=sequence), graph=dict(modality='joint', backbone=graph)),
            layout=layout_of(num_joints),
            num_persons=num_persons,
            queue_size=weights['Queue_S1'].shape[1],
            feat_dim=weights['Queue_S1'].shape[0],
            temperature=config['T'],
        )
    )
    for stream, queue in QUEUES.items():
        model.bank[stream].copy_(weights[f'Queue_{queue}'].T)
    model.bank.pointer.fill_(int(weights['queue_ptr_S1']))
    return model.double().train()


def renamed(weights, role, layout):
    encoder = part(weights, f'{role}.')
    return rename_gru(encoder) if ROLES[role][1] == 'seq' else rename_agcn(encoder, layout)


def summable(name, norm):
    """A gradient norm as a tensor of which three make one, where our convolution is the program's three."""
    if re.search(r'conv_d\.\d\.bias', name):
        return torch.tensor([norm / 3])  # the three are added up and have the same gradient
    return torch.tensor([[norm]]) if re.search(r'conv_[abd]\.\d\.weight', name) else torch.tensor([norm])


def assert_losses(losses, golden):
    assert set(losses) == {'loss_seq', 'loss_graph'}
    for name, loss in losses.items():
        assert loss.item() == pytest.approx(golden['losses'][name], rel=1e-5)


def test_losses_of_recorded_embeddings(golden):
    model = model_of(golden)
    query, key = (
        {stream: golden['embeddings'][f'{stream}_{role}'].double() for stream in QUEUES} for role in ('query', 'key')
    )
    model.keys = key
    assert_losses(model.objective(model.entities(query)), golden)


@pytest.mark.shared
def test_step_is_that_of_the_official_program(whole):
    model = model_of(whole)
    for role, (ours, stream) in ROLES.items():
        getattr(model, ours)[stream].load_state_dict(renamed(whole['official_state_dict'], role, model.layout))
    views = [view(whole[name]) for name in ('query', 'key')]
    for stream, feature in copy.deepcopy(model).eval()(views[0]).items():
        assert_close(feature, whole['features_eval'][stream])
    losses = model.loss(views)
    assert_losses(losses, whole)
    for stream in QUEUES:
        assert_close(model.keys[stream], whole['embeddings'][f'{stream}_key'])
    sum(losses.values()).backward()
    norms = {name: summable(name, norm) for name, norm in whole['grad_norms'].items()}
    for role in ('encoder_q', 'encoder_r'):
        ours = {name: value.norm() for name, value in renamed(norms, role, model.layout).items()}
        ours = {name: norm for name, norm in ours.items() if not name.endswith('adjacency')}
        compare_gradients(model.encoder[ROLES[role][1]], ours)
    model.after_update([model.to_enqueue()])
    for stream, queue in QUEUES.items():
        assert_close(model.bank[stream], whole['queue_after'][f'Queue_{queue}'].T)
    assert int(model.bank.pointer) == whole['queue_ptr_after']


def test_one_stream_is_skeletonclr(make_model, views):
    plain, ours = make_model('SkeletonCLR'), make_model('ISC')
    ours.load_state_dict(plain.state_dict())
    losses = [model(views, mode='loss') for model in (plain, ours)]
    assert list(losses[0]) == list(losses[1]) == ['loss_joint']
    assert torch.equal(losses[0]['loss_joint'], losses[1]['loss_joint'])


def test_each_query_is_compared_with_the_other_key_and_bank_alone(make_model, views):
    model = make_model('ISC', streams=STREAMS)
    before = {name: loss.item() for name, loss in model(views, mode='loss').items()}
    model.bank['seq'].copy_(model.bank['seq'].roll(1, 1))
    after = model(views, mode='loss')
    assert after['loss_seq'].item() == before['loss_seq'] and after['loss_graph'].item() != before['loss_graph']
    for name, other in dict(seq='graph', graph='seq').items():
        reached = torch.autograd.grad(
            after[f'loss_{name}'], list(model.encoder[other].parameters()), allow_unused=True, retain_graph=True
        )
        assert all(gradient is None for gradient in reached)


def test_features_are_named_by_stream(make_model, views):
    features = make_model('ISC', streams=STREAMS)(views[0])
    assert {name: feature.shape[1] for name, feature in features.items()} == dict(seq=16, graph=16)


def test_widths_that_differ_are_refused(make_model):
    wide = dict(STREAMS['graph'], neck=dict(type='ProjectionNeck', out_channels=5))
    with pytest.raises(ConfigError, match=r"widths differ: \{'seq': 4, 'graph': 5\}. Leave out_channels"):
        make_model('ISC', streams=dict(STREAMS, graph=wide))


def test_input_is_not_normalized_where_the_program_does_not():
    backbone = MODELS.build(dict(type='BiGRU', hidden_channels=4, input_norm=False))
    assert not list(backbone.input_norm.parameters()) and backbone(torch.randn(1, 2, 5, 25, 3)).shape == (1, 8)
    with pytest.raises(ConfigError, match='BiGRU expects 150 input features'):
        backbone(torch.randn(1, 1, 5, 25, 3))


def test_layouts_of_recordings_are_known():
    assert get_layout(layout_of(25)).name == 'ntu25' and get_layout(layout_of(21)).num_joints == 21
