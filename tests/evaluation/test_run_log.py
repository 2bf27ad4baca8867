import json

from mmskelssl.evaluation.run_log import pretraining_curves, read_run, resumed


def training(iteration: int, epoch: int, loss: float) -> dict:
    return dict(loss=loss, iter=iteration, step=iteration, epoch=epoch)


def validation(epoch: int, top1: float) -> dict:
    return {'knn/joint_top1': top1, 'step': epoch}


def test_what_a_resumed_run_did_again_counts_once():
    before = [
        training(10, 1, 5.0),
        validation(1, 30.0),
        training(20, 2, 4.0),
        validation(2, 40.0),
        training(30, 3, 3.0),
    ]
    again = [training(20, 2, 4.5), validation(2, 45.0), training(30, 3, 3.5)]
    assert resumed(before, again) == [*before[:2], *again]


def test_a_run_from_the_beginning_counts_alone():
    before = [training(10, 1, 5.0), validation(1, 30.0)]
    assert resumed(before, [training(10, 1, 6.0)]) == [training(10, 1, 6.0)]


def test_runs_by_iteration():
    before = [
        dict(loss=1.0, iter=10, step=10),
        validation(10, 30.0),
        dict(loss=1.0, iter=20, step=20),
        validation(20, 31.0),
    ]
    again = [dict(loss=2.0, iter=20, step=20)]
    assert resumed(before, again) == [*before[:2], *again]


def test_parts_of_a_work_directory_are_joined(tmp_path):
    for name, row in (('20260101_000000', training(10, 1, 5.0)), ('20260102_000000', training(20, 2, 4.0))):
        (tmp_path / name / 'vis_data').mkdir(parents=True)
        (tmp_path / name / 'vis_data' / 'scalars.json').write_text(json.dumps(row) + '\n')
    assert read_run(tmp_path) == [training(10, 1, 5.0), training(20, 2, 4.0)]
    assert read_run(tmp_path / '20260102_000000' / 'vis_data' / 'scalars.json') == [training(20, 2, 4.0)]


def test_curves_are_by_epoch_those_of_monitors_too(tmp_path):
    def monitor(iteration, value):
        return {'monitor/joint_rank': value, 'iter': iteration, 'step': iteration}

    rows = [
        *(training(5, 1, 5.0), monitor(5, 1.0), training(10, 1, 3.0), monitor(10, 3.0), validation(1, 30.0)),
        *(monitor(15, 5.0), training(20, 2, 2.0), monitor(20, 7.0), validation(2, 40.0)),
    ]
    (tmp_path / 'scalars.json').write_text('\n'.join(map(json.dumps, rows)))
    assert pretraining_curves(str(tmp_path / 'epoch_2.pth')) == {
        'loss': [[1, 4.0], [2, 2.0]],
        'monitor/joint_rank': [[1, 2.0], [2, 6.0]],
        'knn/joint_top1': [[1, 30.0], [2, 40.0]],
    }
