import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

/// A fixture of Tests/Goldens, in torch's layouts.
struct Golden {
  /// The folder of all fixtures.
  static let folder = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
    .appending(path: "Goldens").path()

  /// The file.
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

  /// Whole numbers, whatever their type in the file.
  func integers(_ name: String) throws -> [Int] {
    try self[name].toArray().map { Int($0) }
  }

  /// Whether the fixture holds a tensor.
  func has(_ name: String) -> Bool { source.shape(of: name) != nil }

  /// A JSON file of the fixtures.
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
