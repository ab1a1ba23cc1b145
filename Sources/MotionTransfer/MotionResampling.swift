import Diffusion
import Layers
import Tensors

/// Embeddings at another size or length, in another order of time, and several as one.
extension MotionEmbedding {
  /// The embedding at another size and number of frames: bilinear over each block's grid. Over the frames, first and last
  /// stay first and last: linear where they become more; where they become fewer, the closest of them, for the mean of two
  /// frames moves in two places at once. The inverted noise by its nearest values, each frame brought back to mean square 1.
  ///
  /// - Parameters:
  ///   - sites: of the model at the new size
  ///   - latents: frames, height and width of the new latents
  /// - Throws: `mismatch` where the file does not say which grid its pixels form
  func resampled(
    to sites: [MotionSite], latents: (frames: Int, height: Int, width: Int)
  ) throws(MotionTransferError) -> MotionEmbedding {
    var result = self
    for site in sites {
      guard let motion = blocks[site.path] else { continue }
      var moved = TemporalMotion()
      for slot in [\TemporalMotion.queryKey, \.value1, \.value2] {
        guard let tensor = motion[keyPath: slot] else { continue }
        let sized = try resized(tensor, to: site)
        let (old, new) = (sized.shape[0], latents.frames)
        let frames = Interpolation.moments(old, new, mixing: new > old)
        moved[keyPath: slot] = old == new ? sized : frames(sized, axis: 0)
      }
      result.blocks[site.path] = moved
      result.metadata["grid.\(site.path)"] = "\(site.width)x\(site.height)"
    }
    result.inversionNoise = inversionNoise.map { resized($0, to: latents) }
    return result
  }

  /// (F, H·W, C) on another grid; one row for all pixels stays.
  private func resized(_ tensor: Tensor, to site: MotionSite) throws(MotionTransferError) -> Tensor {
    let (frames, pixels, channels) = (tensor.shape[0], tensor.shape[1], tensor.shape[2])
    let grid = metadata["grid.\(site.path)"]?.split(separator: "x").map { Int($0) ?? 0 }
    if pixels == 1 || grid == [site.width, site.height] || grid == nil && pixels == site.width * site.height {
      return tensor
    }
    guard let grid, grid.count == 2, grid.allSatisfy({ $0 > 0 }), grid[0] * grid[1] == pixels else {
      throw MotionTransferError(
        .mismatch,
        "the motion embedding has \(pixels) pixels at \(site.path) and does not say which grid they form; convert the file "
          + "first with the width and height that it was learned at")
    }
    var moved = tensor.reshaped([frames, grid[1], grid[0], channels])
    moved = Interpolation.linear(grid[1], site.height)(moved, axis: 1)
    moved = Interpolation.linear(grid[0], site.width)(moved, axis: 2)
    return moved.reshaped([frames, site.height * site.width, channels])
  }

  /// (C, F, h, w) at another size.
  private func resized(_ noise: Tensor, to latents: (frames: Int, height: Int, width: Int)) -> Tensor {
    let sizes = [latents.frames, latents.height, latents.width]
    guard Array(noise.shape.dropFirst()) != sizes else { return noise }
    var moved = noise
    moved = Interpolation.moments(moved.shape[1], latents.frames, mixing: false)(moved, axis: 1)
    for (axis, size) in [(2, latents.height), (3, latents.width)] {
      moved = Interpolation.nearest(moved.shape[axis], size)(moved, axis: axis)
    }
    let frames = (0..<latents.frames).map { frame in
      let one = moved.sliced(axis: 1, frame..<frame + 1)
      let square = one.square().mean().item
      return square > 0 ? one * (1 / square.squareRoot()) : one
    }
    return Tensor.concatenated(frames, axis: 1)
  }

  /// The motion backwards: the rows in reverse order, before any debiasing.
  public func reversed() -> MotionEmbedding {
    rearranged { frames in (0..<frames).reversed() }
  }

  /// The motion some frames later, or earlier for a negative number; the first or last frame is repeated.
  public func delayed(by offset: Int) -> MotionEmbedding {
    rearranged { frames in (0..<frames).map { min(max($0 - offset, 0), frames - 1) } }
  }

  private func rearranged(_ order: (Int) -> [Int]) -> MotionEmbedding {
    func moved(_ tensor: Tensor?) -> Tensor? {
      tensor.map { $0.reshaped([$0.shape[0], -1]).gatherRows(order($0.shape[0])).reshaped($0.shape) }
    }
    var result = self
    result.blocks = blocks.mapValues {
      TemporalMotion(queryKey: moved($0.queryKey), value1: moved($0.value1), value2: moved($0.value2))
    }
    result.inversionNoise = moved(inversionNoise?.permuted([1, 0, 2, 3]))?.permuted([1, 0, 2, 3])
    return result
  }
}

/// One embedding's part in a combination.
public struct MotionPart: Sendable {
  /// The embedding.
  public var embedding: MotionEmbedding
  /// Its weight, which may be negative.
  public var weight: Double
  /// Where its values act; nil: everywhere.
  public var region: MotionRegion?

  /// A part.
  public init(_ embedding: MotionEmbedding, weight: Double = 1, region: MotionRegion? = nil) {
    self.embedding = embedding
    self.weight = weight
    self.region = region
  }
}

/// A rectangle of the picture, in shares of its width and height from the upper left corner.
public struct MotionRegion: Sendable, Equatable {
  /// Left edge.
  public var x: Double
  /// Upper edge.
  public var y: Double
  /// Width.
  public var width: Double
  /// Height.
  public var height: Double

  /// A rectangle.
  public init(x: Double, y: Double, width: Double, height: Double) {
    self.x = x
    self.y = y
    self.width = width
    self.height = height
  }

  /// How much of each cell of a grid lies inside, (1, H·W, 1).
  func coverage(width columns: Int, height rows: Int) -> Tensor {
    func share(_ index: Int, of count: Int, _ start: Double, _ length: Double) -> Double {
      let (low, high) = (Double(index), Double(index + 1))
      return max(min(high, (start + length) * Double(count)) - max(low, start * Double(count)), 0)
    }
    let values = (0..<rows * columns).map { cell in
      Float(share(cell / columns, of: rows, y, height) * share(cell % columns, of: columns, x, width))
    }
    return Tensor(values, shape: [1, rows * columns, 1])
  }
}

extension MotionEmbedding {
  /// Several embeddings as one: the weighted sum of their tensors, each m_V within its region.
  ///
  /// Debiasing is linear, so that the sum of the debiased is the debiased sum. The inverted noise and the metadata are those
  /// of the first.
  /// - Throws: `mismatch` for embeddings of different sizes, and for SynMotion's; `settings` for none
  public static func combined(_ parts: [MotionPart]) throws(MotionTransferError) -> MotionEmbedding {
    guard let first = parts.first else {
      throw MotionTransferError(.settings, "motion embeddings: found none, expected at least one to combine")
    }
    guard parts.count == 1 || parts.allSatisfy({ $0.embedding.text.isEmpty }) else {
      throw MotionTransferError(
        .mismatch, "motion embeddings: found one of syn-motion, whose additions to prompts have no sum; apply it alone")
    }
    var result = MotionEmbedding(
      blocks: [:], text: first.embedding.text, inversionNoise: first.embedding.inversionNoise,
      metadata: first.embedding.metadata)
    for part in parts {
      result.add(part.embedding.lora, part.embedding.differences, weight: Float(part.weight))
      for (path, motion) in part.embedding.blocks {
        let mask = try part.mask(at: path)
        for slot in [\TemporalMotion.queryKey, \.value1, \.value2] {
          guard var tensor = motion[keyPath: slot] else { continue }
          tensor = tensor * Float(part.weight)
          if let mask, slot != \TemporalMotion.queryKey { tensor = tensor * mask }
          let sum = result.blocks[path]?[keyPath: slot]
          if let sum { try expect(sum.shape, fits: tensor.shape, path) }
          result.blocks[path, default: TemporalMotion()][keyPath: slot] = sum.map { $0 + tensor } ?? tensor
        }
      }
    }
    return result
  }

  /// Low-rank additions add up as pairs of a higher rank, weight differences as matrices.
  private mutating func add(
    _ pairs: [(path: String, pair: LowRank)], _ matrices: [(path: String, tensor: Tensor)], weight: Float
  ) {
    for (path, pair) in pairs {
      var scaled = pair
      scaled.scale *= weight
      guard let place = lora.firstIndex(where: { $0.path == path }) else {
        lora.append((path, scaled))
        continue
      }
      let sum = lora[place].pair
      guard sum.down.shape[1] == pair.down.shape[1], sum.up.shape[0] == pair.up.shape[0] else {
        // Of another model: kept apart, so that applying it names what does not fit.
        lora.append((path, scaled))
        continue
      }
      lora[place].pair = LowRank(
        down: Tensor.concatenated([sum.down, pair.down], axis: 0),
        up: Tensor.concatenated([sum.up * sum.scale, pair.up * scaled.scale], axis: 1), scale: 1)
    }
    for (path, matrix) in matrices {
      if let place = differences.firstIndex(where: { $0.path == path && $0.tensor.shape == matrix.shape }) {
        differences[place].tensor = differences[place].tensor + matrix * weight
      } else {
        differences.append((path, matrix * weight))
      }
    }
  }

  private static func expect(_ sum: [Int], fits next: [Int], _ path: String) throws(MotionTransferError) {
    let fits = zip(sum, next).enumerated().allSatisfy { axis, pair in
      pair.0 == pair.1 || axis == 1 && (pair.0 == 1 || pair.1 == 1)
    }
    guard fits else {
      throw MotionTransferError(
        .mismatch,
        "the motion embeddings have \(sum) and \(next) (frames, pixels, channels) at \(path), expected the same; resample "
          + "them to one size and number of frames first")
    }
  }
}

extension MotionPart {
  /// The region on the grid of a block.
  fileprivate func mask(at path: String) throws(MotionTransferError) -> Tensor? {
    guard let region else { return nil }
    let grid = embedding.metadata["grid.\(path)"]?.split(separator: "x").compactMap { Int($0) } ?? []
    let pixels = max(embedding.blocks[path]?.value1?.shape[1] ?? 1, embedding.blocks[path]?.value2?.shape[1] ?? 1)
    guard grid.count == 2, (1...1 << 20).contains(grid[0]), (1...1 << 20).contains(grid[1]),
      pixels == 1 || grid[0] * grid[1] == pixels
    else {
      throw MotionTransferError(
        .mismatch,
        "the motion embedding does not say which grid the pixels at \(path) form, which a region needs; convert the file "
          + "first with the width and height that it was learned at")
    }
    return region.coverage(width: grid[0], height: grid[1])
  }
}
