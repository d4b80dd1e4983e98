"""Which files of a folder count, where a folder is sent as one file: endings and names.

Said here for the command line and for the page, which packs folders in the browser.
"""

from __future__ import annotations

WEIGHTS = (".safetensors", ".bin")
WHOLE = (".ckpt", ".pt", ".pth", ".pt2")  # each is a checkpoint by itself
TOLD = (".json",)
TRAINER = ("optimizer.pt", "scheduler.pt", "training_args.bin")
TABLE, SHARD = ".metadata", ".distcp"  # of torch.distributed.checkpoint
STATES = ("_optim_states.pt", "_model_states.pt")  # of DeepSpeed
LATEST = "latest"  # the step that DeepSpeed saved last
DATA = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp", ".ppm", ".pgm", ".tif", ".tiff"),
    *(".csv", ".tsv", ".parquet", ".arrow", ".npz"),
)
