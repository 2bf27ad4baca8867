import pytest
import torch

from mmskelssl.evaluation.functional import check_finite
from mmskelssl.utils.errors import NonFiniteError


@pytest.mark.parametrize('value', [torch.nan, torch.inf, -torch.inf])
def test_what_is_not_finite_is_refused_with_its_clip(value):
    good, bad = torch.zeros(3, 4), torch.zeros(3, 4)
    bad[1, 2] = value
    check_finite(dict(joint=good), [5, 6, 7])
    with pytest.raises(NonFiniteError, match='Features of motion are not finite for 1 of 3 clips, such as 6'):
        check_finite(dict(joint=good, motion=bad), [5, 6, 7])
    with pytest.raises(NonFiniteError, match='Scores are not finite for 1 of 3 clips, such as b'):
        check_finite(dict(scores=bad), [0, 1, 2], ['a', 'b', 'c'])
