import Kernels

/// The way back: gradients wait at their nodes until every user of the node has added its share.
///
/// Nodes are numbered as they are made, so the waiting node with the highest number has no user left.
private final class Backward {
  private let checkCancellation: () throws -> Void
  private var gradients: [UInt64: (node: Node, gradient: Tensor)] = [:]
  /// Numbers of the waiting nodes that are not leaves: a heap, the highest first.
  private var queue: [UInt64] = []

  /// The pass that is running on this thread, for recomputed pieces.
  @TaskLocal static var current: Unowned?

  struct Unowned: @unchecked Sendable { let pass: Backward }

  func add(_ gradient: Tensor, to node: Node) {
    guard var sum = gradients.removeValue(forKey: node.number)?.gradient else {
      gradients[node.number] = (node, gradient.detached())
      if !node.isLeaf { push(node.number) }
      return
    }
    // Added in place, unless the waiting one is still somebody else's, too.
    if !sum.ownsStorage() { sum = sum.copied() }
    withExtendedLifetime((sum, gradient)) {
      Elementwise.accumulate(
        gradient.pointer, into: UnsafeMutablePointer(mutating: sum.pointer), count: sum.count)
    }
    gradients[node.number] = (node, sum)
  }

  func take(_ node: Node) -> Tensor? {
    gradients.removeValue(forKey: node.number)?.gradient
  }

  /// Sends what waits down to the leaves. Nodes numbered up to `floor` keep theirs: what a recomputed piece sends to
  /// tensors from outside it waits there for their other users.
  func run(above floor: UInt64 = 0) throws {
    while let number = queue.first, number > floor {
      try checkCancellation()
      removeFirst()
      guard let (node, dy) = gradients.removeValue(forKey: number),
        let (inputs, pullback) = node.consume()
      else { continue }
      for (input, gradient) in zip(inputs, try pullback(dy)) {
        if let input, let gradient { add(gradient, to: input) }
      }
    }
  }

  private func push(_ number: UInt64) {
    queue.append(number)
    var child = queue.count - 1
    while child > 0, queue[(child - 1) / 2] < queue[child] {
      queue.swapAt(child, (child - 1) / 2)
      child = (child - 1) / 2
    }
  }

  private func removeFirst() {
    queue.swapAt(0, queue.count - 1)
    queue.removeLast()
    var parent = 0
    while true {
      let children = (2 * parent + 1..<2 * parent + 3).filter { $0 < queue.count }
      guard let largest = children.max(by: { queue[$0] < queue[$1] }), queue[largest] > queue[parent] else {
        return
      }
      queue.swapAt(parent, largest)
      parent = largest
    }
  }

  init(_ checkCancellation: @escaping () throws -> Void) {
    self.checkCancellation = checkCancellation
  }

  /// Runs `body` as the pass of this thread.
  func begin<R>(_ body: () throws -> R) throws -> R {
    try Self.$current.withValue(Unowned(pass: self)) { try withoutGradients(body) }
  }
}

/// The gradients of a scalar with respect to leaves made by `asParameter`; zeros for a leaf that it does not depend on.
///
/// - Parameter checkCancellation: called between operations; what it throws ends the pass.
/// - Throws: what `checkCancellation` throws, or the body of a `checkpointed` piece when it is computed again.
public func gradients(
  of loss: Tensor, for leaves: [Tensor], checkCancellation: @escaping () throws -> Void = {}
) throws -> [Tensor] {
  precondition(loss.count == 1, "gradients of a tensor with shape \(loss.shape)")
  let pass = Backward(checkCancellation)
  return try pass.begin {
    if let root = loss.node {
      pass.add(Tensor.filled(loss.shape, 1), to: root)
      try pass.run()
    }
    return leaves.map { leaf in
      guard let node = leaf.node, let gradient = pass.take(node) else { return Tensor.zeros(leaf.shape) }
      return gradient.reshaped(leaf.shape)
    }
  }
}

/// Calls `body` with the parameters as leaves and gives its scalar result together with the gradient of each.
public func valueAndGradients(
  of parameters: [Tensor], _ body: ([Tensor]) throws -> Tensor
) throws -> (value: Tensor, gradients: [Tensor]) {
  let leaves = parameters.map { parameter in
    var leaf = parameter.detached()
    leaf.node = Node()
    return leaf
  }
  let value = try body(leaves)
  return (value.detached(), try gradients(of: value, for: leaves))
}

/// Computes `body` without keeping what its gradient needs, and computes it again on the way back.
///
/// Gradients reach `input` and everything else that `body` uses. `body` must compute the same both times.
public func checkpointed(_ input: Tensor, _ body: @escaping (Tensor) throws -> Tensor) rethrows -> Tensor {
  guard Recording.isOn else { return try body(input) }
  var output = try withoutGradients { try body(input.detached()) }
  output.node = Node(inputs: [input.node]) { dy in
    var leaf = input.detached()
    let place = Node()
    leaf.node = place
    let again = try Recording.$isOn.withValue(true) { try body(leaf) }
    guard let root = again.node, let pass = Backward.current?.pass else { return [nil] }
    pass.add(dy, to: root)
    try pass.run(above: place.number)
    return [pass.take(place)]
  }
  return output
}
