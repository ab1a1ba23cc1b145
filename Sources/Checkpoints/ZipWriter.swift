/// Writes a zip file of stored entries, each aligned to 64 bytes as torch does for mapping.
///
/// Without the 64-bit extension: at most 4 GB.
struct ZipWriter {
  private let append: (UnsafeRawBufferPointer) throws -> Void
  private var position = 0
  private var directory: [UInt8] = []
  private var entries = 0

  init(append: @escaping (UnsafeRawBufferPointer) throws -> Void) {
    self.append = append
  }

  /// Adds an entry.
  mutating func add(_ name: String, _ bytes: UnsafeRawBufferPointer) throws {
    let start = position
    // Padding goes into the local header's extra field "FB", as in torch.
    let header = 30 + name.utf8.count
    let padding = (64 - (start + header + 4) % 64) % 64
    let facts = Self.facts(bytes, name: name)
    var local: [UInt8] = Self.little(0x0403_4B50 as UInt32) + facts
    local += Self.little(UInt16(padding + 4)) + Array(name.utf8)
    local += Array("FB".utf8) + Self.little(UInt16(padding)) + [UInt8](repeating: 0, count: padding)
    try emit(local)
    try append(bytes)
    position += bytes.count
    // version made by; comment length, disk, internal and external attributes; offset
    directory += Self.little(0x0201_4B50 as UInt32) + Self.little(0 as UInt16) + facts + Self.little(0 as UInt16)
    directory += [UInt8](repeating: 0, count: 10) + Self.little(UInt32(truncatingIfNeeded: start)) + Array(name.utf8)
    entries += 1
  }

  /// Writes the directory.
  mutating func finish(_ path: String) throws {
    guard position + directory.count < 1 << 32, entries < 1 << 16 else {
      throw CheckpointError(.badData, "\(path): \(position) bytes, expected below 4 GB. Save it as safetensors.")
    }
    var end: [UInt8] = Self.little(0x0605_4B50 as UInt32) + [0, 0, 0, 0]
    end += Self.little(UInt16(entries)) + Self.little(UInt16(entries))
    end += Self.little(UInt32(directory.count)) + Self.little(UInt32(position)) + [0, 0]
    try emit(directory)
    try emit(end)
  }

  private mutating func emit(_ bytes: [UInt8]) throws {
    try bytes.withUnsafeBytes { try append($0) }
    position += bytes.count
  }

  /// What both headers share: version needed, flags (UTF-8), method, time, date, checksum, two sizes, name length.
  private static func facts(_ bytes: UnsafeRawBufferPointer, name: String) -> [UInt8] {
    let size = UInt32(truncatingIfNeeded: bytes.count)
    return little(10 as UInt16) + little(0x0800 as UInt16) + little(0 as UInt16) + little(0 as UInt16)
      + little(0x21 as UInt16) + little(checksum(bytes)) + little(size) + little(size)
      + little(UInt16(name.utf8.count))
  }

  private static func little<N: FixedWidthInteger>(_ number: N) -> [UInt8] {
    withUnsafeBytes(of: number.littleEndian) { Array($0) }
  }

  /// CRC-32 of a byte by its index.
  private static let table: [UInt32] = (0..<256).map { index in
    (0..<8).reduce(UInt32(index)) { crc, _ in crc & 1 == 1 ? crc >> 1 ^ 0xEDB8_8320 : crc >> 1 }
  }

  private static func checksum(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    ~table.withUnsafeBufferPointer { table in
      bytes.reduce(~0 as UInt32) { crc, byte in crc >> 8 ^ table[Int(UInt8(truncatingIfNeeded: crc) ^ byte)] }
    }
  }
}
