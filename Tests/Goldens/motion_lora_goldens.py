"""MotionDirector, TAP, VMC and the hybrid loss on tiny-zeroscope: learning, frames, gradients; the appearance highway; files."""

import sampling_reference
import tiny_folders
import torch
from golden_writer import ROOT, generator, save_json, save_tensors
from motion_inversion_goldens import SETTINGS, encode, reference_clip
from motion_inversion_reference import Motion, MotionUNet, loss_value
from motion_lora_reference import Changes, ChangedUNet, LowRankSet, learn, linears, temporal_paths
from safetensors.torch import load_file
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel

FOLDER = "tiny-zeroscope"
OPTIONS = dict(rank=4, dropout=0.1, rate=0.01, steps=10)
CASES = {
    "motion-director": dict(method="motion-director", loss="hybrid", targets="all"),
    "tap-k": dict(method="tap", loss="hybrid", targets="k"),
    "tap-k+out": dict(method="tap", loss="hybrid", targets="k+out"),
    "tap-qk": dict(method="tap", loss="debiased", targets="qk"),
    "several": dict(method="motion-director", loss="hybrid", targets="all"),
    "vmc-paper": dict(method="vmc", loss="vmc-paper", targets=""),
    "vmc-code": dict(method="vmc", loss="vmc-code", targets=""),
    "hybrid": dict(method="motion-inversion", loss="hybrid", targets=""),
}
#: levels, scale, channels of the hidden state
HIGHWAYS = {"paper": ({0, 1}, 1.1, None), "reference": ({1}, 1.1, 16)}
SECOND_PROMPT = "a red fox walking in the snow"


def frames(pipeline, unet: ChangedUNet, changes: Changes, motion=None, until: float = 1.0) -> torch.Tensor:
    steps, factor = SETTINGS["num_inference_steps"], pipeline.vae_scale_factor
    shape = (1, 4, SETTINGS["frames"], SETTINGS["height"] // factor, SETTINGS["width"] // factor)
    start = torch.randn(shape, generator=generator(SETTINGS["sampling_seed"]))
    count = iter(range(steps))

    def predict(z, t, text):
        active = next(count) < until * steps
        return unet(z, t, text, changes if active else Changes(), motion if active else None)

    trace = sampling_reference.sample(pipeline, start, SETTINGS["prompt"], SETTINGS["negative_prompt"], steps,
                                      SETTINGS["guidance_scale"], predict=predict)
    return sampling_reference.decode_frames(pipeline, trace[-1])


def write_learning(tensors, pipeline, unet: ChangedUNet) -> None:
    texts = [sampling_reference.encode_prompt(pipeline, text) for text in (SETTINGS["reference_prompt"], SECOND_PROMPT)]
    for name, case in CASES.items():
        random = generator(SETTINGS["seed"])
        clips = [(encode(pipeline, reference_clip(), random), texts[0])]
        if name == "several":
            clips.append((encode(pipeline, reference_clip().flip(0), random), texts[1]))
        start = None
        if case["method"] == "motion-inversion":
            start = {key: torch.zeros(shape).requires_grad_()
                     for key, shape in unet.motion.shapes(clips[0][0], texts[0]).items()}
        options = OPTIONS | (dict(rate=0.02) if start else {})
        losses, learned = learn(unet, pipeline.scheduler, clips, random=random, motion_start=start, **case, **options)
        tensors[f"{name}/losses"] = torch.tensor(losses)
        changes, motion = Changes(), None
        if isinstance(learned, LowRankSet):
            changes.sets = [(learned, 0)]
        elif start:
            motion = Motion({key: value.detach() for key, value in learned.items()}, "difference")
        else:
            changes.weights = learned
        with torch.no_grad():
            tensors[f"{name}/frames"] = frames(pipeline, unet, changes, motion)
            if name == "tap-k":
                changes.highway = HIGHWAYS["reference"]
                tensors["tap-k-highway-pli/frames"] = frames(pipeline, unet, changes, until=0.5)
        if name == "motion-director":
            write_files(pipeline, learned, tensors["motion-director/frames"])


def write_files(pipeline, learned: LowRankSet, frames: torch.Tensor) -> None:
    """The same additions as MotionDirector's nameless list, as PEFT, diffusers' old and kohya's keys."""
    folder = ROOT / FOLDER / "golden"
    pairs = [(path, down.detach().contiguous(), up.detach().contiguous())
             for path, down, up in zip(learned.paths, learned.down, learned.up, strict=True)]
    torch.save([tensor for _, down, up in pairs for tensor in (up, down)], folder / "motion_director.pt")
    save_tensors(f"{FOLDER}/golden/kohya.safetensors", {
        key: value for path, down, up in pairs for key, value in {
            f"lora_unet_{path.replace('.', '_')}.lora_down.weight": down,
            f"lora_unet_{path.replace('.', '_')}.lora_up.weight": up * 2,
            f"lora_unet_{path.replace('.', '_')}.alpha": torch.tensor(down.shape[0] / 2)}.items()})
    old = {}
    for path, down, up in pairs:
        if ".attn" in path:
            stem, name = path.removesuffix(".0").rsplit(".", 1)
            base = f"unet.{stem}.processor.{name}_lora"
        else:
            base = f"unet.{path}.lora"
        old |= {f"{base}.down.weight": down, f"{base}.up.weight": up}
    save_tensors(f"{FOLDER}/golden/processor.safetensors", old)


def write_highways(tensors, pipeline, unet: ChangedUNet) -> None:
    learned = load_file(ROOT / FOLDER / "golden/learned.motion.safetensors")
    del learned["inversion_noise"]
    with torch.no_grad():
        for name, highway in HIGHWAYS.items():
            tensors[f"highway/{name}/frames"] = frames(
                pipeline, unet, Changes(highway=highway), Motion(learned, "difference"))


def write_gradients(tensors, pipeline, unet: ChangedUNet) -> None:
    inputs = load_file(ROOT / FOLDER / "golden/motion_modes.safetensors")
    call = (inputs["sample"], inputs["timesteps"], inputs["text"][1:])
    paths = [path for path in linears(unet.unet, TransformerTemporalModel, ("to_q", "to_k", "to_v"))
             if "down_blocks.0" in path or "mid_block" in path]
    weights = {path: unet.unet.get_submodule(path).weight.detach().clone().requires_grad_() for path in paths}
    loss_value("vmc-paper", unet(*call, Changes(weights=weights)), inputs["noise"], 0).backward()
    tensors |= {f"gradients/vmc/{path}": weight.grad for path, weight in weights.items()}
    part = LowRankSet.start(unet.unet, temporal_paths(unet.unet, "k"), 4, generator(17))
    for up in part.up:
        up.data = torch.randn(up.shape, generator=generator(18)) / 2
    loss_value("debiased", unet(*call, Changes([(part, 99)], 0.1)), inputs["noise"], 2).backward()
    for path, down, up in zip(part.paths, part.down, part.up, strict=True):
        tensors |= {f"gradients/tap/{path}/down": down.grad, f"gradients/tap/{path}/up": up.grad}


def make() -> None:
    pipeline = tiny_folders.load(FOLDER)
    unet = ChangedUNet(MotionUNet(pipeline.unet))
    tensors: dict[str, torch.Tensor] = {}
    write_learning(tensors, pipeline, unet)
    write_highways(tensors, pipeline, unet)
    write_gradients(tensors, pipeline, unet)
    save_tensors(f"{FOLDER}/golden/motion_lora.safetensors", tensors)
    save_json(f"{FOLDER}/golden/motion_lora.json", {name: case | OPTIONS for name, case in CASES.items()}
              | {"paths": {targets: temporal_paths(unet.unet, targets) for targets in ("all", "k")}})
