public import Kernels

/// Computes with operations whose linear layers and convolutions are computed as asked for, on the way back, too.
///
/// It holds for what `body` computes, not for the process: two models that work at the same time each have their own.
public func withArithmetic<R>(
  _ arithmetic: Arithmetic, convolution: ConvolutionMethod, _ body: () throws -> R
) rethrows -> R {
  try Arithmetic.$current.withValue(arithmetic) {
    try ConvolutionMethod.$current.withValue(convolution, operation: body)
  }
}
