from mmskelssl.visualization.report.markdown import protocols_table, write_markdown
from mmskelssl.visualization.report.page import write_html

__all__ = ['protocols_table', 'write_html', 'write_markdown']
