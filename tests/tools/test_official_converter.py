"""The real tools/model_converters/official.py, and, with the shared recordings, parity with the official programs."""

import argparse
import pickle

import pytest
import torch
from golden import DATA, assert_gradients, assert_losses, settings, to_view
from mmengine.config import Config
from official_programs import MODALITIES, Program

from mmskelssl.apis import init_model
from mmskelssl.registry import MODELS


@pytest.fixture
def run(run_tool):
    return lambda *args: run_tool('model_converters/official.py', *args)


@pytest.fixture
def mistake(run, tmp_path):
    """Converts an object that is no good checkpoint and gives what the tool says."""

    def convert(method, checkpoint, *options):
        if not (tmp_path / 'src.pt').exists():
            torch.save(checkpoint, tmp_path / 'src.pt')
        status, _, error = run(method, tmp_path / 'src.pt', tmp_path / 'out.pth', *options)
        assert status == 1 and not (tmp_path / 'out.pth').exists()
        assert error.startswith('error: ') and 'Traceback' not in error
        return error

    return convert


def model_of(path):
    """The model that a converted checkpoint describes, with its weights, and the checkpoint."""
    checkpoint = torch.load(path, weights_only=True)
    model = MODELS.build(Config.fromstring(checkpoint['meta']['cfg'], '.py').model)
    model.load_state_dict(checkpoint['state_dict'])
    return model, checkpoint


@pytest.mark.parametrize('bare', [False, True])
@pytest.mark.parametrize('method', ['cmd', 'crossclr', 'mmcv_mutual'])
def test_converted_checkpoint_describes_its_model(run, tmp_path, method, bare):
    weights = Program(method).checkpoint()
    torch.save(weights if bare else dict(epoch=451, arch='x', state_dict=weights), tmp_path / 'src.pt')
    status, output, error = run(method, tmp_path / 'src.pt', tmp_path / 'out.pth')
    assert (status, error) == (0, '') and str(tmp_path / 'out.pth') in output and "'queue_size': 16" in output
    model, checkpoint = model_of(tmp_path / 'out.pth')
    assert list(model.streams) == list(MODALITIES) and model.bank.size == 16 and int(model.bank.pointer) == 5
    assert checkpoint['meta']['source'] == str(tmp_path / 'src.pt')
    # It is an ordinary checkpoint: what notebooks and tools use reads it, and training goes on from it.
    config = tmp_path / 'config.py'
    config.write_text(checkpoint['meta']['cfg'])
    init_model(str(config), tmp_path / 'out.pth', 'cpu')
    losses = model.train()([torch.randn(4, 2, 8, 25, 3) for _ in range(model.num_views)], mode='loss')
    assert all(loss.isfinite() for loss in losses.values())
    model.after_update([model.to_enqueue()])
    assert int(model.bank.pointer) == 9


def test_recipe_is_overridden(run, tmp_path):
    torch.save(Program('cmd').checkpoint(), tmp_path / 'src.pt')
    options = '--cfg-options', 'num_neighbors=3', 'model.teacher_temperature=0.01', 'backbone.pool=mean'
    status, *_ = run('cmd', tmp_path / 'src.pt', tmp_path / 'out.pth', *options)
    model, _ = model_of(tmp_path / 'out.pth')
    assert status == 0
    assert (model.num_neighbors, model.teacher_temperature) == (3, 0.01)
    assert model.encoder['bone'].backbone.pool == 'mean'


def test_shared_heads_are_reported(run, tmp_path):
    torch.save(Program('crossclr', share_heads=True).checkpoint(), tmp_path / 'src.pt')
    status, output, _ = run('crossclr', tmp_path / 'src.pt', tmp_path / 'out.pth')
    assert status == 0 and "The heads of ['motion', 'bone'] wrap the joint head" in output
    model, _ = model_of(tmp_path / 'out.pth')
    assert [len(model.encoder[a].neck) for a in MODALITIES] == [3, 5, 5]


class Code:
    """Runs when it is unpickled."""

    ran = False

    def __reduce__(self):
        return setattr, (Code, 'ran', True)


def test_code_is_refused(mistake):
    says = mistake('cmd', dict(state_dict=Program('cmd').checkpoint(), args=Code()))
    assert 'could execute code; it is refused' in says
    assert not Code.ran
    # The danger is real.
    pickle.loads(pickle.dumps(Code()))
    assert Code.ran
    Code.ran = False


def test_wrong_method_is_refused(mistake):
    assert 'This is a checkpoint of mmcv_mutual, not of cmd: convert it as mmcv_mutual.' in mistake(
        'cmd', Program('mmcv_mutual').checkpoint()
    )


def test_missing_and_extra_keys_are_refused(mistake, tmp_path):
    weights = Program('cmd').checkpoint()
    gone = weights.pop('encoder_k.fc.2.bias')
    assert 'it lacks encoder_k.joint.neck.2.bias' in mistake('cmd', weights)
    (tmp_path / 'src.pt').unlink()
    weights |= {'encoder_k.fc.2.bias': gone, 'encoder_k.extra': gone}
    assert 'Unknown key extra in an encoder of the official checkpoint' in mistake('cmd', weights)


def test_other_layout_is_refused(mistake):
    assert 'it is of another skeleton layout' in mistake('cmd', Program('cmd', width=120).checkpoint())


def test_checkpoint_after_pretraining_is_refused(mistake):
    weights = {key: value for key, value in Program('cmd').checkpoint().items() if not key.startswith('queue')}
    assert 'has no queues: it is not a pre-training checkpoint' in mistake('cmd', weights)


def test_files_that_are_none_are_refused(mistake, tmp_path):
    (tmp_path / 'src.pt').write_bytes(b'not a checkpoint')
    assert f'Checkpoint {tmp_path}/src.pt ' in mistake('cmd', None)
    torch.save([1, 2], tmp_path / 'src.pt')
    assert 'holds a list, not a checkpoint' in mistake('cmd', None)


def test_missing_file_is_refused(run, tmp_path):
    status, _, error = run('cmd', tmp_path / 'none.pt', tmp_path / 'out.pth')
    assert status == 1 and error == f'error: Checkpoint not found: {tmp_path}/none.pt. Check the path.\n'


def test_options_that_do_not_fit_are_refused(mistake):
    weights = Program('cmd').checkpoint()
    assert 'num_neighbors=17 neighbours of queue_size=16' in mistake(
        'cmd', weights, '--cfg-options', 'num_neighbors=17'
    )
    assert "'neighbors'" in mistake('cmd', weights, '--cfg-options', 'neighbors=3')
    assert 'bank.field_joint has shape (16, 6) instead of (8, 6)' in mistake(
        'cmd', weights, '--cfg-options', 'queue_size=8', 'num_neighbors=8'
    )


# Parity with the recordings.

VIEWS = dict(cmd=['query', 'key'], crossclr=['query', 'key'], mmcv_mutual=['query', 'key', 'second_key'])
ENCODERS = dict(joint='encoder_q.', motion='encoder_q_motion.', bone='encoder_q_bone.')


@pytest.fixture
def convert(shared, run, tmp_path):
    """Converts what was recorded of a method; gives the recording, its model in float64, and its views."""

    def convert(method, **options):
        golden = torch.load(shared / 'golden' / f'{method}.pt', weights_only=True)
        torch.save(dict(state_dict=golden['official_state_dict']), tmp_path / 'official.pt')
        options = [f'{key}={value}' for key, value in (settings(golden['config']) | options).items()]
        status, _, error = run(method, tmp_path / 'official.pt', tmp_path / 'converted.pth', '--cfg-options', *options)
        assert status == 0, error
        model, _ = model_of(tmp_path / 'converted.pth')
        return golden, model.double().train(), [to_view(golden[name]).double() for name in VIEWS[method]]

    return convert


def assert_step(method, model, views, recorded):
    losses = model(views, mode='loss')
    assert_losses(losses, recorded['losses'])
    sum(losses.values()).backward()
    for modality, prefix in ENCODERS.items():
        norms = {key: norm for key, norm in recorded['grad_norms'].items() if key.startswith(prefix)}
        assert_gradients(method, model.encoder[modality], norms)


def assert_features(model, view, recorded):
    for modality, feature in model.eval()(view, mode='tensor').items():
        torch.testing.assert_close(feature.float(), recorded[modality], atol=1e-5, rtol=1e-5)


@pytest.mark.shared
@pytest.mark.parametrize('precision', [torch.float64, torch.float32])
def test_cmd_is_the_official_program(convert, precision):
    golden, model, views = convert('cmd')
    model.to(precision)
    views = [view.to(precision) for view in views]
    assert_step('cmd', model, views, golden)
    model.after_update([model.to_enqueue()])
    torch.testing.assert_close(model.bank['joint'].T.float(), golden['queue_after'], atol=1e-6, rtol=1e-5)
    assert int(model.bank.pointer) == golden['queue_ptr_after']
    assert_features(model, views[0], golden['features_eval'])  # recorded after the step


@pytest.mark.shared
@pytest.mark.parametrize('topk', [None, 1, 3], ids=['stage 1', 'stage 2, k = 1', 'stage 2, k = 3'])
def test_crossclr_is_the_official_program(convert, topk):
    golden, model, views = convert('crossclr', topk=topk or 1, **{'backbone.dropout': 0.0})
    assert_features(model, views[0], golden['features_eval'])  # recorded before the step
    model.train().epoch = model.cross_epoch - (topk is None)
    assert_step('crossclr', model, views, golden['stage2'][topk] if topk else golden['stage1'])


@pytest.mark.shared
@pytest.mark.parametrize('precision', [torch.float64, torch.float32])
def test_mmcv_is_the_official_program(convert, precision):
    golden, model, views = convert('mmcv_mutual')
    assert_step('mmcv_mutual', model.to(precision), [view.to(precision) for view in views], golden)


@pytest.mark.parametrize(('method', 'name'), [('mamp', 'model'), ('stars', None), ('skeleton2vec', 'sd')])
def test_masked_methods_as_their_programs_save_them(run, tmp_path, method, name):
    """Beside the weights there are arguments of the training, and Skeleton2vec's `model` is not the weights."""
    golden = torch.load(DATA / f'golden_{method}.pt', weights_only=True)
    arguments = argparse.Namespace(lr=1e-3, resume='', betas=(0.9, 0.95))
    saved = golden['official_state_dict']
    if name:
        saved = dict({'model': dict(type='spec')} if name == 'sd' else {}, **{name: saved}, args=arguments, epoch=399)
    torch.save(saved, tmp_path / 'src.pt')
    heads = [f'backbone.num_heads={golden["config"]["num_heads"]}']
    heads += [f'decoder.num_heads={golden["config"]["num_heads"]}'] * (method != 'stars')
    status, output, error = run(method, tmp_path / 'src.pt', tmp_path / 'out.pth', '--cfg-options', *heads)
    assert (status, error) == (0, '') and 'Heads are not in the checkpoint' in output
    model, checkpoint = model_of(tmp_path / 'out.pth')
    assert type(model).__name__.lower() == method and checkpoint['meta']['source'] == str(tmp_path / 'src.pt')


def test_weights_that_are_not_finite_are_refused_wherever_they_are(mistake):
    weights = dict(torch.load(DATA / 'golden_mamp.pt', weights_only=True)['official_state_dict'])
    weights['norm.bias'] = weights['norm.bias'] * torch.nan
    assert 'weights that are not finite: norm.bias' in mistake('mamp', dict(model=weights))
