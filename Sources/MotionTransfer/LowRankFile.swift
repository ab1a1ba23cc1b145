import Checkpoints
import Diffusion
import Layers
import Tensors

/// Low-rank additions and weight differences in files: any naming in, `LowRankNaming` out.
struct LowRankTensors {
  private var downs: [String: Tensor] = [:]
  private var ups: [String: Tensor] = [:]
  private var alphas: [String: Float] = [:]
  private var order: [String] = []
  private(set) var differences: [(path: String, tensor: Tensor)] = []
  /// Matrices without names, in their order: MotionDirector's lists.
  private var nameless: [Int: Tensor] = [:]

  /// Takes a tensor whose name says that it belongs here; false for another.
  mutating func add(_ name: String, _ tensor: Tensor) -> Bool {
    if let place = Int(name), place >= 0 {
      nameless[place] = tensor
      return true
    }
    guard let key = LowRankKey(name) else { return false }
    switch key.role {
    case .down:
      downs[key.path] = tensor
      order.append(key.path)
    case .up: ups[key.path] = tensor
    case .alpha: alphas[key.path] = tensor.count == 1 ? tensor.item : .nan
    case .difference: differences.append((key.path, tensor))
    }
    return true
  }

  /// The pairs, whole and of fitting ranks.
  func pairs(_ file: String) throws(MotionTransferError) -> [(path: String, pair: LowRank)] {
    func fault(_ what: String) -> MotionTransferError { MotionTransferError(.badData, "\(file): \(what)") }
    if let path = ups.keys.sorted().first(where: { downs[$0] == nil })
      ?? alphas.keys.sorted().first(where: { downs[$0] == nil })
    {
      throw fault("the low-rank addition to \(path) has no down matrix, expected a pair of down and up")
    }
    var result: [(path: String, pair: LowRank)] = []
    for path in order {
      guard let down = downs[path].flatMap(matrix), let up = ups[path].flatMap(matrix), down.shape[0] == up.shape[1]
      else {
        throw fault(
          "the low-rank addition to \(path) has \(downs[path]?.shape ?? []) and \(ups[path]?.shape ?? []), expected down "
            + "(r, K) and up (N, r) of a linear map")
      }
      let scale = alphas[path].map { $0 / Float(down.shape[0]) } ?? 1
      guard scale.isFinite else { throw fault("alpha of \(path): expected one finite number") }
      result.append((path, LowRank(down: down, up: up, scale: scale)))
    }
    return try result + unnamed(fault)
  }

  /// A list up, down, up, down; the model says later whose they are.
  private func unnamed(
    _ fault: (String) -> MotionTransferError
  ) throws(MotionTransferError) -> [(path: String, pair: LowRank)] {
    var result: [(path: String, pair: LowRank)] = []
    for index in 0..<nameless.count / 2 {
      guard let up = nameless[2 * index].flatMap(matrix), let down = nameless[2 * index + 1].flatMap(matrix),
        down.shape[0] == up.shape[1]
      else { throw fault("the list is not up, down, up, down, ...: the pair \(index) does not fit together") }
      result.append(("\(index)", LowRank(down: down, up: up, scale: 1)))
    }
    guard nameless.count % 2 == 0 else {
      throw fault("found \(nameless.count) matrices, expected pairs of up and down")
    }
    return result
  }

  /// (N, K), of a matrix or of a convolution of kernel 1.
  private func matrix(_ tensor: Tensor) -> Tensor? {
    guard tensor.rank >= 2, tensor.shape[2...].allSatisfy({ $0 == 1 }), tensor.count > 0 else { return nil }
    return tensor.reshaped(Array(tensor.shape[..<2]))
  }
}

extension MotionEmbedding {
  /// With every low-rank pair and difference under the path of a `Linear` of the model.
  ///
  /// - Throws: `mismatch` that names what has no place in the model, or another shape there
  func placed(in pipeline: TextToVideoPipeline) throws(MotionTransferError) -> MotionEmbedding {
    guard changesLinears else { return self }
    let linears = pipeline.linears
    let shapes = Dictionary(uniqueKeysWithValues: linears.map { ($0.path, $0.weight.shape) })
    var result = self
    if lora.first?.path == "0" { result.lora = try named(by: pipeline.unet.temporalLinears) }
    let aliases = pipeline.linearAliases
    result.lora = result.lora.map { (shapes[$0.path] == nil ? aliases[$0.path] ?? $0.path : $0.path, $0.pair) }
    let found = result.lora.map { ($0.path, [$0.pair.up.shape[0], $0.pair.down.shape[1]]) }
    for (path, shape) in found + differences.map({ ($0.path, $0.tensor.shape) }) where shapes[path] != shape {
      let unmatched = (found.map(\.0) + differences.map(\.path)).filter { shapes[$0] == nil }
      throw MotionTransferError(
        .mismatch,
        shapes[path].map { "the file changes \(path) by a matrix \(shape), expected \($0): it is of another model" }
          ?? "the file changes \(unmatched.prefix(8).joined(separator: ", "))\(unmatched.count > 8 ? ", ..." : "") "
          + "(\(unmatched.count) in all), which the transformers of this model's UNet and text encoder do not have; use the model that it was learned with"
      )
    }
    let order = Dictionary(uniqueKeysWithValues: linears.enumerated().map { ($1.path, $0) })
    result.lora.sort { (order[$0.path] ?? 0) < (order[$1.path] ?? 0) }
    return result
  }

  /// A nameless list by the first of MotionDirector's and TAP's target lists that it fits.
  private func named(by linears: [Linear]) throws(MotionTransferError) -> [(path: String, pair: LowRank)] {
    let lists = LowRankTargets.allCases.map { $0.select(linears) }
    let fitting = lists.first { list in
      list.count == lora.count
        && zip(list, lora).allSatisfy { $0.weight.shape == [$1.pair.up.shape[0], $1.pair.down.shape[1]] }
    }
    guard let fitting else {
      throw MotionTransferError(
        .mismatch,
        "the file is a list of \(lora.count) low-rank pairs without names, expected "
          + "\(Set(lists.map(\.count)).sorted().map(String.init).joined(separator: ", ")) pairs in the order of this model's "
          + "temporal layers; use the model that it was learned with")
    }
    return zip(fitting, lora).map { ($0.path, $1.pair) }
  }

  /// Everything that the model's linear maps are changed by, after `placed`.
  func adapters(_ settings: Settings, in pipeline: TextToVideoPipeline) -> Adapters {
    var adapters = Adapters(highway: settings.highway)
    for (path, pair) in lora {
      adapters.lora[path] = [LowRank(down: pair.down, up: pair.up, scale: pair.scale * settings.loraScale)]
    }
    guard !differences.isEmpty else { return adapters }
    let changes = Dictionary(differences.map { ($0.path, $0.tensor) }, uniquingKeysWith: +)
    for linear in pipeline.linears {
      guard let change = changes[linear.path] else { continue }
      adapters.weights[linear.path] = linear.weight.widened() + change * settings.loraScale
    }
    return adapters
  }
}

extension TextToVideoPipeline {
  /// What low-rank additions and weight differences can change: the transformers of UNet and text encoder.
  fileprivate var linears: [Linear] { unet.temporalLinears + unet.spatialLinears + textEncoder.linears }

  /// Their paths by other names: underscores for dots, and for the text encoder the older prefix.
  fileprivate var linearAliases: [String: String] {
    var aliases: [String: String] = [:]
    let encoder = textEncoder.linears.map { ("text_model.\($0.path)", $0.path) }
    for (name, path) in linears.map({ ($0.path, $0.path) }) + encoder {
      aliases[name] = path
      aliases[String(name.map { $0 == "." ? "_" : $0 })] = path
    }
    return aliases
  }
}
