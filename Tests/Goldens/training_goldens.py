"""Ten AdamW steps on all parameters of a UNet and its text encoder."""

import torch
from ddim_goldens import CONFIGS
from diffusers import DDIMScheduler, UNet3DConditionModel
from golden_writer import ROOT, generator, save_json, save_tensors
from transformers import CLIPTextModel

SETTINGS = dict(unet="unet-gradients", text_encoder="clip-gelu", steps=10, learning_rate=0.0005, betas=[0.9, 0.999],
                epsilon=1e-8, weight_decay=0.01)


def make() -> None:
    unet = UNet3DConditionModel.from_pretrained(ROOT / SETTINGS["unet"]).eval()
    text_encoder = CLIPTextModel.from_pretrained(ROOT / SETTINGS["text_encoder"]).eval()
    scheduler = DDIMScheduler(**CONFIGS["zeroscope"])
    random, steps = generator(72), SETTINGS["steps"]
    latents = torch.randn((2, 4, 3, 5, 7), generator=random)
    ids = torch.randint(0, text_encoder.config.vocab_size, (2, 11), generator=random)
    timesteps = torch.randint(0, 1000, (steps, 2), generator=random)
    noise = torch.randn((steps, *latents.shape), generator=random)

    def forward(step: int) -> tuple[torch.Tensor, torch.Tensor]:
        noisy = scheduler.add_noise(latents, noise[step], timesteps[step])
        output = unet(noisy, timesteps[step], text_encoder(ids).last_hidden_state).sample
        return output, torch.nn.functional.mse_loss(output, noise[step])

    optimizer = torch.optim.AdamW([*unet.parameters(), *text_encoder.parameters()], lr=SETTINGS["learning_rate"],
                                  betas=SETTINGS["betas"], eps=SETTINGS["epsilon"],
                                  weight_decay=SETTINGS["weight_decay"])
    losses = []
    for step in range(steps):
        _, loss = forward(step)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    output, loss = forward(steps - 1)
    save_tensors("training/training.safetensors",
                 {"latents": latents, "ids": ids, "timesteps": timesteps, "noise": noise,
                  "losses": torch.tensor(losses), "final_loss": loss, "final_output": output})
    save_json("training/training.json", SETTINGS)
