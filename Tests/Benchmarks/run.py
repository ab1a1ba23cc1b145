#!/usr/bin/env python3
"""Measures this engine against torch and diffusers: same weights, inputs and threads, alternately in one go.

    python Tests/Benchmarks/run.py [--suites operations,bundled] [--threads 2] [--models FOLDER] [--output FOLDER]
        [--only TITLE] [--side "ours, bfloat16"]

Needs the packages of Tests/Goldens/requirements.txt and matplotlib. Both sides draw the same random inputs; the column
`difference` is the largest difference of the results, relative to the largest value. Every side runs once unmeasured,
then in turns; medians are reported. `torch, tuned` is torch with glibc's allocator on huge pages. The variables
OPENBLAS_CORETYPE and OPENBLAS_L2_SIZE are removed for both sides. Writes results.md, results.json and results.png.
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from cases import DEFAULT, SUITES, Case

HERE = Path(__file__).parent
ROOT = HERE.parent.parent
WORKER = ROOT / ".build" / "release" / "BenchmarkWorker"


class Side:
    """One process that computes one case whenever it is told to."""

    def __init__(self, name: str, command: list[str], environment: dict[str, str], output: Path):
        self.name, self.output = name, output
        self.runs: list[dict] = []
        begin = time.monotonic()
        self.log = output.with_suffix(".log")
        with self.log.open("w") as log:
            self.process = subprocess.Popen([*command, f"output={output}"], env=environment, text=True,
                                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=log)
        self.ready = self.answer()["ready"]
        self.start = time.monotonic() - begin

    def answer(self) -> dict:
        line = self.process.stdout.readline()
        if not line:
            sys.exit(f"{self.name} ended: {self.log.read_text()[-2000:]}")
        return json.loads(line)

    def run(self, measured: bool = True) -> None:
        self.process.stdin.write("run\n")
        self.process.stdin.flush()
        result = self.answer()
        if measured:
            self.runs.append(result)

    def close(self) -> None:
        self.process.stdin.close()
        self.process.wait()
        self.process.stdout.close()

    def summary(self) -> dict:
        def median(key):
            return statistics.median(run[key] for run in self.runs)

        return {"wall": median("wall"), "cpu": median("cpu"), "start": self.start, "runs": len(self.runs),
                "peak": max(run["peak"] for run in self.runs), "description": self.ready}


def folder_of(model: str, arguments) -> Path:
    """The model that lies in the repository, or one with random weights in a released layout, written when it is missing."""
    if model == "bundled":
        return ROOT / "Plugin" / "Models" / "default"
    folder = arguments.models / model
    if not (folder / "model_index.json").exists():
        subprocess.run([sys.executable, ROOT / "Tests" / "Goldens" / "write_released_folder.py", model, folder], check=True)
    return folder


def commands(case: Case, arguments) -> dict[str, tuple[list[str], dict[str, str]]]:
    clean = {key: value for key, value in os.environ.items()
             if key not in ("OPENBLAS_CORETYPE", "OPENBLAS_L2_SIZE", "GLIBC_TUNABLES")}
    clean |= {"OMP_NUM_THREADS": str(arguments.threads), "HF_HUB_OFFLINE": "1"}
    options = [case.name, f"threads={arguments.threads}"] + [f"{key}={value}" for key, value in case.options.items()]
    if case.model:
        options.append(f"model={folder_of(case.model, arguments)}")
    torch = [sys.executable, str(HERE / "torch_worker.py"), *options]
    ours = [str(arguments.worker), *options]
    sides = {"ours": (ours, clean), "torch": (torch, clean)}
    if not case.apart:
        sides["torch, tuned"] = (torch, clean | {"GLIBC_TUNABLES": "glibc.malloc.hugetlb=1"})
        if case.name in ("conv", "unet", "vae"):
            sides["ours, winograd4"] = ([*ours, "convolution=winograd4"], clean)
    if case.bfloat16:
        sides["ours, bfloat16"] = ([*ours, "arithmetic=bfloat16"], clean)
        sides["torch, bfloat16"] = ([*torch, "autocast=1"], clean)
    wanted = arguments.side and [*arguments.side, "torch"]
    return {name: side for name, side in sides.items() if not wanted or name in wanted}


def difference(a: Path, b: Path) -> float:
    x, y = np.fromfile(a, np.float32), np.fromfile(b, np.float32)
    if x.size != y.size:
        return float("nan")
    return float(np.abs(x - y).max() / max(np.abs(y).max(), 1e-30))


def measure(case: Case, arguments, folder: Path) -> dict:
    sides = commands(case, arguments)
    results, outputs = {}, {}

    def finish(side: Side) -> None:
        results[side.name], outputs[side.name] = side.summary(), side.output
        side.close()

    def begin(name: str) -> Side:
        return Side(name, *sides[name], folder / name.replace(", ", "-"))

    rounds = arguments.rounds or case.rounds
    if case.apart:
        for name in sides:
            side = begin(name)
            side.run(measured=False)
            for _ in range(rounds):
                side.run()
            finish(side)
    else:
        processes = [begin(name) for name in sides]
        for side in processes:
            side.run(measured=False)
        for _ in range(rounds):
            for side in processes:
                side.run()
        for side in processes:
            finish(side)
    for name, result in results.items():
        result["difference"] = difference(outputs[name], outputs["torch"])
        result["ratio"] = results["torch"]["wall"] / result["wall"]
        result["cpu ratio"] = results["torch"]["cpu"] / result["cpu"]
    return {"title": case.title, "sides": results}


def table(rows: list[dict]) -> str:
    lines = ["| case | side | seconds | torch / this | CPU seconds | torch / this | peak MB | start, s | difference |",
             "|---|---|---|---|---|---|---|---|---|"]
    for row in rows:
        for name, side in row["sides"].items():
            lines.append(
                f"| {row['title']} | {name} | {side['wall']:.4g} | **{side['ratio']:.2f}** | {side['cpu']:.4g} | "
                f"{side['cpu ratio']:.2f} | {side['peak'] / 1e6:.0f} | {side['start']:.2f} | {side['difference']:.1e} |")
    return "\n".join(lines)


def plot(rows: list[dict], path: Path) -> None:
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    names = list(dict.fromkeys(name for row in rows for name in row["sides"] if name != "torch"))
    figure, axes = pyplot.subplots(figsize=(9, 1 + 0.45 * len(rows)))
    height = 0.8 / len(names)
    for index, name in enumerate(names):
        values = [row["sides"].get(name, {}).get("ratio", 0) for row in rows]
        axes.barh([place + index * height for place in range(len(rows))], values, height, label=name)
    axes.set_yticks([place + 0.4 - height / 2 for place in range(len(rows))], [row["title"] for row in rows])
    axes.axvline(1, color="black", linewidth=1)
    axes.set_xlabel("times as fast as torch")
    axes.invert_yaxis()
    axes.legend()
    figure.tight_layout()
    figure.savefig(path, dpi=110)


def machine(arguments) -> str:
    lines = Path("/proc/cpuinfo").read_text().splitlines()
    model = next((line.split(":")[1].strip() for line in lines if line.startswith("model name")), platform.machine())
    flags = next((set(line.split()) for line in lines if line.startswith("flags")), set())
    sets = [flag for flag in ("avx2", "avx512f", "avx512_bf16", "amx_bf16") if flag in flags]
    load = os.getloadavg()[0]
    return f"{model} ({', '.join(sets)}), {os.cpu_count()} processors, {arguments.threads} used, load {load:.1f} at start"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--suites", default=",".join(DEFAULT), help=", ".join(SUITES))
    parser.add_argument("--threads", type=int, default=os.cpu_count())
    parser.add_argument("--rounds", type=int, default=0, help="repetitions of every case; 0: each case's own number")
    parser.add_argument("--only", default="", help="cases whose title contains this")
    parser.add_argument("--side", action="append", help="of the sides only this and torch; may be repeated")
    parser.add_argument("--models", type=Path, default=ROOT / ".build" / "benchmarks")
    parser.add_argument("--output", type=Path, default=ROOT / ".build" / "benchmarks" / "results")
    parser.add_argument("--worker", type=Path, help="our side's program; built first when this is left out")
    arguments = parser.parse_args()
    cases = [case for suite in arguments.suites.split(",") for case in SUITES[suite] if arguments.only in case.title]
    if arguments.worker is None:
        arguments.worker = WORKER
        subprocess.run(["swift", "build", "-c", "release", "--product", "BenchmarkWorker"], cwd=ROOT, check=True)
    arguments.output.mkdir(parents=True, exist_ok=True)
    header = machine(arguments)
    rows, begin = [], time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        for case in cases:
            rows.append(measure(case, arguments, Path(folder)))
            sides = rows[-1]["sides"]
            ratios = ", ".join(f"{name} {side['ratio']:.2f}" for name, side in sides.items() if name != "torch")
            print(f"{time.monotonic() - begin:6.0f} s  {case.title}: {ratios}", flush=True)
    descriptions = " | ".join(side["description"] for name, side in rows[0]["sides"].items())
    (arguments.output / "results.md").write_text(f"{header}\n\n{descriptions}\n\n{table(rows)}\n")
    (arguments.output / "results.json").write_text(
        json.dumps({"machine": header, "sides": descriptions, "cases": rows}, indent=2) + "\n")
    plot(rows, arguments.output / "results.png")
    print(f"\n{header}\n{descriptions}\n\n{table(rows)}\n\nwritten to {arguments.output}")


if __name__ == "__main__":
    main()
