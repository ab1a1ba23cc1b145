public import Layers

/// A name for a model's architecture and checkpoint layout, so that an embedding can tell which model it was learned on.
///
/// SHA-256 of the configuration (keys sorted; keys that begin with an underscore are notes and left out) and of the
/// table of tensor names and shapes. Weights and precision do not count: a half-precision copy is the same model.
/// - Parameters:
///   - configuration: the UNet's `config.json`.
///   - source: the UNet's weights.
/// - Returns: 64 hexadecimal digits.
public func modelIdentity(_ configuration: Configuration, _ source: any WeightSource) -> String {
  var digest = SHA256()
  let values = configuration.values.filter { !$0.key.hasPrefix("_") }
  digest.update(JSON.object(values).text.utf8)
  let names = source.names.filter { name in !Weights.ignorableSuffixes.contains { name.hasSuffix($0) } }
  for name in names.sorted() {
    let shape = (source.shape(of: name) ?? []).map(String.init).joined(separator: ",")
    digest.update("\n\(name) \(shape)".utf8)
  }
  return digest.hexadecimal()
}

/// SHA-256 of bytes, for naming a reference clip.
/// - Returns: 64 hexadecimal digits.
public func sha256(_ bytes: some Sequence<UInt8>) -> String {
  var digest = SHA256()
  digest.update(bytes)
  return digest.hexadecimal()
}

/// SHA-256 of a file.
/// - Returns: 64 hexadecimal digits.
/// - Throws: ``CheckpointError`` if it cannot be read.
public func sha256(contentsOf path: String) throws -> String {
  let file = try FileMapping(path)
  return withExtendedLifetime(file) { sha256(file.bytes) }
}
