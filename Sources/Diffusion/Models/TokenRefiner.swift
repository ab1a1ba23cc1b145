public import Layers
public import Tensors

/// SynMotion's embedding refiner (section 3.2): two layers of the text encoder's own kind over an encoded prompt, in which
/// every token sees all others.
public struct TokenRefiner: Sendable {
  private static let depth = 2
  let layers: [CLIPEncoderLayer]

  /// Reads `layers.0` and `layers.1` by the names of transformers' `CLIPEncoderLayer`.
  ///
  /// - Parameter configuration: of the encoder whose prompts it refines
  public init(_ scope: WeightScope, _ configuration: CLIPTextConfiguration) throws {
    var configuration = configuration
    configuration.layers = Self.depth
    layers = try (0..<Self.depth).map { try CLIPEncoderLayer(scope["layers"][$0], configuration) }
  }

  /// - Parameter x: (M, L, D)
  /// - Returns: the same shape
  public func callAsFunction(_ x: Tensor, _ context: Context) -> Tensor {
    layers.reduce(x) { $1($0, causal: false, context) }
  }
}
