"""Build of the package; its tools are configured in ``pyproject.toml``.

MMEngine and MIM look for a package's configs and tools in the folder ``.mim`` of the installed package. A wheel gets
copies of them there; an editable install gets links to the checkout, so that an edited config counts at once.
"""

import os
import re
import shutil
from pathlib import Path

from setuptools import find_packages, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).resolve().parent
MIM_CONTENT = ('configs', 'tools', 'model-index.yml')


def read_version() -> str:
    text = (ROOT / 'mmskelssl' / 'version.py').read_text(encoding='utf-8')
    return re.search(r"^__version__ = '([^']+)'", text, re.MULTILINE).group(1)


def read_requirements(name: str) -> list[str]:
    """Reads ``requirements/{name}.txt`` without the reasons that follow the ``#``."""
    lines = (ROOT / 'requirements' / f'{name}.txt').read_text(encoding='utf-8').splitlines()
    return [requirement for line in lines if (requirement := line.split('#')[0].strip())]


class BuildWithMim(build_py):
    """Builds the package and fills its folder ``.mim``."""

    def run(self) -> None:
        if self.editable_mode:
            super().run()
            self._link(ROOT / 'mmskelssl' / '.mim')
        else:
            built = Path(self.build_lib) / 'mmskelssl'
            shutil.rmtree(built, ignore_errors=True)  # an earlier build's files, deleted ones among them
            super().run()
            self._copy(built / '.mim')

    def get_outputs(self, include_bytecode: bool = True) -> list[str]:
        outputs = super().get_outputs(include_bytecode)
        mim = Path(self.build_lib) / 'mmskelssl' / '.mim'
        if not self.editable_mode and mim.is_dir():
            outputs += [str(path) for path in mim.rglob('*') if path.is_file()]
        return outputs

    @staticmethod
    def _copy(mim: Path) -> None:
        mim.mkdir()
        for name in MIM_CONTENT:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(source, mim / name, ignore=shutil.ignore_patterns('__pycache__', '*.py[co]'))
            else:
                shutil.copy2(source, mim / name)

    def _link(self, mim: Path) -> None:
        mim.mkdir(exist_ok=True)
        for name in MIM_CONTENT:
            link = mim / name
            if link.is_symlink():
                link.unlink()
            try:
                link.symlink_to(os.path.relpath(ROOT / name, mim), target_is_directory=(ROOT / name).is_dir())
            except OSError as error:  # a file system without links
                self.warn(f"configs named 'mmskelssl::...' will not be found: no link at {link} ({error})")


runtime, optional, tests, docs, lint = map(read_requirements, ('runtime', 'optional', 'tests', 'docs', 'lint'))
readme = ROOT / 'README.md'

setup(
    name='mmskelssl',
    version=read_version(),
    description='Self-supervised learning on 3D skeletons, on MMEngine',
    long_description=readme.read_text(encoding='utf-8') if readme.is_file() else '',
    long_description_content_type='text/markdown',
    author='The mmskelssl developers',
    license='Apache-2.0',
    license_files=['LICENSE'],
    keywords='self-supervised learning, contrastive learning, skeleton, action recognition, human action',
    classifiers=[
        'Development Status :: 3 - Alpha',
        'Intended Audience :: Science/Research',
        'Operating System :: OS Independent',
        'Programming Language :: Python :: 3',
        'Topic :: Scientific/Engineering :: Artificial Intelligence',
    ],
    packages=find_packages(include=['mmskelssl', 'mmskelssl.*']),
    include_package_data=True,  # what MANIFEST.in grafts from mmskelssl/
    zip_safe=False,
    entry_points=dict(console_scripts=['mmskelssl=mmskelssl.__main__:main']),
    python_requires='>=3.10',
    install_requires=runtime,
    extras_require={
        'optional': optional,
        'tests': tests,
        'docs': docs,
        'lint': lint,
        'all': optional + tests + docs + lint,
    },
    cmdclass={'build_py': BuildWithMim},
)
