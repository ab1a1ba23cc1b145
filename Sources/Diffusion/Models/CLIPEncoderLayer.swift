import Layers
import Tensors

/// One layer of the text encoder (transformers' `CLIPEncoderLayer`).
struct CLIPEncoderLayer: Sendable {
  let norm1: LayerNorm
  let attention: Attention
  let norm2: LayerNorm
  let linear1: Linear
  let activation: CLIPTextConfiguration.Activation
  let linear2: Linear

  init(_ scope: WeightScope, _ configuration: CLIPTextConfiguration) throws {
    let width = configuration.hiddenSize
    // transformers' initialisation: deviations that keep the residual stream's size whatever the depth.
    let residual = Float(width * 2 * configuration.layers).squareRoot()
    let narrow = Initializer.normal(1 / residual)
    func linear(_ name: String, _ inputs: Int, _ outputs: Int, _ initializer: Initializer) throws -> Linear {
      try Linear(scope[name], inputs, outputs, initializer: initializer, biasInitializer: .zeros)
    }
    norm1 = try LayerNorm(scope["layer_norm1"], width, epsilon: configuration.normEpsilon)
    attention = Attention(
      path: scope["self_attn"].path,
      query: try linear("self_attn.q_proj", width, width, narrow),
      key: try linear("self_attn.k_proj", width, width, narrow),
      value: try linear("self_attn.v_proj", width, width, narrow),
      output: try linear("self_attn.out_proj", width, width, .normal(1 / Float(width).squareRoot())),
      heads: configuration.heads)
    norm2 = try LayerNorm(scope["layer_norm2"], width, epsilon: configuration.normEpsilon)
    linear1 = try linear(
      "mlp.fc1", width, configuration.intermediateSize, .normal(1 / Float(2 * width).squareRoot()))
    linear2 = try linear("mlp.fc2", configuration.intermediateSize, width, narrow)
    activation = configuration.activation
  }

  /// - Parameters:
  ///   - x: (M, L, C)
  ///   - causal: whether a token sees only those before it
  /// - Returns: the same shape
  func callAsFunction(_ x: Tensor, causal: Bool = true, _ context: Context) -> Tensor {
    let x = attention(norm1(x), causal: causal, adding: x, context)
    let h = linear1(norm2(x), context)
    let active =
      switch activation {
      case .gelu: h.gelu()
      case .quickGelu: h.quickGelu()
      }
    return linear2(active, adding: x, context)
  }
}
