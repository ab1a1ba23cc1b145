public import Tensors

/// What a forward pass carries besides its inputs.
public struct Context: Sendable {
  /// What modifies the frozen model.
  public var adapters: Adapters
  /// Whether blocks keep only their input for the gradient and run a second time in the backward pass:
  /// much less memory for about a third more time. It changes nothing where no gradient is asked for.
  public var recomputesActivations: Bool
  /// Most tokens that a feed-forward layer holds at a time, at eight times their width; nil: all.
  public var feedForwardChunk: Int?
  /// Whether the input is a picture, which passes the temporal layers by (as MotionDirector learns appearance).
  public var isStill = false
  /// Called between blocks; an error thrown here ends the forward and reaches its caller.
  public var checkCancellation: @Sendable () throws -> Void

  /// The plain forward pass, unless told otherwise.
  public init(
    adapters: Adapters = .none, recomputesActivations: Bool = false, feedForwardChunk: Int? = nil,
    checkCancellation: @escaping @Sendable () throws -> Void = {}
  ) {
    self.adapters = adapters
    self.recomputesActivations = recomputesActivations
    self.feedForwardChunk = feedForwardChunk
    self.checkCancellation = checkCancellation
  }

  /// Runs one block, recomputed in the backward pass where that is asked for.
  public func block(_ x: Tensor, _ body: @escaping @Sendable (Tensor) throws -> Tensor) throws -> Tensor {
    let polled: @Sendable (Tensor) throws -> Tensor = { [checkCancellation] x in
      try checkCancellation()
      return try body(x)
    }
    return recomputesActivations ? try checkpointed(x, polled) : try polled(x)
  }
}
