import Tensors

/// Encoding and decoding of large pictures in tiles (diffusers' `enable_vae_tiling`): a quarter of each tile overlaps the next, and is
/// blended linearly.
struct Tiles {
  /// Height and width of a tile before it is coded.
  let size: Int
  /// The same behind it.
  let codedSize: Int

  private static let overlap = 0.25

  /// From one tile to the next.
  var step: Int { max(Int(Double(size) * (1 - Self.overlap)), 1) }

  /// - Parameters:
  ///   - x: (N, h, w, C)
  ///   - code: (N, h', w', C) -> (N, H', W', D)
  /// - Returns: (N, H, W, D)
  func callAsFunction(_ x: Tensor, _ code: (Tensor) throws -> Tensor) throws -> Tensor {
    let blend = Int(Double(codedSize) * Self.overlap)
    let kept = codedSize - blend
    var above: [Tensor] = []
    var rows: [Tensor] = []
    for y in stride(from: 0, to: x.shape[1], by: step) {
      let band = x.sliced(axis: 1, y..<min(y + size, x.shape[1]))
      var row: [Tensor] = []
      for left in stride(from: 0, to: x.shape[2], by: step) {
        var tile = try code(band.sliced(axis: 2, left..<min(left + size, x.shape[2])))
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
