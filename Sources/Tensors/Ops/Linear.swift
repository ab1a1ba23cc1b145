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

  /// y = x Wᵀ + b: (..., K) -> (..., N), W (N, K) in any precision, b (N).
  public func linear(_ weight: Tensor, _ bias: Tensor?) -> Tensor {
    let (n, k) = (weight.shape[0], weight.shape[1])
    precondition(weight.rank == 2 && shape.last == k, "linear: \(shape) with weight \(weight.shape)")
    let m = count / k
    let y = withExtendedLifetime((self, weight, bias)) {
      Tensor(shape.dropLast() + [n]) { y in
        if let bias {
          for row in 0..<m { (y + row * n).update(from: bias.pointer, count: n) }
        }
        weight.matrix(rows: n, columns: k).multiplyTransposed(pointer, m: m, y, accumulate: bias != nil)
      }
    }
    // A frozen weight keeps nothing of the input.
    let x = weight.node == nil ? nil : detached()
    let w = node == nil ? nil : weight.detached()
    return y.recorded([self, weight, bias]) { [shape, needsBias = bias?.node != nil] dy in
      withExtendedLifetime((dy, x, w)) {
        [
          w.map { w in
            Tensor(shape) { w.matrix(rows: n, columns: k).multiply(dy.pointer, m: m, $0) }
          },
          x.map { x in
            Tensor([n, k]) { dw in
              GEMM.multiply(
                n, k, m, GEMM.Operand(dy.pointer, stride: n, transposed: true),
                GEMM.Operand(x.pointer, stride: k), dw, stride: k)
            }
          },
          needsBias ? dy.columnSums(n) : nil,
        ]
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
