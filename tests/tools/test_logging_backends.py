"""Runs of tools/train.py that log to TensorBoard, W&B and MLflow, without a network."""

import pytest
from workshop import make_workshop, run

BACKENDS = dict(
    tensorboard="type='TensorboardVisBackend'",
    wandb="type='WandbVisBackend', init_kwargs=dict(project='skeletons', mode='offline')",
    mlflow="type='MLflowVisBackend', exp_name='skeletons', tracking_uri='sqlite:///mlflow.db'",
)
LOGGED = {'loss', 'loss_joint', 'knn/joint_top1'}

CONFIG = """
_base_ = 'pretrain.py'
visualizer = dict(vis_backends=[dict(type='LocalVisBackend'), dict({})])
"""


@pytest.fixture(scope='module')
def workshop(tmp_path_factory):
    configs = {f'to_{name}': CONFIG.format(backend) for name, backend in BACKENDS.items()}
    return make_workshop(tmp_path_factory.mktemp('workshop'), **configs)


def train(workshop, name):
    """Runs the config that logs there; gives the folder of its log."""
    run('train.py', workshop, f'to_{name}.py')
    (folder,) = (workshop / 'work_dirs' / f'to_{name}').glob('*/vis_data')
    return folder


@pytest.mark.slow
def test_tensorboard_has_the_curves(workshop):
    accumulator = pytest.importorskip('tensorboard.backend.event_processing.event_accumulator')
    events = accumulator.EventAccumulator(str(train(workshop, 'tensorboard'))).Reload()
    assert set(events.Tags()['scalars']) >= LOGGED
    assert len(events.Scalars('knn/joint_top1')) == 2


@pytest.mark.slow
def test_wandb_has_the_curves_without_a_network(workshop):
    pytest.importorskip('wandb')
    (record,) = train(workshop, 'wandb').glob('wandb/offline-run-*/run-*.wandb')
    assert all(name.encode() in record.read_bytes() for name in LOGGED)


@pytest.mark.slow
def test_mlflow_has_the_curves_in_a_folder(workshop):
    mlflow = pytest.importorskip('mlflow')
    train(workshop, 'mlflow')
    client = mlflow.MlflowClient(f'sqlite:///{workshop}/mlflow.db')
    (found,) = client.search_runs([client.get_experiment_by_name('skeletons').experiment_id])
    assert set(found.data.metrics) >= LOGGED
    assert found.data.params['model.queue_size'] == '40'


@pytest.mark.parametrize('option', [[], ['--check']])
def test_a_library_that_is_missing_ends_a_run_in_one_line(workshop, option):
    (workshop / 'absent.py').write_text(CONFIG.format("type='NeptuneVisBackend'"))
    printed = run('train.py', workshop, 'absent.py', *option, status=1)
    assert printed.strip().endswith('visualizer.vis_backends.1: NeptuneVisBackend needs neptune: pip install neptune')
    assert 'Traceback' not in printed
