import Kernels

extension Tensor {
  /// This weight as a matrix in its own precision.
  func matrix(rows: Int, columns: Int) -> WeightMatrix {
    let element: WeightMatrix.Element =
      switch dtype {
      case .float32: .float32
      case .float16: .float16
      case .bfloat16: .bfloat16
      }
    return WeightMatrix(storage.base + offset * dtype.size, element, rows: rows, columns: columns)
  }

  /// y = x Wᵀ + b + r: (..., K) -> (..., N), W (N, K) in any precision, b (N), r (..., N) where there is one.
  public func linear(_ weight: Tensor, _ bias: Tensor?, adding residual: Tensor? = nil) -> Tensor {
    let (n, k) = (weight.shape[0], weight.shape[1])
    let target = shape.dropLast() + [n]
    precondition(
      weight.rank == 2 && shape.last == k && residual.map { $0.count == target.reduce(1, *) } ?? true,
      "linear: \(shape) with weight \(weight.shape)")
    let m = count / k
    let y = withExtendedLifetime((self, weight, bias, residual)) {
      Tensor(Array(target)) { y in
        weight.matrix(rows: n, columns: k).multiplyTransposed(
          pointer, m: m, bias: bias?.pointer, residual: residual?.pointer, y)
      }
    }
    // A frozen weight keeps nothing of the input.
    let x = weight.node == nil ? nil : detached()
    let w = node == nil ? nil : weight.detached()
    let needs = (bias: bias?.node != nil, residual: residual?.node != nil ? residual?.shape : nil)
    return y.recorded([self, weight, bias, residual]) { [shape] dy in
      linearGradients(dy, x, w, shape: shape, n, k) + [
        needs.bias ? dy.columnSums(n) : nil, needs.residual.map { dy.reshaped($0) },
      ]
    }
  }

  /// y = a · gelu(g), a and g the halves of x Wᵀ + b: (..., K) -> (..., N/2), W (N, K) in any precision, b (N).
  ///
  /// One pass; the way back computes the halves again from x, so that nothing 2N wide is kept. Only where the weight
  /// learns, too, its gradient needs the halves.
  public func linearGEGLU(_ weight: Tensor, _ bias: Tensor?) -> Tensor {
    guard !isRecorded([weight, bias]) else { return linear(weight, bias).geglu() }
    let (n, k) = (weight.shape[0], weight.shape[1])
    precondition(weight.rank == 2 && n % 2 == 0 && shape.last == k, "linearGEGLU: \(shape) with \(weight.shape)")
    let (x, w, m) = (detached(), weight.matrix(rows: n, columns: k), count / k)
    let y = withExtendedLifetime((x, weight, bias)) {
      Tensor(shape.dropLast() + [n / 2]) { w.multiplyGated(x.pointer, m: m, bias: bias?.pointer, $0) }
    }
    return y.recorded([self]) { dy in
      withExtendedLifetime((x, weight, bias, dy)) {
        [Tensor(x.shape) { w.gatedInputGradient(x.pointer, m: m, bias: bias?.pointer, dy.pointer, $0) }]
      }
    }
  }

  /// The sums over all axes but the last, of length `n`: the gradient of a bias.
  func columnSums(_ n: Int) -> Tensor {
    withExtendedLifetime(self) {
      Tensor([n]) { sums in
        sums.update(repeating: 0, count: n)
        Reduction.columns(pointer, rows: count / n, columns: n, into: sums)
      }
    }
  }
}

/// The gradients of x and W of y = x Wᵀ, nil where x or W is.
private func linearGradients(
  _ dy: Tensor, _ x: Tensor?, _ w: Tensor?, shape: [Int], _ n: Int, _ k: Int
) -> [Tensor?] {
  let m = dy.count / n
  return withExtendedLifetime((dy, x, w)) {
    [
      w.map { w in Tensor(shape) { w.matrix(rows: n, columns: k).multiply(dy.pointer, m: m, $0) } },
      x.map { x in
        Tensor([n, k]) { dw in
          GEMM.multiply(
            n, k, m, GEMM.Operand(dy.pointer, stride: n, transposed: true), GEMM.Operand(x.pointer, stride: k), dw,
            stride: k)
        }
      },
    ]
  }
}
