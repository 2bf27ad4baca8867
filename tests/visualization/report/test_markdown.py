from dataclasses import replace

from mmskelssl.evaluation.results import Statistic
from mmskelssl.visualization.report import write_markdown


def lines_of(report, folder):
    write_markdown(report, folder / 'report.md')
    return (folder / 'report.md').read_text(encoding='utf-8').splitlines()


def test_table_of_protocols_with_the_papers_figures(report, tmp_path):
    lines = lines_of(report, tmp_path)
    at = lines.index('| protocol | modality | top1 | paper: top1 | other metrics | runs |')
    assert lines[at + 2 : at + 4] == [
        '| linear | joint | 91.7 ± 11.8 | 79.4 (I²MD, table 1) | top5 100.0 ± 0.0 | 2 |',
        '| knn | joint | 100.0 | 70.6 (I²MD, table 2) |  | 1 |',
    ]
    assert lines[at + 5 : at + 7] == [
        '- linear, joint: Other learning rates, not chosen from: 0.1: 75.0 ± 0.0.',
        '- linear, joint: a remark',
    ]


def test_a_number_below_a_reference_is_marked_where_it_stands(report, tmp_path):
    linear, knn = report.results
    raw = replace(knn, card=replace(knn.card, method='raw coordinates'), metrics=dict(top1=Statistic([99.0])))
    low = replace(knn, metrics=dict(top1=Statistic([50.0])))
    lines = lines_of(replace(report, config='mine.py', results=[linear, low], references=[raw]), tmp_path)
    assert '| knn | joint | 50.0 ↓raw |  | 1 |' in lines and '| knn | raw coordinates | 99.0 |  | 1 |' in lines
    assert any(line.startswith('- knn, joint: ↓raw: below raw coordinates') for line in lines)
    assert lines.index('| knn | joint | 50.0 ↓raw |  | 1 |') + 1 == lines.index(
        '| knn | raw coordinates | 99.0 |  | 1 |'
    )


def test_own_config_has_no_column_of_a_paper(report, tmp_path):
    lines = lines_of(replace(report, config='mine.py'), tmp_path)
    assert '| protocol | modality | top1 | other metrics | runs |' in lines


def test_classes_are_sorted_and_those_without_clips_left_out(report, tmp_path):
    lines = lines_of(report, tmp_path)
    at = lines.index('## linear, joint: classes')
    assert lines[at + 4 : at + 7] == ['| jump | 100.0 |', '| sit </script>\\| | 87.5 |', '| wave | 87.5 |']
    at = lines.index('## knn, joint: classes')
    assert lines[at + 4 : at + 7] == ['| jump | 100.0 |', '| wave | 100.0 |', '']


def test_confusions_are_those_of_the_matrix(report, tmp_path):
    lines = lines_of(report, tmp_path)
    at = lines.index('| true class | taken for | % of its clips |')
    assert lines[at + 2 : at + 5] == ['| sit </script>\\| | jump | 12.5 |', '| wave | jump | 12.5 |', '']


def test_cards_say_what_numbers_depend_on(report, tmp_path):
    lines = lines_of(report, tmp_path)
    linear = lines[lines.index('### linear, joint') : lines.index('### knn, joint')]
    assert '| schedule | optimizer SGD, lr 0.1 |' in linear and '| seeds | 0, 1 |' in linear
    assert not any(line.startswith('| k |') for line in linear)
    assert '| k | 1 |' in lines[lines.index('### knn, joint') :]
