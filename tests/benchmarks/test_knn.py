import re

import pytest


@pytest.mark.parametrize('k', [1, 5])
def test_predictions_are_those_of_scikit_learn(benchmark, k):
    status, out, _ = benchmark('knn', *f'--gallery 300 --queries 50 --width 32 --k {k}'.split())
    assert status == 0 and f'300 x 50 features of 32, k = {k}, 2 threads' in out
    assert len(re.findall(r'^scikit-learn.* 0$', out, re.MULTILINE)) == 2
