from mmskelssl.visualization.histograms import plot_histograms
from mmskelssl.visualization.player import player_page
from mmskelssl.visualization.plots import plot_confusion, plot_curves, plot_embedding
from mmskelssl.visualization.saving import save_figure
from mmskelssl.visualization.skeleton import animate, draw_frames

__all__ = [
    'animate',
    'draw_frames',
    'player_page',
    'plot_confusion',
    'plot_curves',
    'plot_embedding',
    'plot_histograms',
    'save_figure',
]
