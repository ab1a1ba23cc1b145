// The zip container of torch.save: stored entries only, zip64 where needed.
// APPNOTE.TXT 6.3.10, sections 4.3.7, 4.3.12, 4.3.14 to 4.3.16.

/// The table of contents of a stored zip file, every entry checked against the file's size.
struct TorchZip {
  private static let wholeFile: UInt32 = 0xFFFF_FFFF

  /// Bytes of each entry within the file.
  private(set) var entries: [String: Range<Int>] = [:]
  private let file: FileMapping

  init(_ file: FileMapping) throws {
    self.file = file
    let (count, start, end) = try directory()
    var position = start
    for _ in 0..<count { position = try readEntry(at: position, end: end) }
  }

  private func fault(_ reason: String) -> CheckpointError {
    CheckpointError(.badData, "\(file.path) is not a whole torch file: \(reason).")
  }

  /// Number of entries, start and end of the central directory.
  private func directory() throws -> (count: Int, start: Int, end: Int) {
    guard let end = endRecord() else {
      throw fault("it has no zip directory at its end; download or copy it again")
    }
    guard let count = file.integer(UInt16.self, at: end + 10),
      let size = file.integer(UInt32.self, at: end + 12),
      let start = file.integer(UInt32.self, at: end + 16)
    else { throw fault("its zip directory is cut off") }
    if count != 0xFFFF && size != Self.wholeFile && start != Self.wholeFile {
      return try checked(UInt64(count), UInt64(start), UInt64(size), before: end)
    }
    guard file.integer(UInt32.self, at: end - 20) == 0x0706_4B50,
      let offset = file.integer(UInt64.self, at: end - 12), offset < UInt64(end),
      file.integer(UInt32.self, at: Int(offset)) == 0x0606_4B50,
      let longCount = file.integer(UInt64.self, at: Int(offset) + 32),
      let longSize = file.integer(UInt64.self, at: Int(offset) + 40),
      let longStart = file.integer(UInt64.self, at: Int(offset) + 48)
    else { throw fault("its zip64 directory is damaged") }
    return try checked(longCount, longStart, longSize, before: Int(offset))
  }

  /// Position of the end-of-central-directory record, which only a comment may follow.
  private func endRecord() -> Int? {
    let last = file.bytes.count - 22
    var position = last
    while position >= max(0, last - 0xFFFF) {
      if file.integer(UInt32.self, at: position) == 0x0605_4B50 { return position }
      position -= 1
    }
    return nil
  }

  private func checked(
    _ count: UInt64, _ start: UInt64, _ size: UInt64, before end: Int
  ) throws -> (count: Int, start: Int, end: Int) {
    // An entry of the directory takes at least 46 bytes.
    guard start <= UInt64(end), size <= UInt64(end) - start, count <= size / 46 else {
      throw fault("its zip directory lies outside the file")
    }
    return (Int(count), Int(start), Int(start + size))
  }

  /// Reads one entry of the central directory; returns the position of the next.
  private mutating func readEntry(at position: Int, end: Int) throws -> Int {
    guard position + 46 <= end, file.integer(UInt32.self, at: position) == 0x0201_4B50,
      let flags = file.integer(UInt16.self, at: position + 8),
      let method = file.integer(UInt16.self, at: position + 10),
      let packed = file.integer(UInt32.self, at: position + 20),
      let unpacked = file.integer(UInt32.self, at: position + 24),
      let nameLength = file.integer(UInt16.self, at: position + 28),
      let extraLength = file.integer(UInt16.self, at: position + 30),
      let commentLength = file.integer(UInt16.self, at: position + 32),
      let offset = file.integer(UInt32.self, at: position + 42)
    else { throw fault("its zip directory is damaged") }
    let extra = position + 46 + Int(nameLength)
    let next = extra + Int(extraLength) + Int(commentLength)
    guard next <= end, let nameBytes = file.slice(position + 46, Int(nameLength)),
      let name = String(validating: nameBytes, as: UTF8.self)
    else { throw fault("its zip directory is damaged") }
    guard method == 0, flags & 1 == 0 else {
      throw fault("the entry \(name) is compressed or encrypted, which torch.save never does")
    }
    var fields = [UInt64(unpacked), UInt64(packed), UInt64(offset)]
    try widen(&fields, extra: extra, count: Int(extraLength))
    guard fields[0] == fields[1] else { throw fault("the entry \(name) has two different sizes") }
    let range = try contents(name, nameBytes, offset: fields[2], size: fields[0])
    guard entries.updateValue(range, forKey: name) == nil else {
      throw fault("the entry \(name) appears twice")
    }
    return next
  }

  /// Replaces fields that do not fit in 32 bits by those of the zip64 extra field.
  private func widen(_ fields: inout [UInt64], extra: Int, count: Int) throws {
    var wanted = fields.indices.filter { fields[$0] == UInt64(Self.wholeFile) }
    var position = extra
    while !wanted.isEmpty {
      guard position + 4 <= extra + count, let tag = file.integer(UInt16.self, at: position),
        let size = file.integer(UInt16.self, at: position + 2), position + 4 + Int(size) <= extra + count
      else { throw fault("a zip64 size is missing") }
      if tag == 1 {
        guard Int(size) >= 8 * wanted.count else { throw fault("a zip64 size is missing") }
        for (index, field) in wanted.enumerated() {
          fields[field] = file.integer(UInt64.self, at: position + 4 + 8 * index) ?? .max
        }
        wanted = []
      }
      position += 4 + Int(size)
    }
  }

  /// The bytes behind an entry's local header.
  private func contents(
    _ name: String, _ nameBytes: UnsafeRawBufferPointer, offset: UInt64, size: UInt64
  ) throws -> Range<Int> {
    let total = UInt64(file.bytes.count)
    guard offset < total, file.integer(UInt32.self, at: Int(offset)) == 0x0403_4B50,
      let nameLength = file.integer(UInt16.self, at: Int(offset) + 26),
      let extraLength = file.integer(UInt16.self, at: Int(offset) + 28),
      let localName = file.slice(Int(offset) + 30, Int(nameLength)), localName.elementsEqual(nameBytes)
    else { throw fault("the entry \(name) has no header where the directory says") }
    let start = Int(offset) + 30 + Int(nameLength) + Int(extraLength)
    guard size <= total, file.slice(start, Int(size)) != nil else {
      throw fault("the entry \(name) ends outside the file")
    }
    return start..<start + Int(size)
  }
}
