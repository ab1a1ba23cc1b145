import Tensors

/// Decoding of large pictures in tiles (diffusers' `enable_vae_tiling`): a quarter of each tile overlaps the next, and is
/// blended linearly.
struct Tiles {
  /// Latents of a tile, each way.
  let size: Int
  /// Pixels of a latent.
  let factor: Int

  private static let overlap = 0.25

  /// - Parameters:
  ///   - latents: (N, h, w, C)
  ///   - decode: (N, h', w', C) -> (N, H', W', 3)
  /// - Returns: (N, H, W, 3)
  func decode(_ latents: Tensor, _ decode: (Tensor) throws -> Tensor) throws -> Tensor {
    let step = max(Int(Double(size) * (1 - Self.overlap)), 1)
    let blend = Int(Double(size * factor) * Self.overlap)
    let kept = size * factor - blend
    var above: [Tensor] = []
    var rows: [Tensor] = []
    for y in stride(from: 0, to: latents.shape[1], by: step) {
      let band = latents.sliced(axis: 1, y..<min(y + size, latents.shape[1]))
      var row: [Tensor] = []
      for x in stride(from: 0, to: latents.shape[2], by: step) {
        var tile = try decode(band.sliced(axis: 2, x..<min(x + size, latents.shape[2])))
        if y > 0 { tile = blended(above[row.count], tile, axis: 1, blend) }
        if let left = row.last { tile = blended(left, tile, axis: 2, blend) }
        row.append(tile)
      }
      let cut = row.map { $0.sliced(axis: 1, 0..<min(kept, $0.shape[1])).sliced(axis: 2, 0..<min(kept, $0.shape[2])) }
      rows.append(Tensor.concatenated(cut, axis: 2))
      above = row
    }
    return Tensor.concatenated(rows, axis: 1)
  }

  /// The tile, whose first pixels along an axis pass from the last ones of the tile before to its own.
  private func blended(_ before: Tensor, _ tile: Tensor, axis: Int, _ blend: Int) -> Tensor {
    let extent = min(before.shape[axis], tile.shape[axis], blend)
    guard extent > 0 else { return tile }
    var shape = [1, 1, 1, 1]
    shape[axis] = extent
    let share = Tensor((0..<extent).map { Float($0) / Float(extent) }, shape: shape)
    let end = before.sliced(axis: axis, before.shape[axis] - extent..<before.shape[axis])
    let start = tile.sliced(axis: axis, 0..<extent)
    let mixed = end + share * (start - end)
    let rest = tile.sliced(axis: axis, extent..<tile.shape[axis])
    return rest.shape[axis] == 0 ? mixed : Tensor.concatenated([mixed, rest], axis: axis)
  }
}
