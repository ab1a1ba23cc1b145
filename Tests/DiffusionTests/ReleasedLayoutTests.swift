import Checkpoints
import Glibc
import Layers
import Synchronization
import Tensors
import Testing

@testable import Diffusion

/// Names, shapes and numbers of parameters of the released models, which are too large to be fixtures: what the classes
/// ask a checkpoint for, against diffusers' tensor tables.
@Suite struct ReleasedLayoutTests {
  private func configuration(_ text: String) throws -> Configuration {
    try Configuration(JSON(parsing: Array(text.utf8), file: "config.json"), file: "config.json")
  }

  private func expectLayout(_ name: String, _ body: (WeightScope) throws -> Void) throws {
    let source = AskedSource()
    try body(Weights(source, name: name).root)
    let expected = try #require(try Golden.configuration("layouts/layouts.json").nested(name))
    #expect(source.shapes.count == (try expected.int("tensors")))
    #expect(source.parameters == (try expected.int("parameters", in: 1...1 << 40)))
    #expect(source.digest == (try expected.string("sha256")), "\(name): names or shapes differ")
  }

  /// ZeroScope, ModelScope, VideoCrafter2.
  @Test func clipModel() throws {
    let unet = try UNetConfiguration(try configuration("{}"))
    try expectLayout("unet-3d") { _ = try UNet3DConditionModel($0, unet) }
  }

  @Test(arguments: [("v1", 24, false, 417_137_600), ("v2", 32, true, 453_209_280), ("v3", 32, false, 417_137_600)])
  func pictureModelWithAdapter(name: String, frames: Int, mid: Bool, parameters: Int) throws {
    let adapter = try MotionAdapterConfiguration(
      adapter: try configuration(#"{"motion_max_seq_length": \#(frames), "use_motion_mid_block": \#(mid)}"#))
    let json = try configuration(
      #"{"_class_name": "UNet2DConditionModel", "attention_head_dim": 8, "cross_attention_dim": 768, "#
        + #""down_block_types": ["CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D", "DownBlock2D"], "#
        + #""up_block_types": ["UpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "CrossAttnUpBlock2D"]}"#)
    let unet = try UNetConfiguration(json, adapter: adapter)
    try expectLayout("unet-stable-diffusion") { pictures in
      try expectLayout(name) { motion in
        _ = try UNetMotionModel(pictures, motion: motion, unet)
      }
    }
    let modules = AskedSource()
    let (pictures, motion) = (Weights(AskedSource(), name: "pictures"), Weights(modules, name: "motion"))
    _ = try UNetMotionModel(pictures.root, motion: motion.root, unet)
    #expect(modules.parameters == parameters)
  }

  @Test func autoencoder() throws {
    let types = { (name: String) in Array(repeating: "\"\(name)\"", count: 4).joined(separator: ", ") }
    let vae = try AutoencoderKLConfiguration(
      try configuration(
        #"{"block_out_channels": [128, 256, 512, 512], "layers_per_block": 2, "#
          + "\"down_block_types\": [\(types("DownEncoderBlock2D"))], \"up_block_types\": [\(types("UpDecoderBlock2D"))]}"
      ))
    try expectLayout("vae") { _ = try AutoencoderKL($0, vae) }
  }

  @Test(arguments: [("text-open-clip", 1024, 4096, 23, 16), ("text-clip", 768, 3072, 12, 12)])
  func textEncoder(name: String, width: Int, inner: Int, layers: Int, heads: Int) throws {
    let text = try CLIPTextConfiguration(
      try configuration(
        #"{"hidden_size": \#(width), "intermediate_size": \#(inner), "num_hidden_layers": \#(layers), "#
          + #""num_attention_heads": \#(heads)}"#))
    try expectLayout(name) { _ = try CLIPTextModel($0, text) }
  }

  /// The sizes of MotionDirector's LoRAs on ZeroScope, rank 32, that its authors report: about 12 and 9 million.
  @Test func lowRankSizes() throws {
    let source = AskedSource()
    let unet = try UNetConfiguration(try configuration("{}"))
    _ = try UNet3DConditionModel(Weights(source, name: "unet").root, unet)
    func parameters(_ isTarget: (String) -> Bool) -> Int {
      source.shapes.filter { $0.value.count == 2 && isTarget($0.key) }.reduce(0) {
        $0 + 32 * ($1.value[0] + $1.value[1])
      }
    }
    let parts = [".attn1.", ".attn2.", ".ff."]
    #expect(
      parameters { key in
        (key.contains("temp_attentions.") || key.hasPrefix("transformer_in.")) && parts.contains { key.contains($0) }
      } == 12_472_320)
    #expect(
      parameters { key in key.contains(".attentions.") && (key.contains(".attn1.") || key.contains(".ff.")) }
        == 8_785_920)
  }
}

/// A source that holds nothing: it notes what it is asked for, and gives tensors that occupy no memory.
private final class AskedSource: WeightSource {
  private let asked = Mutex<[String: [Int]]>([:])
  let names: [String] = []
  let creates = true

  var shapes: [String: [Int]] { asked.withLock { $0 } }
  var parameters: Int { shapes.values.reduce(0) { $0 + $1.reduce(1, *) } }

  var digest: String {
    let lines = shapes.sorted { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }.map { key, shape in
      var shape = shape
      while shape.count > 2, shape.last == 1 { shape.removeLast() }
      return "\(key) \(shape.map(String.init).joined(separator: ","))\n"
    }
    return sha256(lines.joined().utf8)
  }

  func shape(of name: String) -> [Int]? { nil }

  func tensor(
    _ name: String, shape: [Int], layout: WeightLayout, initializer: Initializer, fanIn: Int
  ) throws -> Tensor {
    asked.withLock { $0[name] = shape }
    return Tensor(mapped: Self.pages.start, dtype: .float32, shape: layout.laidOutShape(shape), owner: Self.pages)
  }

  private static let pages = Pages()

  /// Zeros for the largest tensor, in no memory until they are read.
  private final class Pages: @unchecked Sendable {
    /// Unchecked: read only.
    let start: UnsafeRawPointer

    init() {
      let flags = MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE
      guard let start = mmap(nil, 1 << 28, PROT_READ, flags, -1, 0), start != MAP_FAILED else { fatalError("mmap") }
      self.start = UnsafeRawPointer(start)
    }
  }
}
