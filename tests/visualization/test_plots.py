import numpy as np
import pytest
from PIL import Image

from mmskelssl.visualization import plot_confusion, plot_curves, plot_embedding, save_figure
from mmskelssl.visualization.plots import class_colors


def test_curves_hold_the_values_under_their_names():
    figure = plot_curves({'a': ([1, 2, 3], [3, 2, 1]), 'b': ([1, 3], [0, np.nan])}, 'Title', 'loss', 'iteration')
    (axes,) = figure.axes
    assert [line.get_xydata().tolist() for line in axes.lines][0] == [[1, 3], [2, 2], [3, 1]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ['a', 'b']
    assert (axes.get_title(), axes.get_xlabel(), axes.get_ylabel()) == ('Title', 'iteration', 'loss')


def test_many_curves_can_be_told_apart():
    figure = plot_curves({str(i): ([0, 1], [i, i]) for i in range(25)}, '', '')
    assert len({(line.get_color(), line.get_linestyle()) for line in figure.axes[0].lines}) == 25


def test_confusion_is_in_percent_of_the_rows():
    figure = plot_confusion([[3, 1, 0], [0, 0, 0], [5, 5, 10]], ['x', 'y', 'z'])
    axes = figure.axes[0]
    image = axes.images[0].get_array()
    np.testing.assert_allclose(image[0], [75, 25, 0])
    np.testing.assert_allclose(image[2], [25, 25, 50])
    assert image.mask[1].all()
    assert sorted(text.get_text() for text in axes.texts) == ['25', '25', '25', '50', '75']
    assert axes.get_title() == '54.2 % of clips, 62.5 % mean of classes'


@pytest.mark.parametrize('number', [10, 30, 60, 120])
def test_class_names_of_a_confusion_do_not_touch(number):
    classes = [f'action {k} of many' for k in range(number)]
    figure = plot_confusion(np.eye(number), classes)
    figure.draw_without_rendering()
    axes = figure.axes[0]
    assert [label.get_text() for label in axes.get_yticklabels()] == classes
    boxes = [label.get_window_extent() for label in axes.get_yticklabels()]
    assert all(below.y1 <= above.y0 + 0.5 for above, below in zip(boxes, boxes[1:], strict=False))
    boxes = [label.get_window_extent() for label in axes.get_xticklabels()]
    assert all(left.x1 <= right.x0 + 0.5 for left, right in zip(boxes, boxes[1:], strict=False))
    assert min(box.y0 for box in boxes) >= 0
    assert max(figure.get_size_inches()) < 27


def test_embedding_draws_every_point_in_its_class():
    points = np.arange(10.0).reshape(5, 2)
    figure = plot_embedding(points, [2, 0, 2, 2, 0], ['x', 'y', 'z'], 'Title')
    first, second = figure.axes[0].collections
    np.testing.assert_array_equal(first.get_offsets(), points[[1, 4]])
    np.testing.assert_array_equal(second.get_offsets(), points[[0, 2, 3]])
    assert [text.get_text() for text in figure.legends[0].get_texts()] == ['x', 'z']
    np.testing.assert_allclose(second.get_facecolor()[0, :3], class_colors(3)[2])


@pytest.mark.parametrize('number', [3, 10, 20, 60, 120])
def test_class_colors_differ(number):
    colors = class_colors(number)
    assert colors.shape == (number, 3)
    assert len(np.unique(colors.round(3), axis=0)) == number


def test_saved_figure_appears_whole_and_alone(tmp_path):
    figure = plot_curves({'a': ([0, 1], [0, 1])}, '', '')
    save_figure(figure, tmp_path / 'new' / 'a.png', dpi=100)
    with Image.open(tmp_path / 'new' / 'a.png') as image:
        assert image.size == (800, 480)
    assert [file.name for file in (tmp_path / 'new').iterdir()] == ['a.png']


def test_figure_of_unknown_kind_is_refused(tmp_path):
    figure = plot_curves({'a': ([0, 1], [0, 1])}, '', '')
    for name in ('a.xyz', 'a'):
        with pytest.raises(ValueError, match='png'):
            save_figure(figure, tmp_path / name)
    assert not list(tmp_path.iterdir())
