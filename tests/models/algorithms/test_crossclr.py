import pytest
import torch
from golden import assert_gradients, assert_losses, load_slice, to_view

from mmskelssl.models.losses import info_nce

MODALITIES = ['joint', 'motion', 'bone']


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('CrosSCLR', **dict(modalities=MODALITIES, cross_epoch=0) | options)


@pytest.mark.parametrize('topk', [None, 1, 3], ids=['stage 1', 'stage 2, k = 1', 'stage 2, k = 3'])
def test_slice_of_the_official_program(topk):
    golden, model = load_slice('crossclr', topk=topk or 1)
    for module in model.modules():
        if isinstance(module, torch.nn.Dropout):
            module.p = 0.0
    view = to_view(golden['query']).double()
    # Features were recorded before the step.
    feature = model.encoder['joint'].backbone.eval()(view).float()
    torch.testing.assert_close(feature, golden['features_eval']['joint'], atol=1e-5, rtol=1e-5)

    model.train().epoch = 150 if topk else 149
    recorded = golden['stage2'][topk] if topk else golden['stage1']
    losses = model.loss([view, view])
    assert_losses(losses, recorded['losses'])
    sum(losses.values()).backward()
    assert_gradients('crossclr', model.encoder['joint'], recorded['grad_norms'])


def mined(own, other, positive, topk, temperature, context):
    """What a modality learns from another one, clip by clip."""
    losses = []
    for clip in range(len(positive)):
        nearest = other[clip].topk(topk).indices
        parts = [own[clip]] + [own[clip] * other[clip]] * context
        logits = torch.cat([positive[clip : clip + 1], *parts]) / temperature
        chosen = torch.cat(
            [torch.zeros(1, dtype=torch.long), *(1 + nearest + i * len(own[0]) for i in range(len(parts)))]
        )
        losses.append(-logits.log_softmax(0)[chosen].mean())
    return torch.stack(losses).mean()


@pytest.mark.parametrize('modalities', [MODALITIES, ['motion', 'bone']])
@pytest.mark.parametrize(('topk', 'context'), [(1, True), (3, True), (3, False)])
def test_loss_of_a_modality_is_the_mean_over_its_partners(make, views, modalities, topk, context):
    model = make(modalities=modalities, topk=topk, context=context, temperature=0.1).eval()
    losses = model(views, mode='loss')
    assert list(losses) == [f'loss_{a}' for a in modalities]
    query = model.encode(model.encoder, views[0])
    similar = {a: query[a] @ model.bank[a].T for a in modalities}
    for a in modalities:
        positive = (query[a] * model.keys[a]).sum(1)
        partners = [mined(similar[a], similar[b], positive, topk, 0.1, context) for b in modalities if b != a]
        torch.testing.assert_close(losses[f'loss_{a}'], sum(partners) / len(partners))


def test_first_stage_is_plain_contrast(make, views):
    model = make(cross_epoch=2).eval()
    for model.epoch in (0, 1, 2):
        losses = model(views, mode='loss')
        query = model.encode(model.encoder, views[0])
        for a in MODALITIES:
            plain = info_nce((query[a] * model.keys[a]).sum(1), query[a] @ model.bank[a].T, 0.07)
            assert torch.isclose(losses[f'loss_{a}'], plain) == (model.epoch < 2)


def test_one_modality_is_refused(make):
    with pytest.raises(ValueError, match='learns across modalities, but model.modalities has only joint'):
        make(modalities=['joint'])


@pytest.mark.parametrize('number', [0, 33])
def test_number_of_neighbours_must_fit_the_bank(make, number):
    with pytest.raises(ValueError, match=f'topk={number} neighbours of queue_size=32 keys: it must lie between'):
        make(topk=number)
