"""All schedulers: time steps, initial scale, and samplings with stored noise; the stochastic ones draw from torch's generator."""

import json

import tiny_folders
import torch
from diffusers import (DDIMScheduler, DDPMScheduler, DPMSolverMultistepScheduler, EulerAncestralDiscreteScheduler,
                       EulerDiscreteScheduler, LCMScheduler, PNDMScheduler)
from golden_writer import folder, generator, save_json, save_tensors

STABLE_DIFFUSION = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear", clip_sample=False,
                        set_alpha_to_one=False, steps_offset=1)
ZERO_SNR = dict(**STABLE_DIFFUSION, prediction_type="v_prediction", rescale_betas_zero_snr=True,
                timestep_spacing="trailing")
LINEAR = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="linear")
CASES = {
    "ddim": (DDIMScheduler, STABLE_DIFFUSION),
    "ddpm": (DDPMScheduler, STABLE_DIFFUSION),
    "ddpm_large_clipped": (DDPMScheduler, dict(variance_type="fixed_large", clip_sample_range=1.5)),
    "ddpm_velocity": (DDPMScheduler, ZERO_SNR),
    "ddpm_sample": (DDPMScheduler, dict(**LINEAR, prediction_type="sample", timestep_spacing="linspace", clip_sample=False)),
    "pndm": (PNDMScheduler, dict(**STABLE_DIFFUSION, skip_prk_steps=True)),
    "pndm_runge_kutta": (PNDMScheduler, dict(**LINEAR, prediction_type="v_prediction", timestep_spacing="trailing")),
    "pndm_linspace": (PNDMScheduler, dict(**LINEAR, timestep_spacing="linspace", set_alpha_to_one=True,
                                          skip_prk_steps=True)),
    "euler": (EulerDiscreteScheduler, STABLE_DIFFUSION),
    "euler_leading": (EulerDiscreteScheduler, dict(**STABLE_DIFFUSION, timestep_spacing="leading")),
    "euler_zero_snr": (EulerDiscreteScheduler, ZERO_SNR),
    "euler_karras": (EulerDiscreteScheduler, dict(**LINEAR, prediction_type="v_prediction", use_karras_sigmas=True)),
    "euler_exponential": (EulerDiscreteScheduler, dict(**LINEAR, prediction_type="sample", use_exponential_sigmas=True,
                                                       final_sigmas_type="sigma_min")),
    "euler_beta": (EulerDiscreteScheduler, dict(**LINEAR, use_beta_sigmas=True)),
    "euler_sigma_range": (EulerDiscreteScheduler, dict(**LINEAR, use_karras_sigmas=True, sigma_min=0.1, sigma_max=10.0)),
    "euler_ancestral": (EulerAncestralDiscreteScheduler, STABLE_DIFFUSION),
    "euler_ancestral_velocity": (EulerAncestralDiscreteScheduler, ZERO_SNR),
    "dpm_solver": (DPMSolverMultistepScheduler, STABLE_DIFFUSION),
    "dpm_solver_leading": (DPMSolverMultistepScheduler, dict(**STABLE_DIFFUSION, timestep_spacing="leading",
                                                             solver_order=3)),
    "dpm_solver_third_order": (DPMSolverMultistepScheduler, dict(**LINEAR, solver_order=3, lower_order_final=False,
                                                                 final_sigmas_type="sigma_min")),
    "dpm_solver_first_order": (DPMSolverMultistepScheduler, dict(**LINEAR, solver_order=1, prediction_type="sample")),
    "dpm_solver_heun": (DPMSolverMultistepScheduler, dict(**LINEAR, solver_type="heun", euler_at_final=True)),
    "dpm_solver_karras": (DPMSolverMultistepScheduler, dict(**STABLE_DIFFUSION, use_karras_sigmas=True)),
    "dpm_solver_cosine_karras": (DPMSolverMultistepScheduler, dict(
        beta_schedule="squaredcos_cap_v2", prediction_type="v_prediction", use_karras_sigmas=True,
        lambda_min_clipped=-5.1)),
    "dpm_solver_clipped": (DPMSolverMultistepScheduler, dict(beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1)),
    "dpm_solver_exponential": (DPMSolverMultistepScheduler, dict(**LINEAR, use_exponential_sigmas=True)),
    "dpm_solver_beta": (DPMSolverMultistepScheduler, dict(**STABLE_DIFFUSION, use_beta_sigmas=True)),
    "dpm_solver_lu": (DPMSolverMultistepScheduler, dict(**STABLE_DIFFUSION, use_lu_lambdas=True, solver_order=3)),
    "dpm_solver_cosine_lu": (DPMSolverMultistepScheduler, dict(beta_schedule="squaredcos_cap_v2", use_lu_lambdas=True,
                                                               lambda_min_clipped=-5.1)),
    "dpm_solver_velocity": (DPMSolverMultistepScheduler, ZERO_SNR),
    "dpm_solver_stochastic": (DPMSolverMultistepScheduler, dict(**STABLE_DIFFUSION, algorithm_type="sde-dpmsolver++",
                                                                use_karras_sigmas=True)),
    "dpm_solver_stochastic_heun": (DPMSolverMultistepScheduler, dict(
        **LINEAR, algorithm_type="sde-dpmsolver++", solver_type="heun", prediction_type="v_prediction")),
    "lcm": (LCMScheduler, dict()),
    "lcm_clipped": (LCMScheduler, dict(**LINEAR, original_inference_steps=100, timestep_scaling=5.0, clip_sample=True,
                                       prediction_type="v_prediction")),
}
# A scheduler_config.json written for another class: what it lacks has the defaults of the class that reads it.
FOREIGN = {"ddim", "ddpm", "euler", "euler_ancestral", "dpm_solver"}
SHAPE = (1, 4, 3, 5)
COUNTS = (5, 16)
LISTED = (4, 5, 6, 7, 9, 10, 12, 16, 20, 25, 30, 49, 50)
EVALUATIONS = 32
PIPELINE = dict(prompt="a red fox walking in the snow", negative_prompt="blurry", num_inference_steps=5, guidance_scale=9.0,
                num_frames=6, height=16, width=24)
SEED = 42


def make() -> None:
    random = generator(23)
    tensors = {"start": torch.randn(SHAPE, generator=random),
               "offsets": torch.randn((EVALUATIONS, *SHAPE), generator=random)}
    table = {}
    for name, (kind, config) in CASES.items():
        known = {key: value for key, value in config.items() if key in kind._get_init_keys(kind)}
        scheduler = kind(**known)
        saved = {key: value for key, value in scheduler.config.items() if key in known}
        if name not in FOREIGN:  # what save_pretrained writes: every key
            saved = {key: value for key, value in scheduler.config.items() if not key.startswith("_use_default")}
        entry = table[name] = {"config": {**config, **saved, "_class_name": kind.__name__}, "timesteps": {}, "scale": {}}
        for steps in LISTED:
            scheduler.set_timesteps(steps)
            entry["timesteps"][str(steps)] = scheduler.timesteps.tolist()
        for steps in COUNTS:
            scheduler.set_timesteps(steps)
            if hasattr(scheduler, "set_begin_index"):  # the search for it is confused by a repeated first time step
                scheduler.set_begin_index(0)
            entry["scale"][str(steps)] = float(scheduler.init_noise_sigma)
            drawn = generator(steps)
            sample = tensors["start"] * scheduler.init_noise_sigma
            extra = {"generator": drawn} if kind not in (PNDMScheduler,) else {}
            for index, t in enumerate(scheduler.timesteps):
                prediction = 0.5 * scheduler.scale_model_input(sample, t) + tensors["offsets"][index]
                sample = scheduler.step(prediction, t, sample, **extra).prev_sample
                tensors[f"{name}/{steps}/{index}"] = sample
    save_tensors("schedulers/schedulers.safetensors", tensors)
    (folder("schedulers") / "schedulers.json").write_text(json.dumps(table) + "\n")
    write_pipeline()


@torch.no_grad()
def write_pipeline() -> None:
    """Whole samplings by TextToVideoSDPipeline, whose schedulers see frames (F,C,h,w) and draw noise of that shape."""
    pipeline = tiny_folders.load("tiny-zeroscope")
    tensors = {}
    for name, kind in {"ddpm": DDPMScheduler, "euler-ancestral": EulerAncestralDiscreteScheduler,
                       "dpmsolver++": DPMSolverMultistepScheduler}.items():
        pipeline.scheduler = kind.from_config(pipeline.scheduler.config)
        latents = []
        pipeline(**PIPELINE, generator=generator(SEED), callback=lambda i, t, z: latents.append(z.clone()))
        tensors[f"{name}/latents"] = latents[-1]
    save_tensors("schedulers/pipeline.safetensors", tensors)
    save_json("schedulers/pipeline.json", {**PIPELINE, "seed": SEED})
