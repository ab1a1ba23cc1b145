import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

/// A fixture of Tests/Goldens, in torch's layouts.
struct Golden {
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens").path()

  let source: SafeTensors

  /// - Parameter path: within Tests/Goldens
  init(_ path: String) throws {
    source = try SafeTensors(contentsOf: Self.folder + "/" + path)
  }

  /// As it lies in the file.
  subscript(_ name: String) -> Tensor {
    get throws { try source.tensor(name) }
  }

  /// (N, C, H, W) -> (N, H, W, C)
  func pictures(_ name: String) throws -> Tensor {
    try self[name].permuted([0, 2, 3, 1])
  }

  /// (B, C, F, H, W) -> (B, F, H, W, C)
  func clips(_ name: String) throws -> Tensor {
    try self[name].permuted([0, 2, 3, 4, 1])
  }

  /// (B·F, C, H, W) -> (B, F, H, W, C)
  func clips(_ name: String, frames: Int) throws -> Tensor {
    let pictures = try pictures(name)
    return pictures.reshaped([-1, frames] + pictures.shape.dropFirst())
  }

  func integers(_ name: String) throws -> [Int] {
    try self[name].toArray().map { Int($0) }
  }

  func has(_ name: String) -> Bool { source.shape(of: name) != nil }

  static func configuration(_ path: String) throws -> Configuration {
    try Configuration(contentsOf: folder + "/" + path)
  }
}

/// Fails unless the largest difference is below `tolerance` times the largest expected element.
func expectClose(
  _ actual: Tensor, _ expected: Tensor, _ tolerance: Float, _ what: String = "",
  floor: Float = 1e-6, sourceLocation: SourceLocation = #_sourceLocation
) {
  guard actual.shape == expected.shape else {
    Issue.record("\(what): shape \(actual.shape), expected \(expected.shape)", sourceLocation: sourceLocation)
    return
  }
  let (a, e) = (actual.toArray(), expected.toArray())
  let scale = e.reduce(floor) { max($0, abs($1)) }
  let error = zip(a, e).reduce(Float(0)) { max($0, abs($1.0 - $1.1)) } / scale
  // A NaN compares false.
  #expect(error < tolerance, "\(what): relative error \(error)", sourceLocation: sourceLocation)
}

/// Parameters of a model from a file, and their gradients compared under the checkpoint's names.
struct TrainableGolden {
  let store: ParameterStore
  let weights: Weights

  init(_ source: any WeightSource) {
    store = ParameterStore(source)
    weights = Weights(store, name: "golden")
  }

  /// Compares all gradients with `expected`, whose keys are `prefix` + parameter, each relative to its largest element.
  ///
  /// Some gradients are zero by structure and hold rounding noise: a thousandth of the largest of all is the least
  /// that counts.
  func expectGradients(
    of loss: Tensor, _ expected: Golden, prefix: String = "", _ tolerance: Float
  ) throws {
    let parameters = store.parameters
    #expect(!parameters.isEmpty)
    let found = try gradients(of: loss, for: parameters.map(\.tensor))
    let goldens = try parameters.map { try expected[prefix + $0.name].reshaped($0.shape) }
    let largest = goldens.flatMap { $0.toArray() }.reduce(Float(0)) { max($0, abs($1)) }
    for (i, parameter) in parameters.enumerated() {
      let ordered = parameter.layout.checkpointOrder(found[i], shape: parameter.shape)
      expectClose(ordered, goldens[i], tolerance, "gradient of \(parameter.name)", floor: largest / 1000)
    }
  }
}
