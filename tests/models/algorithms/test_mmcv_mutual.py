from itertools import permutations

import pytest
import torch
import torch.nn.functional as F
from golden import assert_gradients, assert_losses, load_slice, to_view

MODALITIES = ['joint', 'motion', 'bone']


@pytest.fixture
def make(make_model):
    return lambda **options: make_model('MMCVMutual', **dict(num_neighbors=8) | options)


@pytest.fixture
def views(views):
    """Three views."""
    return [*views, views[0] + 0.1 * torch.randn_like(views[0])]


def test_slice_of_the_official_program():
    golden, model = load_slice('mmcv_mutual')
    view = to_view(golden['query']).double()
    losses = model.loss([view] * 3)
    assert_losses(losses, golden['losses'])
    sum(losses.values()).backward()
    assert_gradients('mmcv_mutual', model.encoder['joint'], golden['grad_norms'])


@pytest.mark.parametrize('modalities', [MODALITIES, ['joint', 'bone']])
def test_losses_written_out(make, views, modalities):
    """Facts, section 6: two groups of contrast, each a mean; divergence within and across modalities, a sum."""
    model = make(modalities=modalities, contrast_weight=0.5, distill_weight=0.3, temperature=0.1).eval()
    for encoder in (model.encoder_k, model.encoder_p):
        for parameter in encoder.parameters():
            parameter.add_(0.1 * torch.randn_like(parameter))
    losses = model(views, mode='loss')
    assert list(losses) == ['loss_contrast', 'loss_distill']

    query = model.encode(model.encoder, views[0])
    key = model.encode(model.encoder_k, views[1])
    second = model.encode(model.encoder_p, views[2])
    bank = {a: model.bank[a] for a in modalities}
    second_bank = {a: model.bank[f'{a}_p'] for a in modalities}
    for a in modalities:
        assert torch.equal(model.keys[a], key[a]) and torch.equal(model.keys[f'{a}_p'], second[a])

    def contrast(positive, *negatives):
        logits = torch.cat([positive.sum(1, keepdim=True), *negatives], 1) / 0.1
        return F.cross_entropy(logits, torch.zeros(6, dtype=torch.long))

    intra, inter = [], []
    for a in modalities:
        both = query[a] @ second_bank[a].T, query[a] @ bank[a].T
        intra += [contrast(query[a] * second[a], *both), contrast(query[a] * key[a], *both)]
    for a, b in permutations(modalities, 2):
        inter.append(contrast(query[a] * key[a], query[a] @ bank[a].T, query[b] @ bank[b].T))
    expected = 0.5 * (sum(intra) / len(intra) + sum(inter) / len(inter))
    torch.testing.assert_close(losses['loss_contrast'], expected)

    def divergence(z, past, student, student_past):
        values, slots = (z @ past.T).topk(8)
        log_student = ((student @ student_past.T).gather(1, slots) / 0.1).log_softmax(1)
        return F.kl_div(log_student, (values / 0.05).softmax(1), reduction='batchmean')

    terms = []
    for a in modalities:
        terms.append(divergence(key[a], bank[a], query[a], second_bank[a]))
        terms.append(divergence(second[a], second_bank[a], query[a], bank[a]))
    for a, b in permutations(modalities, 2):
        terms.append(divergence(key[a], bank[a], query[b], bank[b]))
        terms.append(divergence(second[a], second_bank[a], query[b], second_bank[b]))
    assert len(terms) == {3: 18, 2: 8}[len(modalities)]
    torch.testing.assert_close(losses['loss_distill'], 0.3 * sum(terms))


def test_each_momentum_encoder_sees_its_view(make, views):
    model = make().eval()
    model(views, mode='loss')
    keys = model.keys
    other = views[0].flip(0)
    for number, changed in ((1, MODALITIES), (2, [f'{a}_p' for a in MODALITIES])):
        model([other if i == number else view for i, view in enumerate(views)], mode='loss')
        assert [name for name, key in model.keys.items() if not torch.equal(key, keys[name])] == changed


def test_momentum_encoders_move_at_their_own_pace(make):
    model = make(momentum=0.8, second_momentum=0.5)
    for encoder in (model.encoder_k, model.encoder_p):
        for parameter in encoder.parameters():
            parameter.fill_(2)
    for parameter in model.encoder.parameters():
        torch.nn.init.ones_(parameter)
    for _ in range(3):
        model.before_update()
    for encoder, distance in ((model.encoder_k, 0.8**3), (model.encoder_p, 0.5**3)):
        for parameter in encoder.parameters():
            torch.testing.assert_close(parameter, torch.full_like(parameter, 1 + distance))


def test_one_modality_is_refused(make):
    with pytest.raises(ValueError, match='learns across modalities, but model.modalities has only joint'):
        make(modalities=['joint'])


def test_two_views_are_too_few(make, views):
    with pytest.raises(ValueError, match='MMCVMutual learns from 3 views, but got 2: set num_views of MultiView'):
        make()(views[:2], mode='loss')


@pytest.mark.parametrize('number', [0, 33])
def test_number_of_neighbours_must_fit_the_bank(make, number):
    with pytest.raises(ValueError, match=f'num_neighbors={number} neighbours of queue_size=32 keys'):
        make(num_neighbors=number)
