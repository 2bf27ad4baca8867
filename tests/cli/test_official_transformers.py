"""Checkpoints of programs with encoders of tokens: what they are made to, and what is refused."""

import pytest
import torch
from golden import DATA, to_view
from official_programs import Program

from mmskelssl.cli.official_weights import build_converted, convert_official
from mmskelssl.models.backbones.dste import DropPath
from mmskelssl.utils import CheckpointError

METHODS = ['umurl', 'usdrl']


@pytest.fixture(params=METHODS)
def method(request):
    return request.param


def weights_of(method):
    return torch.load(DATA / f'golden_{method}.pt', weights_only=True)['official_state_dict']


def test_every_number_is_kept(method):
    official = weights_of(method)
    converted, model, remarks = convert_official(method, {f'module.{key}': value for key, value in official.items()})
    assert [remark for remark in remarks if 'does not say its modality' not in remark] == []
    assert model['type'].lower() == method
    # Positions are computed, and what two branches share is saved twice.
    official = {key: value for key, value in official.items() if not key.endswith('pe.pe') and 'DSA.attn' not in key}
    assert sorted(value.sum().item() for value in converted.values()) == sorted(
        value.sum().item() for value in official.values()
    )
    state = build_converted(converted, model, 'checkpoint').state_dict()
    assert all(torch.equal(value, state[key]) for key, value in converted.items())


@pytest.mark.parametrize('other', ['cmd', 'crossclr', *METHODS])
def test_checkpoint_of_another_method_is_refused(method, other):
    if other == method:
        return
    weights = weights_of(method)
    with pytest.raises(CheckpointError, match=f'checkpoint of {method}, not of {other}: convert it as {method}'):
        convert_official(other, weights)
    others = weights_of(other) if other in METHODS else Program(other, ['joint']).checkpoint()
    with pytest.raises(CheckpointError, match=f'checkpoint of {other}, not of {method}|not a checkpoint of {method}'):
        convert_official(method, others)


def test_missing_and_unknown_keys_are_named(method):
    weights = weights_of(method)
    key = next(key for key in weights if key.endswith('s_embedding.3.bias'))
    without = {name: value for name, value in weights.items() if name != key}
    converted, model, _ = convert_official(method, without)
    with pytest.raises(CheckpointError, match=r'it lacks encoder\..*embedding.*spatial.3.bias'):
        build_converted(converted, model, 'checkpoint')
    with pytest.raises(CheckpointError, match='Unknown key backbone.hands'):
        convert_official(method, weights | {'backbone.hands': torch.zeros(1)})


def test_sizes_that_are_read_have_to_be_there(method):
    weights = {key: value for key, value in weights_of(method).items() if 't_embedding.0.weight' not in key}
    with pytest.raises(CheckpointError, match='is incomplete: it lacks .*temporal.0.weight'):
        convert_official(method, weights)


def test_another_skeleton_is_refused(method):
    weights = weights_of(method)
    cut = {key: value[:, :60] if key.endswith('t_embedding.0.weight') else value for key, value in weights.items()}
    with pytest.raises(CheckpointError, match='takes 60 numbers a frame, which is not a number of persons'):
        convert_official(method, cut)


# Parity with the recordings.


def load(shared, method, precision):
    """A recording, its model in training mode, and its views."""
    golden = torch.load(shared / 'golden' / f'{method}.pt', weights_only=True)
    return golden, [to_view(view).to(precision) for view in golden['views']]


def model_of(method, recorded, precision):
    weights, config, _ = convert_official(method, recorded['official_state_dict'])
    config['backbone']['num_heads'] = recorded['config']['heads']
    return build_converted(weights, config, method).to(precision).train()


def assert_gradient_norms(method, model, recorded):
    """Official names become ours by way of weights that are the norms."""
    official = recorded['official_state_dict']
    norms = recorded['grad_norms']
    marked = {key: torch.full_like(value, norms.get(key, 0.0), dtype=torch.float64) for key, value in official.items()}
    expected = {name: value.flatten()[0].item() for name, value in convert_official(method, marked)[0].items()}
    for name, parameter in model.named_parameters():
        norm = parameter.grad.norm().item()
        # What vanishes (a bias in front of a batch normalization) is rounding noise on record.
        tolerance = 1e-5 if expected[name] > 1e-4 else 1e-4
        assert norm == pytest.approx(expected[name], rel=1e-4, abs=tolerance), name


@pytest.mark.shared
@pytest.mark.parametrize('precision', [torch.float64, torch.float32])
def test_umurl_is_the_official_program(shared, precision):
    golden, views = load(shared, 'umurl', precision)
    model = model_of('umurl', golden, precision)
    losses = model(views, mode='loss')
    weight = dict(loss_intra=5, loss_inter=5, loss_regularization=1)
    for name, value in losses.items():
        assert value.item() == pytest.approx(weight[name] * golden['losses'][name], rel=1e-5), name
    assert sum(losses.values()).item() == pytest.approx(golden['losses']['total'], rel=1e-5)
    embeddings = {name: z.float() for name, z in model.embeddings.items()}
    torch.testing.assert_close(embeddings, golden['embeddings'], atol=1e-5, rtol=1e-5)
    sum(losses.values()).backward()
    assert_gradient_norms('umurl', model, golden)
    features = {name: z.float() for name, z in model.eval()(views[0]).items()}
    expected = dict(fused=golden['features_eval'], **golden['features_eval_single'])
    torch.testing.assert_close(features, expected, atol=1e-5, rtol=1e-5)


@pytest.mark.shared
@pytest.mark.parametrize('precision', [torch.float64, torch.float32])
@pytest.mark.parametrize('encoder', ['dste', 'sttr'])
def test_usdrl_is_the_official_program(shared, encoder, precision):
    golden, views = load(shared, 'usdrl', precision)
    recorded = golden[encoder]
    model = model_of('usdrl', recorded, precision)
    for module in model.modules():
        if isinstance(module, DropPath):
            module.probability = 0.0
    losses = model(views, mode='loss')
    terms = dict(similarity=5, variance_covariance=1, cross_correlation=1e-3)
    expected = {
        f'loss_joint_{level}_{term}': (1 if level == 'instance' else 0.5)
        * weight
        * recorded['losses'][f'{term}_{level}']
        for level in recorded['embeddings']
        for term, weight in terms.items()
    }
    assert losses.keys() == expected.keys()
    for name, value in losses.items():
        assert value.item() == pytest.approx(expected[name], rel=1e-5), name
    assert sum(losses.values()).item() == pytest.approx(recorded['losses']['total'], rel=1e-5)
    for level, z in recorded['embeddings'].items():
        torch.testing.assert_close(model.embeddings[f'joint_{level}'].float(), z[0], atol=1e-5, rtol=1e-5)
    sum(losses.values()).backward()
    assert_gradient_norms('usdrl', model, recorded)
    feature = model.eval()(views[0])['joint'].float()
    torch.testing.assert_close(feature, recorded['features_eval'], atol=1e-5, rtol=1e-5)
    for form, tokens in model.encoder['joint'].backbone.tokens(views[0]).items():
        dense = recorded['dense_eval'][form]
        torch.testing.assert_close(tokens[: len(dense)].float(), dense, atol=1e-5, rtol=1e-5)


def test_modality_of_usdrl_can_be_said():
    """The checkpoint does not have it."""
    converted, config, (remark,) = convert_official('usdrl', weights_of('usdrl'))
    assert 'streams.joint.modality=bone' in remark
    model = build_converted(converted, config | dict(streams=dict(joint=dict(modality='bone'))), 'checkpoint')
    assert model.modality == dict(joint='bone')
