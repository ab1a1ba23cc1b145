import Checkpoints
import Diffusion
import Layers
import Tensors
import Testing

/// Low-rank additions to a frozen UNet, against the same additions to diffusers' modules.
@Suite struct LowRankTests {
  private func paths(_ golden: Golden) -> [String] {
    golden.source.names.filter { $0.hasSuffix("/scale") }.map { String($0.dropLast("/scale".count)) }
  }

  @Test func outputsAndGradients() throws {
    let tiny = try TinyFolder("tiny-zeroscope")
    let golden = try Golden("lora/lora.safetensors")
    let paths = paths(golden)
    #expect(paths.count == 3)

    func run(_ pairs: [String: LowRank], prepared: Bool = false) throws -> Tensor {
      let context = Context(adapters: Adapters(lora: pairs.mapValues { [$0] }))
      let text = try golden["text"]
      return try tiny.unet(
        try golden.clips("sample"), timesteps: try golden.integers("timesteps"),
        text: prepared ? tiny.unet.prepare(text, context) : TextContext(text), context)
    }
    expectClose(try run([:]), try golden.clips("output/without"), 1e-4, "without")

    let leaves = try paths.flatMap { path in
      try ["down", "up"].map { try golden["\(path)/\($0)"].asParameter() }
    }
    var pairs: [String: LowRank] = [:]
    for (i, path) in paths.enumerated() {
      let pair = LowRank(down: leaves[2 * i], up: leaves[2 * i + 1], scale: try golden["\(path)/scale"].item)
      expectClose(try run([path: pair]), try golden.clips("output/\(path)"), 1e-4, path)
      pairs[path] = pair
    }
    let output = try run(pairs)
    expectClose(output, try golden.clips("output"), 1e-4, "all")
    #expect(try run(pairs, prepared: true).toArray() == output.toArray())

    let loss = output.meanSquaredError(try golden.clips("target"))
    expectClose(loss, try golden["loss"], 1e-4, "loss")
    let found = try gradients(of: loss, for: leaves)
    for (i, path) in paths.enumerated() {
      expectClose(found[2 * i], try golden["\(path)/grad_down"], 1e-4, "\(path) down")
      expectClose(found[2 * i + 1], try golden["\(path)/grad_up"], 1e-4, "\(path) up")
    }
  }
}
