import Checkpoints
import Testing

@testable import Diffusion

/// What the engine does not have is an error that names the key, never a silent guess.
@Suite struct ConfigurationTests {
  private func configuration(_ text: String) throws -> Configuration {
    try Configuration(JSON(parsing: Array(text.utf8), file: "config.json"), file: "config.json")
  }

  /// The message of the error, which must be about `key`.
  private func expectError(_ key: String, _ text: String, _ read: (Configuration) throws -> Void) throws {
    let json = try configuration(text)
    let error = #expect(throws: CheckpointError.self, "\(text)") { try read(json) }
    #expect(error?.message.contains("\"\(key)\"") == true, "\(error?.message ?? "")")
  }

  @Test(arguments: [
    ("act_fn", #"{"act_fn": "mish"}"#),
    ("down_block_types", #"{"block_out_channels": [64], "down_block_types": ["DownBlock2D"]}"#),
    ("down_block_types", #"{"down_block_types": ["DownBlock3D"]}"#),
    ("up_block_types", #"{"up_block_types": ["UpBlock3D"]}"#),
    ("time_cond_proj_dim", #"{"time_cond_proj_dim": 256}"#),
    ("num_attention_heads", #"{"num_attention_heads": 8}"#),
    ("attention_head_dim", #"{"attention_head_dim": [5, 10, 20, 20]}"#),
    ("attention_head_dim", #"{"attention_head_dim": 512}"#),
    ("norm_num_groups", #"{"norm_num_groups": 7}"#),
    ("downsample_padding", #"{"downsample_padding": 2}"#),
    ("mid_block_scale_factor", #"{"mid_block_scale_factor": 0}"#),
    ("layers_per_block", #"{"layers_per_block": -1}"#),
    ("block_out_channels", #"{"block_out_channels": []}"#),
  ])
  func unet(key: String, text: String) throws {
    try expectError(key, text) { _ = try UNetConfiguration($0) }
  }

  @Test func unetDefaultsAreZeroScopes() throws {
    let unet = try UNetConfiguration(try configuration(#"{"num_attention_heads": null}"#))
    #expect(unet.blockOutChannels == [320, 640, 1280, 1280])
    #expect(unet.downAttention == [true, true, true, false])
    #expect(unet.upAttention == [false, true, true, true])
    #expect(unet.headWidths == [64, 64, 64, 64] && unet.crossAttentionChannels == 1024 && unet.normGroups == 32)
    #expect(unet.sampleSize == nil)
  }

  @Test(arguments: [
    ("act_fn", #"{"act_fn": "mish"}"#),
    ("down_block_types", #"{"down_block_types": ["AttnDownEncoderBlock2D"]}"#),
    ("up_block_types", #"{"up_block_types": ["UpBlock2D"]}"#),
    ("shift_factor", #"{"shift_factor": 0.1}"#),
    ("latents_mean", #"{"latents_mean": [0, 0, 0, 0]}"#),
    ("norm_num_groups", #"{"norm_num_groups": 48}"#),
    ("scaling_factor", #"{"scaling_factor": 0}"#),
  ])
  func autoencoder(key: String, text: String) throws {
    try expectError(key, text) { _ = try AutoencoderKLConfiguration($0) }
  }

  @Test(arguments: [
    ("hidden_act", #"{"hidden_act": "relu"}"#),
    ("num_attention_heads", #"{"num_attention_heads": 7}"#),
    ("vocab_size", #"{"vocab_size": "many"}"#),
  ])
  func textEncoder(key: String, text: String) throws {
    try expectError(key, text) { _ = try CLIPTextConfiguration($0) }
  }

  @Test(arguments: [
    ("beta_schedule", #"{"beta_schedule": "sigmoid"}"#),
    ("prediction_type", #"{"prediction_type": "flow"}"#),
    ("timestep_spacing", #"{"timestep_spacing": "random"}"#),
    ("thresholding", #"{"thresholding": true}"#),
    ("trained_betas", #"{"trained_betas": [0.1]}"#),
    ("beta_end", #"{"beta_end": 1.5}"#),
    ("steps_offset", #"{"steps_offset": -1}"#),
  ])
  func scheduler(key: String, text: String) throws {
    try expectError(key, text) { _ = try DDIMScheduler($0) }
  }
}
