import numpy as np
import pytest

from mmskelssl.visualization import plot_histograms


@pytest.mark.parametrize('lengths', [[5], [1, 1, 7], range(1, 400), [3, 10_000]])
def test_every_clip_is_in_one_bar(lengths):
    labels = np.arange(len(lengths)) % 3
    figure = plot_histograms(lengths, labels, ['wave', 'sit', 'jump', 'none'], 'title')
    left, right = figure.axes
    bars = left.containers[0]
    assert sum(bar.get_height() for bar in bars) == len(lengths) and len(bars) <= 61
    for bar in bars:
        inside = [bar.get_x() < n < bar.get_x() + bar.get_width() for n in lengths]
        assert bar.get_height() == sum(inside)
    assert [bar.get_width() for bar in right.containers[0]] == [*np.bincount(labels, minlength=4)]
    assert [text.get_text() for text in right.get_yticklabels()] == ['wave', 'sit', 'jump', 'none']
    assert 'of 0 to' in right.get_title()


def test_names_of_many_classes_are_left_out():
    figure = plot_histograms([1, 2], [0, 119], [f'class {i}' for i in range(120)], 'title')
    assert not any(text.get_text().startswith('class') for text in figure.axes[1].get_yticklabels())
