import Kernels

/// The way back: gradients wait at their nodes until every user of the node has added its share.
private final class Backward {
  private let checkCancellation: () throws -> Void
  private var gradients: [ObjectIdentifier: (node: Node, gradient: Tensor, isOwn: Bool)] = [:]

  /// The pass that is running on this thread, for recomputed pieces.
  @TaskLocal static var current: Unowned?

  struct Unowned: @unchecked Sendable { let pass: Backward }

  func add(_ gradient: Tensor, to node: Node) {
    let key = ObjectIdentifier(node)
    guard let waiting = gradients.removeValue(forKey: key) else {
      gradients[key] = (node, gradient.detached(), false)
      return
    }
    // The first sum makes a tensor of its own; later ones are added in place.
    let sum = waiting.isOwn ? waiting.gradient : waiting.gradient.copied()
    withExtendedLifetime((sum, gradient)) {
      Elementwise.accumulate(
        gradient.pointer, into: UnsafeMutablePointer(mutating: sum.pointer), count: sum.count)
    }
    gradients[key] = (node, sum, true)
  }

  func take(_ node: Node) -> Tensor? {
    gradients.removeValue(forKey: ObjectIdentifier(node))?.gradient
  }

  /// Sends the gradient that waits at `root` down to the leaves.
  func run(from root: Node) throws {
    for node in Self.reachable(from: root) {
      try checkCancellation()
      guard let (inputs, pullback) = node.consume(), let dy = take(node) else { continue }
      for (input, gradient) in zip(inputs, try pullback(dy)) {
        if let input, let gradient { add(gradient, to: input) }
      }
    }
  }

  /// All nodes below `root` that are not leaves, users before what they used.
  private static func reachable(from root: Node) -> [Node] {
    var seen: Set<ObjectIdentifier> = [ObjectIdentifier(root)]
    var found: [Node] = []
    var open = [root]
    while let node = open.popLast() {
      if node.isLeaf { continue }
      found.append(node)
      for case let input? in node.inputs where seen.insert(ObjectIdentifier(input)).inserted {
        open.append(input)
      }
    }
    return found.sorted { $0.number > $1.number }
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
      try pass.run(from: root)
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
/// Gradients reach `input` and every leaf that `body` uses. `body` must compute the same both times.
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
    try pass.run(from: root)
    return [pass.take(place)]
  }
  return output
}
