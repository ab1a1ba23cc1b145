import Synchronization

private let order = Atomic<UInt64>(0)

/// A place in the record of what was computed: which nodes went in and how to send a gradient back to them.
///
/// Nodes are numbered as they are made, so descending numbers are a valid order for the way back.
final class Node: @unchecked Sendable {
  let number: UInt64
  private(set) var inputs: [Node?]
  /// The gradient of each input, in order, from the gradient of the output. nil: a leaf.
  private(set) var pullback: ((Tensor) throws -> [Tensor?])?

  /// A leaf.
  init() {
    number = order.wrappingAdd(1, ordering: .relaxed).newValue
    inputs = []
    pullback = nil
  }

  init(inputs: [Node?], pullback: @escaping (Tensor) throws -> [Tensor?]) {
    number = order.wrappingAdd(1, ordering: .relaxed).newValue
    self.inputs = inputs
    self.pullback = pullback
  }

  var isLeaf: Bool { pullback == nil && inputs.isEmpty }

  /// Hands out the pullback and forgets it with all that it holds, before the way back goes on.
  func consume() -> (inputs: [Node?], pullback: (Tensor) throws -> [Tensor?])? {
    guard let pullback else { return nil }
    defer {
      self.pullback = nil
      inputs = []
    }
    return (inputs, pullback)
  }
}

enum Recording {
  /// Whether operations record nodes now.
  @TaskLocal static var isOn = true
}

/// Computes without recording, whatever the inputs carry.
public func withoutGradients<R>(_ body: () throws -> R) rethrows -> R {
  try Recording.$isOn.withValue(false, operation: body)
}

/// Whether an operation on `inputs` records a node now.
func isRecorded(_ inputs: [Tensor?]) -> Bool {
  Recording.isOn && inputs.contains { $0?.node != nil }
}

extension Tensor {
  /// This result with a node, if any of `inputs` has one and recording is on. `pullback` captures only what its formula
  /// names and gives one gradient per input; it may give nil for inputs without a node.
  func recorded(_ inputs: [Tensor?], _ pullback: @escaping (Tensor) throws -> [Tensor?]) -> Tensor {
    guard isRecorded(inputs) else { return self }
    var result = self
    result.node = Node(inputs: inputs.map { $0?.node }, pullback: pullback)
    return result
  }
}
