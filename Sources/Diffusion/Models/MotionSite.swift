/// A temporal transformer block that can carry a motion embedding.
public struct MotionSite: Sendable, Equatable {
  /// The block's path, such as `down_blocks.2.temp_attentions.0.transformer_blocks.0`: its key in
  /// `Adapters.motion`.
  public let path: String
  /// C, width of the block's tokens.
  public let channels: Int
  /// H, height of the features there.
  public let height: Int
  /// W, width of the features there.
  public let width: Int
}

extension UNetConfiguration {
  /// All sites in the down and up blocks, in the model's order; the mid block and `transformer_in` are none
  /// (Motion Inversion, section 3). With a motion adapter every layer has one.
  public func motionSites(latentHeight: Int, latentWidth: Int) -> [MotionSite] {
    let sizes = levelSizes(latentHeight, latentWidth)
    func sites(_ block: String, layers: Int, level: Int) -> [MotionSite] {
      (0..<layers).map { j in
        MotionSite(
          path: "\(block).\(motion == nil ? "temp_attentions" : "motion_modules").\(j).transformer_blocks.0",
          channels: motion == nil
            ? blockOutChannels[level] / headWidths[level] * headWidths[level] : blockOutChannels[level],
          height: sizes[level].height, width: sizes[level].width)
      }
    }
    let levels = blockOutChannels.indices
    let down = levels.filter { motion != nil || downAttention[$0] }.flatMap {
      sites("down_blocks.\($0)", layers: layersPerBlock, level: $0)
    }
    let up = levels.filter { motion != nil || upAttention[$0] }.flatMap {
      sites("up_blocks.\($0)", layers: layersPerBlock + 1, level: levels.count - 1 - $0)
    }
    return down + up
  }

  /// Height and width of the features at each level.
  func levelSizes(_ height: Int, _ width: Int) -> [(height: Int, width: Int)] {
    var sizes = [(height: height, width: width)]
    for level in blockOutChannels.indices.dropFirst() {
      let larger = sizes[level - 1]
      let height = Downsample2D.size(larger.height, padding: downsamplePadding)
      let width = Downsample2D.size(larger.width, padding: downsamplePadding)
      sizes.append((height, width))
    }
    return sizes
  }
}
