import copy

import pytest
import torch
import torch.nn.functional as F
from workshop import takes_views

from mmskelssl.models import ReDeLab
from mmskelssl.models.losses import barlow_twins
from mmskelssl.utils.errors import ConfigError

MLP = dict(type='ProjectionNeck', hidden_channels=16, batch_norm=True)


@pytest.fixture
def make(make_model):
    def build(**options) -> ReDeLab:
        tcn = dict(type='TCN', channels=(6, 6, 8), dropout=0.0)
        return make_model(
            'ReDeLab', **dict(backbone=tcn, neck=MLP, decoder=MLP, target_frames=4, queue_size=6) | options
        )

    return build


@pytest.fixture
def views():
    """Two views (6, 1, 12, 20, 3) and the whole clips (6, 1, 10, 20, 3)."""
    return [torch.randn(6, 1, frames, 20, 3) for frames in (12, 12, 10)]


def trained(model: ReDeLab, views: list, epoch: int) -> dict:
    """One step, as hooks surround it."""
    model.epoch = epoch
    model.before_update()
    losses = model(views, mode='loss')
    model.after_update([model.to_enqueue()])
    return losses


def test_the_whole_clips_movement_is_drawn_from_either_view(make, views):
    model = make(modalities=['fused'], weights=(2.0, 0.0, 1.0))
    losses = model(views, mode='loss')
    frames = model.split(views[2])['fused'][:, :, [0, 3, 6, 9]]
    whole = (frames - frames.mean(2, keepdim=True)).flatten(1)
    wanted = (whole - whole.mean(0)) / (whole.var(0, correction=0) + 0.05**2).sqrt()
    features = torch.cat([model.extract(view)['fused'] for view in views[:2]])
    drawn = model.decoder['fused'](features)
    assert drawn.shape == (12, 4 * 20 * 9)
    torch.testing.assert_close(losses['loss_fused_reconstruct'], 2 * F.smooth_l1_loss(drawn, wanted.repeat(2, 1)))


@pytest.mark.parametrize('modalities', [['joint'], ['motion', 'fused']])
def test_views_are_decorrelated_in_each_stream(make, views, modalities):
    model = make(modalities=modalities, weights=(1.0, 0.25, 1.0), redundancy_weight=0.1)
    losses = model(views, mode='loss')
    assert list(losses) == [f'loss_{name}_{term}' for name in modalities for term in ('reconstruct', 'decorrelate')]
    pairs = [model.embed(model.encoder, view) for view in views[:2]]
    for name in modalities:
        expected = 0.25 * barlow_twins(*(pair[name] for pair in pairs), 0.1)
        torch.testing.assert_close(losses[f'loss_{name}_decorrelate'], expected)
        assert torch.equal(model.embeddings[name], pairs[0][name])


def test_without_rounds_there_are_neither_labels_nor_keys(make, views):
    model = make()
    assert 'loss_joint_label' not in trained(model, views, 0) and model.to_enqueue() == {}
    assert model.labels['joint'].stage == 0


def test_a_round_copies_the_backbone_then_clusters_and_then_teaches(make, views):
    model = make(rounds=[1, 4], num_clusters=3, weights=(1.0, 0.0, 5.0))
    backbone, labels = model.encoder['joint'].backbone, model.labels['joint']
    stages = []
    for epoch in range(7):
        for parameter in backbone.parameters():
            parameter.data.add_(0.1 * torch.randn_like(parameter))
        before = copy.deepcopy(backbone.state_dict())
        losses = trained(model, views, epoch)
        stages.append(int(model.labels['joint'].stage))
        if epoch in (1, 4):
            assert all(torch.equal(value, before[name]) for name, value in labels.teacher.state_dict().items())
            assert losses['loss_joint_label'] == 0
        if epoch in (2, 5):
            centres = labels.clusters.centres.clone()
            features = torch.cat([model.extract(view)['joint'] for view in views[:2]])
            told = labels.loss(features, labels.taught(views[2]).repeat(2, 1))
            torch.testing.assert_close(losses['loss_joint_label'], 5 * told)
            assert losses['loss_joint_label'] > 0
        if epoch in (3, 6):
            assert torch.equal(labels.clusters.centres, centres)
    assert stages == [0, 1, 2, 2, 3, 4, 4]


def test_clusters_are_of_the_whole_clips_of_one_epoch(make, views):
    model = make(rounds=[0], num_clusters=6)
    trained(model, views, 0)
    kept = model.labels['joint'].taught(views[2])
    assert torch.equal(model.bank['joint'], kept)
    trained(model, views, 1)
    assert sorted(model.labels['joint'].clusters(kept).tolist()) == list(range(6))


def test_a_resumed_run_goes_on_with_its_labels(make, views):
    model = make(rounds=[0], num_clusters=3)
    for epoch in (0, 1):
        trained(model, views, epoch)
    other = make(rounds=[0], num_clusters=3)
    other.load_state_dict(model.state_dict())
    first, second = (trained(one, views, 1) for one in (model, other))
    assert first.keys() == second.keys() and all(torch.equal(loss, second[name]) for name, loss in first.items())


def test_gradients_reach_all_that_learns_and_not_the_copy(make, views):
    model = make(rounds=[0], num_clusters=3)
    for epoch in (0, 1):
        losses = trained(model, views, epoch)
    model.labels['joint'].classifier.weight.data.normal_()
    sum(model(views, mode='loss').values()).backward()
    assert losses
    for name, parameter in model.named_parameters():
        assert (parameter.grad is None) == ('.teacher.' in name), name


def test_a_bank_larger_than_the_set_is_remarked(make):
    (remark,) = make(rounds=[0], queue_size=7).remarks(range(6))
    assert 'model.queue_size=7 is more than the 6 training clips' in remark
    assert make(rounds=[0], queue_size=6).remarks(range(6)) == make(queue_size=7).remarks(range(6)) == []


def test_rounds_without_time_for_labels_are_refused(make):
    with pytest.raises(ConfigError, match=r'model.rounds=\[3, 4\]: a round takes at least two epochs'):
        make(rounds=[3, 4])


@pytest.mark.parametrize('layout', ['ntu25', 'hand22'])
def test_layouts_and_persons(layout):
    model = takes_views(
        ReDeLab(
            dict(type='TCN', channels=(4, 8)),
            MLP,
            modalities=['fused'],
            layout=layout,
            num_persons=2,
            decoder=MLP,
            rounds=[0],
            queue_size=6,
            num_clusters=3,
        )
    )
    views = [torch.randn(6, 2, 16, model.layout.num_joints, 3) for _ in range(3)]
    for epoch in (0, 1):
        assert all(loss.isfinite() for loss in trained(model, views, epoch).values())
