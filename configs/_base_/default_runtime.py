default_scope = 'mmskelssl'

# All but collapse_monitor and classification_report are in every run, even if a config replaces this section. None
# turns a hook off; a run needs setup_check, momentum_update, queue_enqueue, frozen_backbone and sampler_seed.
default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    checkpoint=dict(type='CheckpointHook', interval=10, max_keep_ckpts=3),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    setup_check=dict(type='SetupCheckHook'),
    run_summary=dict(type='RunSummaryHook'),
    momentum_update=dict(type='MomentumUpdateHook'),
    queue_enqueue=dict(type='QueueEnqueueHook'),
    collapse_monitor=dict(type='CollapseMonitorHook'),
    finite_check=dict(type='FiniteCheckHook'),
    frozen_backbone=dict(type='FrozenBackboneHook'),
    classification_report=dict(type='ClassificationReportHook'),
    interruption=dict(type='InterruptionHook'),
)
custom_hooks = []

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'),
)
randomness = dict(seed=0)
log_processor = dict(by_epoch=True, window_size=50)
log_level = 'INFO'
visualizer = dict(type='Visualizer', vis_backends=[dict(type='LocalVisBackend')])

load_from = None
resume = False
