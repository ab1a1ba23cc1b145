import Checkpoints
import Layers
import Tensors
import Testing

@testable import Diffusion
@testable import Layers

/// Single blocks against diffusers: outputs, and gradients for inputs and every parameter.
@Suite struct BlockTests {
  let golden: Golden
  let context = Context()

  init() throws {
    golden = try Golden("blocks/blocks.safetensors")
  }

  /// Runs one case: `make` reads its weights and gives the block as a function of its inputs, which are leaves.
  private func check(
    _ name: String, frames: Int? = nil, inputs: [String] = ["input"],
    _ make: (WeightScope) throws -> ([Tensor]) throws -> Tensor
  ) throws {
    func value(_ key: String) throws -> Tensor {
      let tensor = try golden["\(name)/\(key)"]
      guard tensor.rank == 4 else { return tensor }
      return if let frames { try golden.clips("\(name)/\(key)", frames: frames) } else {
        try golden.pictures("\(name)/\(key)")
      }
    }
    let trainable = TrainableGolden(PrefixedSource(golden.source, prefix: "\(name)/weights/"))
    let block = try make(trainable.weights.root)
    try trainable.weights.finish()
    let leaves = try inputs.map { try value($0).asParameter() }
    let output = try block(leaves)
    expectClose(output, try value("output"), 1e-5, name)
    let loss = (output * (try value("grad_output"))).sum()
    let prefix = "\(name)/gradients/"
    if golden.source.names.contains(where: { $0.hasPrefix(prefix) }) {
      try trainable.expectGradients(of: loss, golden, prefix: prefix, 1e-4)
    }
    let again = (try block(leaves) * (try value("grad_output"))).sum()
    for (gradient, input) in zip(try gradients(of: again, for: leaves), inputs) {
      expectClose(gradient, try value("grad_\(input)"), 2e-5, "\(name): gradient of \(input)")
    }
  }

  @Test func resnetBlock2D() throws {
    try check("resnet_shortcut", inputs: ["input", "time_embedding"]) { scope in
      let block = try ResnetBlock2D(scope, 8, 12, timeChannels: 16, groups: 4, epsilon: 1e-5)
      return { block($0[0], time: $0[1].silu(), context) }
    }
    try check("resnet_without_time") { scope in
      let block = try ResnetBlock2D(scope, 8, 8, groups: 2, epsilon: 1e-6)
      return { block($0[0], context) }
    }
  }

  @Test func temporalConvLayer() throws {
    try check("temporal_conv_layer", frames: 5) { scope in
      let block = try TemporalConvLayer(scope, 8, groups: 4)
      return { block($0[0]) }
    }
  }

  @Test func transformerTemporalModel() throws {
    try check("transformer_temporal", frames: 5) { scope in
      let block = try TransformerTemporalModel(scope, 12, heads: 3, headWidth: 4, groups: 4)
      return { block($0[0], context) }
    }
    try check("transformer_temporal_wide", frames: 7) { scope in
      let block = try TransformerTemporalModel(scope, 8, heads: 8, headWidth: 4, groups: 4)
      return { block($0[0], context) }
    }
  }

  @Test(arguments: ["transformer_2d_linear", "transformer_2d_convolution"])
  func transformer2DModel(name: String) throws {
    try check(name, frames: 1, inputs: ["input", "text"]) { scope in
      let block = try Transformer2DModel(scope, 16, headWidth: 8, textChannels: 10, groups: 8)
      return { block($0[0], text: TextContext($0[1]), context) }
    }
  }

  @Test func autoencoderAttention() throws {
    try check("vae_attention") { scope in
      let block = try AutoencoderAttention(scope, 12, groups: 4)
      return { block($0[0], context) }
    }
  }

  @Test func sampling() throws {
    for (name, padding) in [("downsample", 1), ("downsample_vae", 0)] {
      try check(name) { scope in
        let block = try Downsample2D(scope, 6, padding: padding)
        return { block($0[0]) }
      }
    }
    try check("upsample") { scope in
      let block = try Upsample2D(scope, 6)
      return { block($0[0]) }
    }
    try check("upsample_to_size") { scope in
      let block = try Upsample2D(scope, 6)
      return { block($0[0], to: (5, 7)) }
    }
  }

  @Test func timestepEmbedding() throws {
    try check("time_embedding") { scope in
      let block = try TimestepEmbedding(scope, width: 8, channels: 32)
      return { block.embed($0[0], context) }
    }
    let timesteps = try golden.integers("sinusoid/timesteps")
    for width in [8, 320] {
      let found = TimestepEmbedding.sinusoids(timesteps.map(Float.init), width: width)
      // An angle near 1000 in single precision is known to 6e-5.
      expectClose(found, try golden["sinusoid/\(width)"], 1e-4, "sinusoids \(width)")
    }
  }
}
