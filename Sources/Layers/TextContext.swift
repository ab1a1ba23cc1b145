public import Tensors

/// Encoded prompts, with the keys and values that cross-attention layers make of them.
///
/// Keys and values are the same for every frame and every denoising step: prepared once, they are looked up
/// by the attention's path; what was not prepared is computed where it is needed.
public struct TextContext: Sendable {
  /// (M, S, D): M prompts of S tokens, the text encoder's last hidden state.
  public let hiddenStates: Tensor
  var prepared: [String: (key: Tensor, value: Tensor)] = [:]

  /// Prompts with nothing prepared.
  ///
  /// - Parameter hiddenStates: (M, S, D)
  public init(_ hiddenStates: Tensor) {
    self.hiddenStates = hiddenStates
  }

  /// Prompts with keys and values prepared for these layers; the adapters must be those of the later
  /// forwards.
  public init(_ hiddenStates: Tensor, for layers: [Attention], _ context: Context) {
    self.hiddenStates = hiddenStates
    for layer in layers {
      prepared[layer.path] = layer.keyAndValue(hiddenStates, context)
    }
  }
}
