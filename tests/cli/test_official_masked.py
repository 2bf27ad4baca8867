"""Checkpoints of MAMP, STARS and Skeleton2vec: every number is kept, and the features are the official ones."""

import pytest
import torch
from golden import to_view
from golden_masked import load, recordings

from mmskelssl.cli.official_weights import build_converted, convert_official
from mmskelssl.utils import CheckpointError

METHODS = ('mamp', 'stars', 'skeleton2vec')
EVERY = [(method, *path.values, path.marks) for method in METHODS for path in recordings(method)]
RECORDED = [
    pytest.param(method, path, id=f'{method}-{path.stem}', marks=[] if 'golden_' in path.name else pytest.mark.shared)
    for method, path, _ in EVERY
]


def converted(method, golden, weights=None):
    """The model, with the heads of the recording and not of the paper."""
    ours, model, remarks = convert_official(method, weights or golden['official_state_dict'])
    for part in ('backbone', 'decoder'):
        if part in model:
            model[part]['num_heads'] = golden['config']['num_heads']
    assert any('Heads are not in the checkpoint: 8' in remark for remark in remarks)
    return build_converted(ours, model, 'checkpoint').eval(), ours


@pytest.mark.parametrize(('method', 'path'), RECORDED)
def test_features_are_the_official_ones(method, path):
    golden = load(path)
    model, _ = converted(method, golden)
    view = dict(stars=lambda x: to_view(x[0]), skeleton2vec=lambda x: x).get(method, to_view)(golden['inputs'])
    model = model.requires_grad_(False)
    torch.testing.assert_close(model(view)['joint'], golden['features_eval']['mean'], atol=1e-5, rtol=1e-5)


@pytest.mark.parametrize('method', METHODS)
def test_every_number_is_kept(method):
    golden = load(recordings(method)[0].values[0])
    model, ours = converted(method, golden, {f'module.{k}': v for k, v in golden['official_state_dict'].items()})
    unused = 'encoder_embedding.mask_token_emb'
    official = {key: value for key, value in golden['official_state_dict'].items() if not key.endswith(unused)}
    numbers = [torch.cat([w.double().flatten() for w in part.values()]).sort().values for part in (official, ours)]
    assert torch.equal(*numbers)
    assert type(model).__name__.lower() == method


@pytest.mark.parametrize('method', METHODS)
@pytest.mark.parametrize('other', [*METHODS, 'cmd', 'umurl'])
def test_checkpoint_of_another_method_is_refused(method, other):
    if method == other:
        return
    weights = load(recordings(method)[0].values[0])['official_state_dict']
    with pytest.raises(CheckpointError, match=f'checkpoint of {method}, not of {other}: convert it as {method}'):
        convert_official(other, weights)


@pytest.mark.parametrize('method', METHODS)
def test_incomplete_and_unknown_keys_are_named(method):
    golden = load(recordings(method)[0].values[0])
    weights = golden['official_state_dict']
    with pytest.raises(CheckpointError, match='Unknown key hands'):
        convert_official(method, weights | {'hands': torch.zeros(1)})
    bias = next(key for key in weights if 'proj.bias' in key)
    with pytest.raises(CheckpointError, match='it lacks encoder.joint.backbone'):
        converted(method, golden, {key: value for key, value in weights.items() if key != bias})
    first = next(key for key in weights if key.endswith(('blocks.0.mlp.fc2.weight', 'layers.0.mlp.fc2.weight')))
    with pytest.raises(CheckpointError, match='The checkpoint is incomplete: it lacks'):
        convert_official(method, {key: value for key, value in weights.items() if key != first})


def test_another_skeleton_is_refused():
    weights = load(recordings('mamp')[0].values[0])['official_state_dict']
    narrow = {key: value[:, :, :17] if key.endswith('pos_embed') else value for key, value in weights.items()}
    with pytest.raises(CheckpointError, match='has 17 joints; known are'):
        convert_official('mamp', narrow)


SLIM = recordings('slim')


def teacher_of(golden):
    prefix = 'teacher.'
    weights = golden['official_state_dict']
    return {key.removeprefix(prefix): value for key, value in weights.items() if key.startswith(prefix)}


@pytest.mark.parametrize('path', SLIM)
def test_tokens_of_slims_teacher_are_the_official_ones(path):
    golden = load(path)
    model, _ = converted('slim', golden, teacher_of(golden))
    last = golden['features_eval'][-1]
    for encoders in (model.encoder, model.encoder_k):
        backbone = encoders['joint'].backbone
        tokens = backbone.encode(backbone.embed(to_view(golden['two_persons']).flatten(0, 1)))
        torch.testing.assert_close(tokens[:, 0], last['class_token'], atol=1e-5, rtol=1e-5)
        torch.testing.assert_close(tokens[:, 1:], last['patch_tokens'], atol=1e-5, rtol=1e-5)


def test_slim_is_told_from_others_and_has_to_be_whole():
    golden = load(SLIM[0].values[0])
    weights = teacher_of(golden)
    with pytest.raises(CheckpointError, match='checkpoint of slim, not of mamp: convert it as slim'):
        convert_official('mamp', weights)
    with pytest.raises(CheckpointError, match='Unknown key hands'):
        convert_official('slim', weights | {'hands': torch.zeros(1)})
    without = {key: value for key, value in weights.items() if key != 'backbone.norm.bias'}
    with pytest.raises(CheckpointError, match='it lacks encoder.joint.backbone.norm.bias'):
        converted('slim', golden, without)
