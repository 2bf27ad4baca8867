"""Writes the section "Configs" of each method's README from its metafile: configs, our results, the papers' figures.

python docs/method_tables.py
"""

from pathlib import Path

import yaml

CONFIGS = Path(__file__).parents[1] / 'configs'
BEGIN = '<!-- From metafile.yml, by `python docs/method_tables.py`. -->'
END = '<!-- End of what the script writes. -->'


def main() -> None:
    for page in method_pages():
        page.write_text(with_configs(page), encoding='utf-8')


def method_pages() -> list[Path]:
    """The README of every method, beside its configs."""
    return sorted(metafile.with_name('README.md') for metafile in CONFIGS.glob('*/metafile.yml'))


def with_configs(page: Path) -> str:
    """The text of a method's page with its section on configs as the metafile has it."""
    text = page.read_text(encoding='utf-8')
    if BEGIN not in text:
        head, commands, tail = text.partition('## Commands\n')
        text = f'{head}## Configs\n\n{BEGIN}\n{END}\n\n{commands}{tail}'
    head, _, tail = text.partition(BEGIN)
    metafile = yaml.safe_load(page.with_name('metafile.yml').read_text(encoding='utf-8'))
    return f'{head}{BEGIN}\n{configs_section(metafile)}\n{END}{tail.partition(END)[2]}'


def configs_section(metafile: dict) -> str:
    papers = [collection['Paper'] for collection in metafile['Collections'] if 'Paper' in collection]
    results = [result for model in metafile['Models'] for result in model.get('Results', [])]
    sources = dict.fromkeys(result['Paper'] for result in results if 'Paper' in result)
    notes = ['Top-1 accuracy in percent, by the protocol named.']
    if sources:
        notes.append(f'Column **paper**: not measured here, but printed by {"; ".join(sources)}.')
    if any('Ours' in result for result in results):
        notes.append(
            'Column **here**: [measured](../../docs/results.md) with this toolbox; commands are in the metafile.'
        )
    rows = [
        '| config | data | epochs × batch | here | paper |',
        '|---|---|---|---|---|',
        *map(_row, metafile['Models']),
    ]
    return '\n'.join(
        [
            *(f'\nPaper: {_title(paper)}.' for paper in papers),
            '',
            *notes,
            '',
            *rows,
            '',
        ]
    )


def _title(paper: dict) -> str:
    title = ' '.join(paper['Title'].split())
    return f'[{title}]({paper["URL"]})' if 'URL' in paper else title


def _row(model: dict) -> str:
    data = model['Metadata']
    results = model.get('Results', [])
    cells = [
        f'[{model["Name"]}]({Path(model["Config"]).name})',
        data['Training Data'],
        f'{data["Epochs"]} × {data["Batch Size"]}',
        *(_figures([r for r in results if who in r], data['Training Data']) for who in ('Ours', 'Paper')),
    ]
    return f'| {" | ".join(cells)} |'


def _figures(results: list[dict], trained_on: str) -> str:
    """Figures by modality, such as ``joint: linear 79.4, knn 70.6``."""
    by_modality: dict[str, list[str]] = {}
    for result in results:
        metrics = result['Metrics']
        other = '' if result['Dataset'] == trained_on else f' to {result["Dataset"]}'
        spread = f' ± {metrics["Deviation"]}' if 'Deviation' in metrics else ''
        figure = f'{result["Task"]}{other} {metrics["Top 1 Accuracy"]}{spread}'
        by_modality.setdefault(result['Modality'], []).append(figure)
    return '; '.join(f'{modality}: {", ".join(figures)}' for modality, figures in by_modality.items())


if __name__ == '__main__':
    main()
