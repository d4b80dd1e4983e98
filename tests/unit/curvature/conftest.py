"""One thread: these matrices are small, and spinning threads starve whatever runs beside."""

import torch

torch.set_num_threads(1)
