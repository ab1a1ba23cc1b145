import Kernels

extension Tensor {
  /// a + b with numpy's broadcasting.
  public static func + (a: Tensor, b: Tensor) -> Tensor {
    binary(.add, a, b).recorded([a, b]) { [aShape = a.shape, bShape = b.shape] dy in
      [dy.reduced(to: aShape), dy.reduced(to: bShape)]
    }
  }

  /// a - b with numpy's broadcasting.
  public static func - (a: Tensor, b: Tensor) -> Tensor {
    binary(.subtract, a, b).recorded([a, b]) { [aShape = a.shape, bShape = b.shape, needsB = b.node != nil] dy in
      [dy.reduced(to: aShape), needsB ? (dy * -1).reduced(to: bShape) : nil]
    }
  }

  /// a * b, element by element, with numpy's broadcasting.
  public static func * (a: Tensor, b: Tensor) -> Tensor {
    let keepA = b.node == nil ? nil : a.detached()
    let keepB = a.node == nil ? nil : b.detached()
    return binary(.multiply, a, b).recorded([a, b]) { [aShape = a.shape, bShape = b.shape] dy in
      [keepB.map { (dy * $0).reduced(to: aShape) }, keepA.map { (dy * $0).reduced(to: bShape) }]
    }
  }

  /// Every element times `scale`.
  public static func * (a: Tensor, scale: Float) -> Tensor {
    a.affine(scale: scale, shift: 0)
  }

  /// Every element times `scale`.
  public static func * (scale: Float, a: Tensor) -> Tensor {
    a.affine(scale: scale, shift: 0)
  }

  /// Every element plus `shift`.
  public static func + (a: Tensor, shift: Float) -> Tensor {
    a.affine(scale: 1, shift: shift)
  }

  private func affine(scale: Float, shift: Float) -> Tensor {
    let y = withExtendedLifetime(self) {
      Tensor(shape) { Elementwise.affine(pointer, scale: scale, shift: shift, $0, count: count) }
    }
    return y.recorded([self]) { dy in [scale == 1 ? dy : dy * scale] }
  }

  private static func binary(_ operation: Broadcast.Operation, _ a: Tensor, _ b: Tensor) -> Tensor {
    guard let shape = Broadcast.shape(a.shape, b.shape) else {
      preconditionFailure("\(operation): shapes \(a.shape) and \(b.shape) do not broadcast")
    }
    return withExtendedLifetime((a, b)) {
      Tensor(shape) { y in
        guard !shape.contains(0) else { return }
        Broadcast(a.shape, b.shape, over: shape).apply(operation, a.pointer, b.pointer, y)
      }
    }
  }

  /// The sum over the axes along which `shape` was repeated: the gradient of broadcasting.
  func reduced(to shape: [Int]) -> Tensor {
    guard shape != self.shape else { return self }
    return withExtendedLifetime(self) {
      Tensor(shape) { y in
        Elementwise.clear(y, count: shape.reduce(1, *))
        guard count > 0 else { return }
        Broadcast(self.shape, shape, over: self.shape).reduce(pointer, into: y)
      }
    }
  }
}

// MARK: - Sums

extension Tensor {
  /// The sum of all elements, shape [].
  public func sum() -> Tensor {
    let total = withUnsafeBufferPointer { Float(Reduction.sum($0.baseAddress!, count: count)) }
    return Tensor(total).recorded([self]) { [shape] dy in [Tensor.filled(shape, dy.item)] }
  }

  /// The mean of all elements, shape [].
  public func mean() -> Tensor {
    sum() * (1 / Float(count))
  }

  /// The mean of (self - target)², shape [].
  public func meanSquaredError(_ target: Tensor) -> Tensor {
    precondition(shape == target.shape, "meanSquaredError: \(shape) against \(target.shape)")
    let total = withExtendedLifetime((self, target)) {
      Reduction.squaredDifference(pointer, target.pointer, count: count)
    }
    let n = Float(count)
    let (a, b) = (detached(), target.detached())
    return Tensor(Float(total / Double(count))).recorded([self, target]) { [needsTarget = target.node != nil] dy in
      let slope = (a - b) * (2 / n * dy.item)
      return [slope, needsTarget ? slope * -1 : nil]
    }
  }
}
