import torch
import torch.nn.functional as F

from mmskelssl.models.losses import nearest_neighbours, neighbour_nce


def test_nearest_neighbours_pass_over_the_clip_itself():
    past = F.normalize(torch.tensor([[1.0, 0], [1, 0.2], [0, 1], [-1, 0]]), dim=1)
    z = torch.tensor([[1.0, 0], [0, 1]])
    is_own = torch.tensor([[True, False, False, False], [False, False, False, True]])
    assert nearest_neighbours(z, past, is_own, 2).tolist() == [[1, 2], [2, 1]]
    assert nearest_neighbours(z, past, torch.zeros_like(is_own)).tolist() == [[0], [2]]


def test_loss_by_hand():
    predicted, neighbour = torch.randn(3, 4, dtype=torch.float64), torch.randn(3, 4, dtype=torch.float64)
    total = 0
    for i in range(3):
        exponentials = [((neighbour[i] @ predicted[j]) / 0.3).exp() for j in range(3)]
        total -= (exponentials[i] / sum(exponentials)).log()
    torch.testing.assert_close(neighbour_nce(predicted, neighbour, 0.3), total / 3)


def test_half_precision_is_exact_inside():
    predicted, neighbour = F.normalize(torch.randn(2, 8, 16), dim=2).bfloat16()
    exact = neighbour_nce(predicted.float(), neighbour.float(), 0.05)
    with torch.autocast('cpu', torch.bfloat16):
        assert torch.equal(neighbour_nce(predicted, neighbour, 0.05), exact)
