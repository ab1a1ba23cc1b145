import Glibc

extension Corpus {
  /// Draws a scene.
  ///
  /// - Returns: RGB in -1 ... 1, (frames, size, size, 3) row-major.
  public func render(_ scene: Scene) -> [Float] {
    var pixels = [Float](repeating: 0, count: scene.poses.count * size * size * 3)
    pixels.withUnsafeMutableBufferPointer { pixels in
      for (frame, (pose, camera)) in zip(scene.poses, scene.cameras).enumerated() {
        let picture = UnsafeMutableBufferPointer(
          rebasing: pixels[frame * size * size * 3..<(frame + 1) * size * size * 3])
        paint(scene, camera, into: picture)
        composite(scene.subject, pose, over: picture)
        for index in picture.indices { picture[index] = min(max(picture[index] * 2 - 1, -1), 1) }
      }
    }
    return pixels
  }

  /// The backdrop as the camera sees it, bilinear.
  private func paint(_ scene: Scene, _ camera: Camera, into picture: UnsafeMutableBufferPointer<Float>) {
    let edge = Float(size)
    let backdrop = scene.backdrop
    for row in 0..<size {
      let y = ((Float(row) + 0.5) / edge - 0.5) / camera.zoom + 0.5 + camera.y
      for column in 0..<size {
        var x = ((Float(column) + 0.5) / edge - 0.5) / camera.zoom + 0.5 + camera.x
        if scene.isMirrored { x = 1 - x }
        let colour = backdrops.sample(backdrop, x: x, y: y) + scene.tint
        let pixel = (row * size + column) * 3
        for channel in 0..<3 { picture[pixel + channel] = colour[channel] }
      }
    }
  }

  /// The sprite over the picture; trilinear, so that small ones do not sparkle.
  private func composite(_ sprite: Int, _ pose: Pose, over picture: UnsafeMutableBufferPointer<Float>) {
    let edge = Float(size)
    let reach = pose.size * edge * (pose.turn == 0 ? 0.5 : 0.71) + 1
    let rows = range(pose.y * edge, reach)
    let columns = range(pose.x * edge, reach)
    let level = atlas.level(edge: pose.size * edge)
    let (c, s) = (cosf(pose.turn) / pose.size, sinf(pose.turn) / pose.size)
    for row in rows {
      let y = (Float(row) + 0.5) / edge - pose.y
      for column in columns {
        let x = (Float(column) + 0.5) / edge - pose.x
        let colour = atlas.sample(sprite, x: c * x + s * y + 0.5, y: c * y - s * x + 0.5, level: level)
        guard colour.w > 0 else { continue }
        let pixel = (row * size + column) * 3
        for channel in 0..<3 { picture[pixel + channel] = picture[pixel + channel] * (1 - colour.w) + colour[channel] }
      }
    }
  }

  /// The pixels within `reach` of a centre that lie in the picture.
  private func range(_ centre: Float, _ reach: Float) -> Range<Int> {
    let low = Int(min(max(centre - reach, 0), Float(size)))
    let high = Int(min(max(centre + reach + 1, 0), Float(size)))
    return low..<max(low, high)
  }
}
