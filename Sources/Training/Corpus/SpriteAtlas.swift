#if canImport(Glibc)
import Glibc
#else
import Darwin
#endif

/// The subjects of the corpus as small RGBA pictures, read from `sprites.rgba`.
///
/// The file is one ASCII line `sprites <size> <name> <name> ...`, then size*size RGBA bytes for each name, row by
/// row from the top, alpha not premultiplied. `Plugin/Models/corpus/make_atlas.py` draws it.
public struct SpriteAtlas: Sendable {
  /// Edge of every sprite in pixels.
  public let size: Int
  /// Subjects in file order, each one word.
  public let names: [String]
  /// Premultiplied RGBA in 0 ... 1, (names.count, size, size, 4).
  private let pixels: [Float]

  /// - Parameter bytes: the contents of an atlas file.
  /// - Throws: ``TrainingError`` when the header or the length is wrong.
  public init(_ bytes: [UInt8]) throws {
    guard let end = bytes.prefix(4096).firstIndex(of: UInt8(ascii: "\n")) else {
      throw TrainingError("sprite atlas: no header line; expected \"sprites <size> <name> ...\"")
    }
    let header = String(decoding: bytes[..<end], as: UTF8.self).split(separator: " ")
    guard header.count > 2, header[0] == "sprites", let size = Int(header[1]), (8...512).contains(size) else {
      throw TrainingError("sprite atlas: header is not \"sprites <size> <name> ...\"")
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
    self.pixels = pixels
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
  func index(of name: String) -> Int? { names.firstIndex(of: name) }

  /// Premultiplied RGBA at a position in sprite pixels, bilinear, transparent outside.
  func sample(_ sprite: Int, x: Float, y: Float) -> SIMD4<Float> {
    let left = x.rounded(.down)
    let top = y.rounded(.down)
    guard left >= -1, top >= -1, left < Float(size), top < Float(size) else { return .zero }
    let (column, row) = (Int(left), Int(top))
    let (a, b) = (x - left, y - top)
    let upper = texel(sprite, row, column) * (1 - a) + texel(sprite, row, column + 1) * a
    let lower = texel(sprite, row + 1, column) * (1 - a) + texel(sprite, row + 1, column + 1) * a
    return upper * (1 - b) + lower * b
  }

  private func texel(_ sprite: Int, _ row: Int, _ column: Int) -> SIMD4<Float> {
    guard row >= 0, row < size, column >= 0, column < size else { return .zero }
    let base = ((sprite * size + row) * size + column) * 4
    return SIMD4(pixels[base], pixels[base + 1], pixels[base + 2], pixels[base + 3])
  }
}
