"""Files of torch.save and safetensors as other programs write them, and some that no reader should accept."""

import pickle
import shutil
import zipfile
from collections import OrderedDict
from pathlib import Path

import torch
from safetensors.torch import save_file


def tensors() -> OrderedDict:
    generator = torch.Generator().manual_seed(1)

    def randn(*shape: int) -> torch.Tensor:
        return torch.randn(*shape, generator=generator)

    joint = randn(24)
    return OrderedDict([
        ("conv.weight", randn(3, 2, 3, 3)),
        ("conv.bias", randn(3)),
        ("half.weight", randn(4, 5).half()),
        ("brain.weight", randn(4, 5).bfloat16()),
        ("double", randn(3).double()),
        ("position_ids", torch.arange(7).unsqueeze(0)),
        ("small.integers", torch.tensor([1, -2, 3], dtype=torch.int32)),
        ("mask", torch.tensor([True, False, True])),
        ("scalar", torch.tensor(2.5)),
        ("empty", torch.zeros(0, 4)),
        ("transposed", randn(5, 3).t()),
        ("permuted", randn(2, 3, 4, 5).permute(0, 3, 1, 2)),
        ("joint.first", joint[:10]),
        ("joint.second", joint[10:].view(2, 7)),
        ("joint.every_second", joint[1::2]),
        ("parameter", torch.nn.Parameter(randn(2, 2))),
    ])


class Command:
    """Unpickled by Python, this would run a command."""

    def __reduce__(self):
        import os
        return os.system, ("echo unpickled",)


def make(root: Path = Path(__file__).parent / "checkpoints") -> None:
    shutil.rmtree(root, ignore_errors=True)
    root.mkdir(parents=True)
    state = tensors()
    plain = {name: value.detach().float().contiguous() for name, value in state.items()}
    save_file(plain, root / "expected.safetensors")
    typed = {name: value.detach().clone().contiguous() for name, value in state.items()}
    save_file(typed, root / "typed.safetensors", metadata={"format": "pt", "note": 'with "quotes" and ü'})
    torch.save(state, root / "state.bin")
    torch.save(dict(state), root / "protocol-4.pt", pickle_protocol=4)
    torch.save({"epoch": 3, "lr": [1e-4], "state_dict": state, "note": None}, root / "training.ckpt")
    torch.manual_seed(2)
    module = torch.nn.Sequential(torch.nn.Linear(3, 2), torch.nn.BatchNorm1d(2))
    torch.save(module.state_dict(), root / "module.bin")
    # The old format names storages by their addresses, so this file differs from run to run.
    torch.save(state, root / "legacy.bin", _use_new_zipfile_serialization=False)
    torch.save([1, 2], root / "list.bin")
    torch.save({"weight": state["conv.bias"], "hook": Command()}, root / "command.bin")
    torch.save(torch.nn.Linear(2, 2), root / "whole-module.bin")
    with zipfile.ZipFile(root / "compressed.bin", "w") as archive:
        archive.writestr(zipfile.ZipInfo("archive/data.pkl"), pickle.dumps({}, protocol=2), zipfile.ZIP_DEFLATED)


if __name__ == "__main__":
    make()
