_base_ = 'sbu_fold1.py'
train_dataloader = dict(dataset=dict(split='fold4_train'))
val_dataloader = dict(dataset=dict(split='fold4_test'))
test_dataloader = val_dataloader
