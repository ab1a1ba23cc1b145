import Kernels
import Tensors

/// What the products of linear layers and convolutions are computed with; attention, norms and activations are float32 in
/// any case.
public enum Arithmetic: String, CaseIterable, Sendable {
  /// float32 throughout.
  case float32
  /// Operands rounded to bfloat16, sums in float32: faster where the processor multiplies bfloat16. Convolutions are direct.
  case bfloat16

  fileprivate var kernels: Kernels.Arithmetic {
    switch self {
    case .float32: .float32
    case .bfloat16: .bfloat16
    }
  }
}

/// How convolutions are computed: those of 3x3 pixels at stride 1, and those over three frames.
public enum ConvolutionMethod: String, CaseIterable, Sendable {
  /// Sums of products, as written.
  case direct
  /// Winograd's F(2x2, 3x3) and, over time, F(2, 3): fewer multiplications, as exact.
  case winograd2
  /// F(4x4, 3x3) where the picture is large enough: fewer still, about one decimal digit less.
  case winograd4

  fileprivate var kernels: Kernels.ConvolutionMethod {
    switch self {
    case .direct: .direct
    case .winograd2: .winograd2
    case .winograd4: .winograd4
    }
  }
}

/// Computes what `body` computes in this way. It holds for a job, not for the process.
func computing<R>(
  with arithmetic: Arithmetic, _ convolution: ConvolutionMethod, _ body: () throws -> R
) rethrows -> R {
  try withArithmetic(arithmetic.kernels, convolution: convolution.kernels, body)
}
