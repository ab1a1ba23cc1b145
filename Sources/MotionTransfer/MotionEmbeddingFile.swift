import Checkpoints
import Layers
public import Tensors

/// The file of a motion embedding: safetensors, float32, with the key names of Motion Inversion's code; or that code's own
/// `motion_embed.pt`.
///
/// `<block>.pos_embed` (1, F, C) is m_QK; `<block>.attn1.vSpatial` and `<block>.attn2.vSpatial` (H·W, F, C) are m_V;
/// `inversion_noise` (C, F, h, w) is optional. SynMotion's additions to prompts begin with `syn_motion.`. Metadata is free
/// text and optional too.
extension MotionEmbedding {
  private static let queryKeySuffix = ".pos_embed"
  private static let value1Suffix = ".attn1.vSpatial"
  private static let value2Suffix = ".attn2.vSpatial"
  private static let textPrefix = "syn_motion."
  static let noiseKey = "inversion_noise"

  /// Reads and checks a file; the model that it belongs to is checked when it is applied.
  public init(contentsOf path: String) throws(MotionTransferError) {
    self = try MotionTransferError.sorting { try Self.read(path) }
  }

  private static func read(_ path: String) throws -> MotionEmbedding {
    let file = try openCheckpoint(path)
    var embedding = MotionEmbedding(blocks: [:], metadata: (file as? SafeTensors)?.metadata ?? [:])
    var lowRank = LowRankTensors()
    for name in file.names {
      guard let shape = file.shape(of: name) else { continue }
      if name == noiseKey {
        try expect(shape.count == 4, path, name, shape, "4 axes (C, F, h, w)")
        // A copy, so that the file is not kept.
        embedding.inversionNoise = try file.tensor(name).widened().copied()
        continue
      }
      guard let (block, slot) = slot(of: name) else {
        let tensor = try file.tensor(name).widened()
        try expect(isFinite(tensor), path, name, shape, "finite numbers")
        if name.hasPrefix(textPrefix) {
          // A copy, as above.
          embedding.text.append((String(name.dropFirst(textPrefix.count)), tensor.copied()))
          continue
        }
        if lowRank.add(name, tensor) { continue }
        throw MotionTransferError(
          .badData,
          "\(path): the tensor \(name) does not belong in a motion embedding; expected names that end in "
            + "\(queryKeySuffix), \(value1Suffix) or \(value2Suffix), or those of low-rank additions, such as "
            + ".lora_A.weight and .lora_B.weight")
      }
      try expect(shape.count == 3 && !shape.contains(0), path, name, shape, "(1 or H·W, F, C)")
      let values = try file.tensor(name).widened().permuted([1, 0, 2])
      try expect(isFinite(values), path, name, shape, "finite numbers")
      embedding.blocks[block, default: TemporalMotion()][keyPath: slot] = values
    }
    embedding.lora = try lowRank.pairs(path)
    embedding.differences = lowRank.differences
    guard !embedding.blocks.isEmpty || !embedding.lora.isEmpty || !embedding.differences.isEmpty else {
      throw MotionTransferError(
        .badData, "\(path) holds no motion embedding: expected tensors whose names end in \(queryKeySuffix)")
    }
    return file is TorchCheckpoint ? embedding.withoutEmptyFrames() : embedding
  }

  private static func isFinite(_ tensor: Tensor) -> Bool {
    tensor.withUnsafeBufferPointer { $0.allSatisfy(\.isFinite) }
  }

  private static func slot(of name: String) -> (String, WritableKeyPath<TemporalMotion, Tensor?>)? {
    if name.hasSuffix(queryKeySuffix) { return (String(name.dropLast(queryKeySuffix.count)), \.queryKey) }
    if name.hasSuffix(value1Suffix) { return (String(name.dropLast(value1Suffix.count)), \.value1) }
    if name.hasSuffix(value2Suffix) { return (String(name.dropLast(value2Suffix.count)), \.value2) }
    return nil
  }

  private static func expect(
    _ isTrue: Bool, _ path: String, _ name: String, _ shape: [Int], _ expected: String
  ) throws(MotionTransferError) {
    guard !isTrue else { return }
    throw MotionTransferError(.badData, "\(path): tensor \(name) has the shape \(shape), expected \(expected)")
  }

  /// Writes the file, in the published code's format where its name ends in `.pt` or `.bin`; the target shows its old
  /// contents or all of the new ones, whatever happens.
  public func write(to path: String) throws(MotionTransferError) {
    try MotionTransferError.sorting {
      if Self.isTorch(path) { return try writeTorch(to: path) }
      try SafeTensorsWriter.write(tensors, metadata: metadata, to: path)
    }
  }

  /// Names and tensors in the file's layout.
  public var tensors: [(name: String, tensor: Tensor)] {
    var result: [(name: String, tensor: Tensor)] = []
    for (block, motion) in blocks.sorted(by: { $0.key < $1.key }) {
      let parts = [
        (Self.queryKeySuffix, motion.queryKey), (Self.value1Suffix, motion.value1),
        (Self.value2Suffix, motion.value2),
      ]
      for (suffix, tensor) in parts {
        if let tensor { result.append((block + suffix, tensor.detached().permuted([1, 0, 2]))) }
      }
    }
    result += lowRankTensors(.diffusers)
    result += differences.map { ("unet.\($0.path).diff", $0.tensor) }
    result += text.map { (Self.textPrefix + $0.name, $0.tensor) }
    if let inversionNoise { result.append((Self.noiseKey, inversionNoise)) }
    return result
  }
}
