"""DDIMScheduler: alpha-bars, time steps, sampling steps with stored predictions; and DDIM inversion."""

import json

import torch
from ddim_inversion_reference import invert
from diffusers import DDIMScheduler
from golden_writer import folder, generator, save_tensors

SCALED = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
CONFIGS = {
    "zeroscope": dict(**SCALED, clip_sample=False, set_alpha_to_one=False, steps_offset=1),
    "zero_snr": dict(**SCALED, clip_sample=False, set_alpha_to_one=False, steps_offset=1, timestep_spacing="trailing",
                     prediction_type="v_prediction", rescale_betas_zero_snr=True),
    "zero_snr_to_one": dict(**SCALED, clip_sample=False, set_alpha_to_one=True, timestep_spacing="trailing",
                            prediction_type="v_prediction", rescale_betas_zero_snr=True),
    "linear_sample": dict(beta_start=0.00085, beta_end=0.012, beta_schedule="linear", clip_sample=False,
                          prediction_type="sample", timestep_spacing="linspace"),
    "clipped": dict(clip_sample=True, clip_sample_range=1.5),  # diffusers' defaults else: linear, 0.0001 to 0.02
    "cosine": dict(beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", timestep_spacing="linspace",
                   clip_sample=True, set_alpha_to_one=False),
    "trailing": dict(**SCALED, clip_sample=False, timestep_spacing="trailing"),
}
SHAPE = (2, 4, 3, 5)


def golden(config: dict) -> dict[str, torch.Tensor]:
    scheduler = DDIMScheduler(**config)
    random = generator(5)
    tensors = {"alphas_cumprod": scheduler.alphas_cumprod, "final_alpha_cumprod": scheduler.final_alpha_cumprod}
    for steps in (5, 7):
        scheduler.set_timesteps(steps)
        sample = torch.randn(SHAPE, generator=random)
        tensors[f"sampling/{steps}/start"] = sample
        for index, t in enumerate(scheduler.timesteps):
            prediction = 0.6 * sample + torch.randn(SHAPE, generator=random)
            sample = scheduler.step(prediction, t, sample).prev_sample
            tensors |= {f"sampling/{steps}/prediction/{index}": prediction, f"sampling/{steps}/sample/{index}": sample}

    clean, noise = torch.randn(SHAPE, generator=random), torch.randn(SHAPE, generator=random)
    timesteps = torch.tensor([37, 999])
    tensors |= {"noising/clean": clean, "noising/noise": noise, "noising/timesteps": timesteps,
                "noising/noisy": scheduler.add_noise(clean, noise, timesteps),
                "noising/velocity": scheduler.get_velocity(clean, noise, timesteps)}

    predictions = []

    def predict(z: torch.Tensor, t: torch.Tensor) -> torch.Tensor:
        predictions.append(0.5 * z + 0.5 * torch.randn(SHAPE, generator=random))
        return predictions[-1]

    trace = invert(scheduler, 6, clean, predict)
    tensors |= {f"inversion/prediction/{index}": value for index, value in enumerate(predictions)}
    tensors |= {f"inversion/latents/{index}": value for index, value in enumerate(trace)}
    return tensors


def make() -> None:
    tensors, table = {}, {}
    for name, config in CONFIGS.items():
        scheduler = DDIMScheduler(**config)
        timesteps = {}
        for steps in range(1, 51):
            scheduler.set_timesteps(steps)
            timesteps[str(steps)] = scheduler.timesteps.tolist()
        table[name] = {"config": {"_class_name": "DDIMScheduler", "num_train_timesteps": 1000, **config},
                       "timesteps": timesteps}
        tensors |= {f"{name}/{key}": value for key, value in golden(config).items()}
    save_tensors("ddim/ddim.safetensors", tensors)
    (folder("ddim") / "ddim.json").write_text(json.dumps(table) + "\n")
