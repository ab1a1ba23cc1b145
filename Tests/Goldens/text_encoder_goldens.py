"""CLIPTextModel with both activations, and with the released key names (`text_model.` before every key).

transformers 5 dropped that prefix from its own module; all released checkpoints carry it. Old ones also hold the
buffer `text_model.embeddings.position_ids`.
"""

import json

import torch
from golden_writer import folder, generator, randomize, save_json, save_tensors
from transformers import CLIPTextConfig, CLIPTextModel

PREFIX = "text_model."


def new_text_encoder(seed: int, **config) -> CLIPTextModel:
    config = CLIPTextConfig(bos_token_id=0, eos_token_id=2, pad_token_id=1, projection_dim=16, **config)
    return randomize(CLIPTextModel(config), seed)


def write_text_encoder(name: str, model: CLIPTextModel, position_ids: bool = False) -> None:
    config = json.loads(model.config.to_json_string(use_diff=False))
    keep = ["architectures", "attention_dropout", "bos_token_id", "dropout", "eos_token_id", "hidden_act", "hidden_size",
            "initializer_factor", "initializer_range", "intermediate_size", "layer_norm_eps",
            "max_position_embeddings", "model_type", "num_attention_heads", "num_hidden_layers", "pad_token_id",
            "projection_dim", "vocab_size"]
    config["architectures"] = ["CLIPTextModel"]
    save_json(folder(name) / "config.json", {key: config[key] for key in keep if key in config} |
              {"torch_dtype": "float32", "transformers_version": "4.25.0.dev0"})
    tensors = {PREFIX + key: value for key, value in model.state_dict().items() if "position_ids" not in key}
    if position_ids:
        tensors[PREFIX + "embeddings.position_ids"] = torch.arange(config["max_position_embeddings"])[None]
    save_tensors(folder(name) / "model.safetensors", tensors)


def make_case(name: str, seed: int, activation: str, position_ids: bool) -> None:
    vocabulary, positions = 40, 11
    model = new_text_encoder(seed, vocab_size=vocabulary, hidden_size=16, intermediate_size=40, num_hidden_layers=2,
                             num_attention_heads=4, max_position_embeddings=positions, hidden_act=activation)
    write_text_encoder(name, model, position_ids)
    random = generator(seed)
    ids = torch.randint(0, vocabulary, (3, positions), generator=random)
    output = model(ids).last_hidden_state
    target = torch.randn(output.shape, generator=random)
    loss = torch.nn.functional.mse_loss(output, target)
    loss.backward()
    save_tensors(f"{name}/golden.safetensors",
                 {"ids": ids, "output": output, "short_output": model(ids[:1, :5]).last_hidden_state,
                  "target": target, "loss": loss})
    save_tensors(f"{name}/gradients.safetensors",
                 {PREFIX + key: parameter.grad for key, parameter in model.named_parameters()})


def make() -> None:
    make_case("clip-gelu", 21, "gelu", position_ids=False)
    make_case("clip-quick-gelu", 22, "quick_gelu", position_ids=True)
