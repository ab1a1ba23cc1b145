import Glibc

/// The subjects of the corpus as small RGBA pictures, read from `sprites.rgba`.
///
/// The file is one ASCII line `sprites <size> <name> <name> ...`, then size*size RGBA bytes for each name, row by
/// row from the top, alpha not premultiplied. `Plugin/Models/corpus/make_atlas.py` draws it.
public struct SpriteAtlas: Sendable {
  /// Edge of every sprite in pixels.
  public let size: Int
  /// Subjects in file order, each one word.
  public let names: [String]
  /// Premultiplied RGBA in 0 ... 1, (names.count, edge, edge, 4) for edge = size, size / 2, ... : means of 2x2.
  let levels: [[Float]]
  private static let levelCount = 4

  /// - Parameter bytes: the contents of an atlas file.
  /// - Throws: ``TrainingError`` when the header or the length is wrong.
  public init(_ bytes: [UInt8]) throws {
    guard let end = bytes.prefix(4096).firstIndex(of: UInt8(ascii: "\n")) else {
      throw TrainingError("sprite atlas: no header line; expected \"sprites <size> <name> ...\"")
    }
    let header = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
    guard header.count > 2, header[0] == "sprites", let size = Int(header[1]), (8...512).contains(size), size % 8 == 0
    else {
      throw TrainingError(
        "sprite atlas: header is not \"sprites <size> <name> ...\" with a size of 8 to 512, a multiple of 8")
    }
    let names = header.dropFirst(2).map(String.init)
    let body = bytes[(end + 1)...]
    guard body.count == names.count * size * size * 4 else {
      throw TrainingError(
        "sprite atlas: \(body.count) bytes of pixels; expected \(names.count * size * size * 4) "
          + "for \(names.count) sprites of \(size)x\(size)")
    }
    self.size = size
    self.names = names
    var pixels = body.map { Float($0) / 255 }
    for pixel in stride(from: 0, to: pixels.count, by: 4) {
      for channel in 0..<3 { pixels[pixel + channel] *= pixels[pixel + 3] }
    }
    levels = (1..<SpriteAtlas.levelCount).reduce(into: [pixels]) { levels, level in
      levels.append(SpriteAtlas.halved(levels[level - 1], edge: size >> (level - 1), count: names.count))
    }
  }

  /// Means of 2x2 pixels.
  private static func halved(_ pixels: [Float], edge: Int, count: Int) -> [Float] {
    let half = edge / 2
    var result = [Float](repeating: 0, count: count * half * half * 4)
    for row in 0..<count * half {
      for column in 0..<half {
        for channel in 0..<4 {
          let base = (row * 2 * edge + column * 2) * 4 + channel
          let sum = pixels[base] + pixels[base + 4] + pixels[base + edge * 4] + pixels[base + edge * 4 + 4]
          result[(row * half + column) * 4 + channel] = sum / 4
        }
      }
    }
    return result
  }

  /// - Parameter path: an atlas file.
  /// - Throws: ``TrainingError`` when it cannot be read or is not an atlas.
  public init(contentsOf path: String) throws {
    let descriptor = open(path, O_RDONLY | O_CLOEXEC)
    guard descriptor >= 0 else {
      throw TrainingError(
        "\(path) cannot be opened (error \(errno)); give the sprite atlas, Plugin/Models/corpus/sprites.rgba "
          + "in the repository")
    }
    defer { close(descriptor) }
    var bytes: [UInt8] = []
    var buffer = [UInt8](repeating: 0, count: 1 << 16)
    while bytes.count < 1 << 26 {
      let count = read(descriptor, &buffer, buffer.count)
      if count <= 0 { break }
      bytes += buffer[..<count]
    }
    try self.init(bytes)
  }

  /// The position of a subject in the file.
  ///
  /// - Throws: ``TrainingError`` that lists the subjects there are.
  public func index(of name: String) throws -> Int {
    guard let index = names.firstIndex(of: name) else {
      throw TrainingError("sprite atlas: no subject \"\(name)\"; it has \(names.joined(separator: ", "))")
    }
    return index
  }

  /// The level at which a sprite of this edge in pixels is drawn: 0 as stored, 1 half of it, and between.
  func level(edge: Float) -> Float {
    min(max(log2f(Float(size) / max(edge, 1)), 0), Float(SpriteAtlas.levelCount - 1))
  }

  /// Premultiplied RGBA at a point of the sprite (0 ... 1 in both directions), trilinear, transparent outside.
  @inline(__always)
  func sample(_ sprite: Int, x: Float, y: Float, level: Float) -> SIMD4<Float> {
    let fine = min(Int(level), SpriteAtlas.levelCount - 2)
    let share = level - Float(fine)
    let upper = sample(sprite, x: x, y: y, whole: fine)
    return share == 0 ? upper : upper * (1 - share) + sample(sprite, x: x, y: y, whole: fine + 1) * share
  }

  private func sample(_ sprite: Int, x: Float, y: Float, whole level: Int) -> SIMD4<Float> {
    let edge = size >> level
    let (u, v) = (x * Float(edge) - 0.5, y * Float(edge) - 0.5)
    let (left, top) = (u.rounded(.down), v.rounded(.down))
    guard left >= -1, top >= -1, left < Float(edge), top < Float(edge) else { return .zero }
    let (column, row) = (Int(left), Int(top))
    let (a, b) = (u - left, v - top)
    let upper = texel(level, sprite, row, column) * (1 - a) + texel(level, sprite, row, column + 1) * a
    let lower = texel(level, sprite, row + 1, column) * (1 - a) + texel(level, sprite, row + 1, column + 1) * a
    return upper * (1 - b) + lower * b
  }

  private func texel(_ level: Int, _ sprite: Int, _ row: Int, _ column: Int) -> SIMD4<Float> {
    let edge = size >> level
    guard row >= 0, row < edge, column >= 0, column < edge else { return .zero }
    let base = ((sprite * edge + row) * edge + column) * 4
    let pixels = levels[level]
    return SIMD4(pixels[base], pixels[base + 1], pixels[base + 2], pixels[base + 3])
  }
}
