import Checkpoints

/// The sizes of the bundled model's parts, and their configuration files.
public struct Recipe: Sendable, Equatable {
  /// `block_out_channels` of the video UNet.
  public var unetChannels = [64, 96, 128]
  /// Levels of the UNet, from the finest, that have no attention: it costs most where there are most cells.
  public var plainLevels = 1
  /// `attention_head_dim`: width of one head.
  public var headWidth = 16
  /// `norm_num_groups` of the UNet.
  public var unetGroups = 16
  /// Width of the text encoder.
  public var textWidth = 128
  /// Layers of the text encoder.
  public var textLayers = 2
  /// `block_out_channels` of the autoencoder: four levels, a latent cell for 8x8 pixels.
  public var autoencoderChannels = [32, 48, 64, 96]
  /// `norm_num_groups` of the autoencoder.
  public var autoencoderGroups = 8
  /// Channels of the latents.
  public var latentChannels = 16
  /// Tokens of a prompt, with start and end.
  public var promptLength = 16
  /// Edge of a frame in pixels.
  public var size = 128
  /// Frames of a clip.
  public var frames = 16

  /// The bundled model's sizes.
  public init() {}

  /// `unet/config.json`.
  var unetConfiguration: String {
    let kinds = unetChannels.indices.map { $0 < plainLevels ? "" : "CrossAttn" }
    let down = kinds.map { "\"\($0)DownBlock3D\"" }.joined(separator: ", ")
    let up = kinds.reversed().map { "\"\($0)UpBlock3D\"" }.joined(separator: ", ")
    return """
      {
        "_class_name": "UNet3DConditionModel",
        "_diffusers_version": "0.42.0",
        "act_fn": "silu",
        "attention_head_dim": \(headWidth),
        "block_out_channels": \(unetChannels),
        "cross_attention_dim": \(textWidth),
        "down_block_types": [\(down)],
        "downsample_padding": 1,
        "in_channels": \(latentChannels),
        "layers_per_block": 1,
        "mid_block_scale_factor": 1,
        "norm_eps": 1e-05,
        "norm_num_groups": \(unetGroups),
        "out_channels": \(latentChannels),
        "sample_size": \(size / 8),
        "up_block_types": [\(up)]
      }

      """
  }

  /// `text_encoder/config.json`.
  func textConfiguration(_ tokenizer: TokenizerFiles) -> String {
    """
    {
      "architectures": ["CLIPTextModel"],
      "model_type": "clip_text_model",
      "attention_dropout": 0.0,
      "bos_token_id": \(tokenizer.startId),
      "eos_token_id": \(tokenizer.endId),
      "pad_token_id": \(tokenizer.endId),
      "hidden_act": "quick_gelu",
      "hidden_size": \(textWidth),
      "intermediate_size": \(4 * textWidth),
      "layer_norm_eps": 1e-05,
      "max_position_embeddings": \(promptLength),
      "num_attention_heads": 4,
      "num_hidden_layers": \(textLayers),
      "projection_dim": \(textWidth),
      "torch_dtype": "float16",
      "vocab_size": \(tokenizer.vocabulary.count)
    }

    """
  }

  /// `vae/config.json`. The latents are the code itself: its root mean square is 1, so they need no scaling.
  var autoencoderConfiguration: String {
    """
    {
      "_class_name": "AutoencoderKL",
      "_diffusers_version": "0.42.0",
      "act_fn": "silu",
      "block_out_channels": \(autoencoderChannels),
      "down_block_types": ["DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D", "DownEncoderBlock2D"],
      "in_channels": 3,
      "latent_channels": \(latentChannels),
      "layers_per_block": 1,
      "norm_num_groups": \(autoencoderGroups),
      "out_channels": 3,
      "sample_size": \(size),
      "scaling_factor": 1.0,
      "up_block_types": ["UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D", "UpDecoderBlock2D"]
    }

    """
  }

  /// `scheduler/scheduler_config.json`: ZeroScope's noise levels rescaled to zero terminal signal. A corpus clip's
  /// flat background would show through the last level otherwise, and sampling from pure noise would drift to grey.
  static let schedulerConfiguration = """
    {
      "_class_name": "DDIMScheduler",
      "_diffusers_version": "0.42.0",
      "beta_end": 0.012,
      "beta_schedule": "scaled_linear",
      "beta_start": 0.00085,
      "clip_sample": false,
      "num_train_timesteps": 1000,
      "prediction_type": "v_prediction",
      "rescale_betas_zero_snr": true,
      "set_alpha_to_one": true,
      "steps_offset": 0,
      "timestep_spacing": "trailing"
    }

    """

  /// `model_index.json`.
  static let modelIndex = """
    {
      "_class_name": "TextToVideoSDPipeline",
      "_diffusers_version": "0.42.0",
      "scheduler": ["diffusers", "DDIMScheduler"],
      "text_encoder": ["transformers", "CLIPTextModel"],
      "tokenizer": ["transformers", "CLIPTokenizer"],
      "unet": ["diffusers", "UNet3DConditionModel"],
      "vae": ["diffusers", "AutoencoderKL"]
    }

    """

  /// Clips that the model makes itself for SynMotion: the place first, so that subject and motion are apart.
  private static let priorPrompts = [
    "on grass a bear, moving left", "in the sea a fish, moving right", "on a road a pig, jumping",
    "in the forest a frog, hopping", "in the snow a penguin, moving down", "in the desert a fox, circling",
    "in the sky a butterfly, moving up", "at sunset a whale, zigzagging",
  ]

  /// `motion_transfer.json`: what this model recommends. The sites are the temporal attentions of the finest level that
  /// has some, whose cells are small enough to place a subject.
  func recommendations(words: [String]) -> String {
    let up = unetChannels.count - 1 - plainLevels
    let sites =
      ["down_blocks.\(plainLevels).temp_attentions.0"] + (0...1).map { "up_blocks.\(up).temp_attentions.\($0)" }
    return """
      {
        "sites": "\(sites.joined(separator: ","))",
        "inversion-steps": 160,
        "ddim-inversion-steps": 20,
        "learning-rate": 0.1,
        "num-inference-steps": 20,
        "guidance-scale": 5.0,
        "guidance-rescale": 0.7,
        "noise-prior": 0.0,
        "debias-mode": "normalize",
        "motion-scale": 1.2,
        "apply-until": 0.6,
        "width": \(size),
        "height": \(size),
        "num-frames": \(frames),
        "frame-rate": 8,
        "prior-prompts": [\(Self.priorPrompts.map { "\"\($0)\"" }.joined(separator: ", "))],
        "words": [\(words.map { "\"\($0)\"" }.joined(separator: ", "))]
      }

      """
  }

  /// One of the configurations above as the models' loaders read it.
  static func parsed(_ text: String) throws -> Configuration {
    try Configuration(JSON(parsing: Array(text.utf8), file: "recipe"), file: "recipe")
  }
}
