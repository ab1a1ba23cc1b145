public import Layers

/// Opens any supported file of weights by its contents, whatever it is called: safetensors, or a zip of `torch.save`.
/// - Parameter path: the file; an index (`.json`) opens all shards that it lists.
/// - Throws: ``CheckpointError``.
public func openCheckpoint(_ path: String) throws -> any WeightSource {
  if path.hasSuffix(".json") { return try ShardedCheckpoint(index: path) }
  let file = try FileMapping(path)
  let isTorch = file.starts(with: [0x50, 0x4B]) || file.bytes[0] == 0x80
  let isTar = file.slice(257, 5)?.elementsEqual("ustar".utf8) ?? false
  // The second byte tells a torch file from a safetensors header whose length begins with the same byte.
  let isHeader = file.slice(8, 1)?.first == UInt8(ascii: "{")
  return (isTorch || isTar) && !isHeader ? try TorchCheckpoint(file) : try SafeTensors(file)
}
