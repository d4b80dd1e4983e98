"""Analysis within a training script: model, loader, criterion and optimiser say what to ask.

What is read of them becomes the same parameters, network and arrays that files become; nothing of
theirs is changed. `analyze` is what people call.
"""
