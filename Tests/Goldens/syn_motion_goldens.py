"""SynMotion on tiny-zeroscope: ten learning steps, of references and of the model's own clips; frames."""

import sampling_reference
import tiny_folders
import torch
from golden_writer import generator, save_json, save_tensors
from motion_inversion_goldens import SETTINGS, encode, reference_clip
from motion_inversion_reference import MotionUNet
from motion_lora_reference import Changes, ChangedUNet, LowRankSet, linears
from motion_lora_goldens import FOLDER
from syn_motion_reference import DualEmbedding, roles
from diffusers.models.transformers.transformer_temporal import TransformerTemporalModel

OPTIONS = dict(rank=4, dropout=0.0, rate=0.01, steps=10, share=0.5, motion_phrase="walking on",
               prior_prompts="a red fox, in the snow; a white bear, to the left")


def make() -> None:
    pipeline = tiny_folders.load(FOLDER)
    unet, scheduler, tokenizer = ChangedUNet(MotionUNet(pipeline.unet)), pipeline.scheduler, pipeline.tokenizer
    random = generator(SETTINGS["seed"])
    factor = pipeline.vae_scale_factor
    shape = (1, 4, SETTINGS["frames"], SETTINGS["height"] // factor, SETTINGS["width"] // factor)

    def ids(text):
        return sampling_reference.prompt_ids(pipeline, text)[0].tolist()

    def words(text):
        return ids(text)[1 : ids(text).index(tokenizer.eos_token_id)]

    phrase = words(OPTIONS["motion_phrase"])

    def example(text, latents):
        with torch.no_grad():
            return latents, sampling_reference.encode_prompt(pipeline, text), roles(
                ids(text), tokenizer.eos_token_id, phrase)

    clip = example(SETTINGS["reference_prompt"], encode(pipeline, reference_clip(), random))
    part = LowRankSet.start(
        unet.unet, linears(unet.unet, TransformerTemporalModel, ("to_q", "to_k", "to_v")), OPTIONS["rank"], random)
    seed = torch.randint(0, 2**31, (1,), generator=random).item()
    places = [i for i, role in enumerate(clip[2]) if isinstance(role, int)]
    dual = DualEmbedding(pipeline.text_encoder.config, clip[1][0, places].detach(), generator(seed))
    priors = []
    for prompt in OPTIONS["prior_prompts"].split(";"):
        subject, motion = (text.strip() for text in prompt.split(","))
        with torch.no_grad():
            trace = sampling_reference.sample(
                pipeline, torch.randn(shape, generator=random), f"{subject} {motion}", SETTINGS["negative_prompt"],
                SETTINGS["num_inference_steps"], SETTINGS["guidance_scale"])
            hidden = sampling_reference.encode_prompt(pipeline, f"{subject} {motion}")
        count = len(words(subject))
        priors.append((trace[-1], hidden, [
            "subject" if 0 < i <= count else None for i in range(hidden.shape[1])]))

    learned = part.parameters() + list(dual.tensors.values())
    optimizer = torch.optim.AdamW(learned, lr=OPTIONS["rate"], weight_decay=0.01)
    losses, kinds = [], []
    for _ in range(OPTIONS["steps"]):
        is_prior = torch.rand(1, generator=random).item() >= 1 - OPTIONS["share"]
        pool = priors if is_prior else [clip]
        latents, hidden, said = pool[
            torch.randint(0, len(pool), (1,), generator=random).item() if len(pool) > 1 else 0]
        t = torch.randint(0, scheduler.config.num_train_timesteps, (1,), generator=random)
        noise = torch.randn(latents.shape, generator=random)
        prediction = unet(scheduler.add_noise(latents, noise, t), t, dual(hidden, said), Changes([(part, 0)]))
        loss = torch.nn.functional.mse_loss(prediction, noise)
        taught = [dual.tensors["subject"]] if is_prior else learned
        optimizer.zero_grad()  # what has no gradient is left alone, moments and all
        for tensor, slope in zip(taught, torch.autograd.grad(loss, taught), strict=True):
            tensor.grad = slope
        optimizer.step()
        losses.append(loss.item())
        kinds.append(is_prior)
    assert 2 < sum(kinds) < 8, kinds

    # The prompt lacks the phrase, and gets it at its end.
    prompt = f"{SETTINGS['prompt']} {OPTIONS['motion_phrase']}"
    said = roles(ids(prompt), tokenizer.eos_token_id, phrase)
    with torch.no_grad():
        def predict(z, t, text):
            return unet(z, t, torch.cat([text[:1], dual(text[1:], said)]), Changes([(part, 0)]))

        start = torch.randn(shape, generator=generator(SETTINGS["sampling_seed"]))
        trace = sampling_reference.sample(pipeline, start, prompt, SETTINGS["negative_prompt"],
                                          SETTINGS["num_inference_steps"], SETTINGS["guidance_scale"], predict=predict)
        frames = sampling_reference.decode_frames(pipeline, trace[-1])
    save_tensors(f"{FOLDER}/golden/syn_motion.safetensors", {
        "losses": torch.tensor(losses), "frames": frames, "priors/0": priors[0][0], "subject": dual.tensors["subject"]})
    save_json(f"{FOLDER}/golden/syn_motion.json", OPTIONS)
