// The part of Python's pickle format, protocols 2 to 5, that a saved state_dict uses.
// Nothing is ever executed: a global is only a name on a list, everything else is refused.

/// Runs a pickle's opcodes over plain values.
struct Pickle {
  private(set) var lists: [[PickleValue]] = []
  private(set) var tuples: [[PickleValue]] = []
  /// Pairs in the order of insertion.
  private(set) var dictionaries: [[(key: PickleValue, value: PickleValue)]] = []
  private(set) var storages: [PickledStorage] = []
  private(set) var tensors: [PickledTensor] = []
  /// The value that the pickle describes.
  private(set) var root: PickleValue = .none

  private static let highestRank = 16
  private let path: String
  private let bytes: UnsafeRawBufferPointer
  private var position = 0
  private var stack: [PickleValue] = []
  private var memo: [Int: PickleValue] = [:]
  private var copied = 0

  /// - Parameters:
  ///   - bytes: the pickle; only read during the call.
  ///   - path: for messages.
  init(_ bytes: UnsafeRawBufferPointer, path: String) throws {
    self.bytes = bytes
    self.path = path
    while try step() {}
    root = try pop()
    stack = []
    memo = [:]
  }

  func fault(_ reason: String) -> CheckpointError {
    CheckpointError(.badData, "\(path): its pickle cannot be read safely: \(reason).")
  }

  // MARK: Reading

  private mutating func take(_ count: Int) throws -> UnsafeRawBufferPointer {
    guard count >= 0, count <= bytes.count - position else { throw fault("it ends early") }
    defer { position += count }
    return UnsafeRawBufferPointer(rebasing: bytes[position..<position + count])
  }

  private mutating func integer<Value: FixedWidthInteger & BitwiseCopyable>(
    _ type: Value.Type
  ) throws -> Int {
    let value = try take(MemoryLayout<Value>.size).loadUnaligned(as: type)
    guard let integer = Int(exactly: Value(littleEndian: value)) else { throw fault("a length is absurd") }
    return integer
  }

  private mutating func text(_ count: Int) throws -> String {
    guard let text = String(validating: try take(count), as: UTF8.self) else {
      throw fault("invalid UTF-8")
    }
    return text
  }

  private mutating func line() throws -> String {
    guard let end = bytes[position...].firstIndex(of: 0x0A) else { throw fault("it ends early") }
    let text = try text(end - position)
    position += 1
    return text
  }

  /// A little-endian two's complement number of any length up to 8 bytes.
  private mutating func long(_ count: Int) throws -> Int {
    guard (0...8).contains(count) else { throw fault("an integer of \(count) bytes") }
    var value: UInt64 = 0
    let digits = try take(count)
    for (index, digit) in digits.enumerated() { value |= UInt64(digit) << (8 * index) }
    if count > 0, count < 8, digits[count - 1] & 0x80 != 0 { value |= UInt64.max << (8 * count) }
    return Int(Int64(bitPattern: value))
  }

  // MARK: Stack

  private mutating func pop() throws -> PickleValue {
    guard let value = stack.popLast() else { throw fault("its stack is empty") }
    return value
  }

  private mutating func popToMark() throws -> [PickleValue] {
    guard let mark = stack.lastIndex(where: { if case .mark = $0 { true } else { false } }) else {
      throw fault("a mark is missing")
    }
    defer { stack.removeSubrange(mark...) }
    return Array(stack[(mark + 1)...])
  }

  private mutating func pushTuple(_ values: [PickleValue]) {
    tuples.append(values)
    stack.append(.tuple(tuples.count - 1))
  }

  private mutating func pushTuple(of count: Int) throws {
    guard stack.count >= count else { throw fault("its stack is empty") }
    let values = Array(stack.suffix(count))
    stack.removeLast(count)
    pushTuple(values)
  }

  private mutating func pushDictionary(_ pairs: [(key: PickleValue, value: PickleValue)] = []) {
    dictionaries.append(pairs)
    stack.append(.dictionary(dictionaries.count - 1))
  }

  private mutating func pushList() {
    lists.append([])
    stack.append(.list(lists.count - 1))
  }

  private mutating func recall(_ index: Int) throws {
    guard let value = memo[index] else { throw fault("it refers to what it did not store") }
    stack.append(value)
  }

  private mutating func remember(_ index: Int) throws {
    guard let value = stack.last else { throw fault("its stack is empty") }
    memo[index] = value
  }

  // MARK: Opcodes

  /// Runs one opcode; false at the end.
  private mutating func step() throws -> Bool {
    let code = try take(1)[0]
    switch code {
    case 0x80:  // PROTO
      let version = try integer(UInt8.self)
      guard (2...5).contains(version) else { throw fault("protocol \(version), expected 2 to 5") }
    case 0x95: _ = try take(8)  // FRAME
    case 0x2E: return false  // STOP
    case 0x28: stack.append(.mark)  // MARK
    case 0x30: _ = try pop()  // POP
    case 0x31: _ = try popToMark()  // POP_MARK
    case 0x68: try recall(integer(UInt8.self))  // BINGET
    case 0x6A: try recall(integer(UInt32.self))  // LONG_BINGET
    case 0x71: try remember(integer(UInt8.self))  // BINPUT
    case 0x72: try remember(integer(UInt32.self))  // LONG_BINPUT
    case 0x94: try remember(memo.count)  // MEMOIZE
    case 0x63: try pushGlobal(module: line(), name: line())  // GLOBAL
    case 0x93: try stackGlobal()  // STACK_GLOBAL
    case 0x52: try reduce()  // REDUCE
    case 0x62: try build()  // BUILD
    case 0x51: try persistent()  // BINPERSID
    default:
      if try !pushScalar(code), try !pushContainer(code) {
        throw fault("opcode 0x\(String(code, radix: 16)) at byte \(position - 1) is not one of a state_dict")
      }
    }
    return true
  }

  private mutating func pushScalar(_ code: UInt8) throws -> Bool {
    switch code {
    case 0x4E: stack.append(.none)  // NONE
    case 0x88: stack.append(.bool(true))  // NEWTRUE
    case 0x89: stack.append(.bool(false))  // NEWFALSE
    case 0x4B: stack.append(.int(try integer(UInt8.self)))  // BININT1
    case 0x4D: stack.append(.int(try integer(UInt16.self)))  // BININT2
    case 0x4A: stack.append(.int(try integer(Int32.self)))  // BININT
    case 0x8A: stack.append(.int(try long(integer(UInt8.self))))  // LONG1
    case 0x47:  // BINFLOAT, big endian
      let bits = try take(8).loadUnaligned(as: UInt64.self)
      stack.append(.double(Double(bitPattern: UInt64(bigEndian: bits))))
    case 0x8C: stack.append(.string(try text(integer(UInt8.self))))  // SHORT_BINUNICODE
    case 0x58: stack.append(.string(try text(integer(UInt32.self))))  // BINUNICODE
    case 0x8D: stack.append(.string(try text(integer(UInt64.self))))  // BINUNICODE8
    case 0x43, 0x55: try pushBytes(integer(UInt8.self))  // SHORT_BINBYTES, SHORT_BINSTRING
    case 0x42, 0x54: try pushBytes(integer(UInt32.self))  // BINBYTES, BINSTRING
    case 0x8E, 0x96: try pushBytes(integer(UInt64.self))  // BINBYTES8, BYTEARRAY8
    default: return false
    }
    return true
  }

  private mutating func pushBytes(_ count: Int) throws {
    _ = try take(count)
    stack.append(.bytes)
  }

  private mutating func pushContainer(_ code: UInt8) throws -> Bool {
    switch code {
    case 0x29: pushTuple([])  // EMPTY_TUPLE
    case 0x85: try pushTuple(of: 1)  // TUPLE1
    case 0x86: try pushTuple(of: 2)  // TUPLE2
    case 0x87: try pushTuple(of: 3)  // TUPLE3
    case 0x74: pushTuple(try popToMark())  // TUPLE
    case 0x5D, 0x8F: pushList()  // EMPTY_LIST, EMPTY_SET
    case 0x61: try append([pop()])  // APPEND
    case 0x65, 0x90: try append(popToMark())  // APPENDS, ADDITEMS
    case 0x7D: pushDictionary()  // EMPTY_DICT
    case 0x73:  // SETITEM
      let value = try pop()
      try setItems([pop(), value])
    case 0x75: try setItems(popToMark())  // SETITEMS
    default: return false
    }
    return true
  }

  private mutating func append(_ values: [PickleValue]) throws {
    guard case .list(let index) = stack.last else { throw fault("an element without a list") }
    lists[index] += values
  }

  private mutating func setItems(_ items: [PickleValue]) throws {
    guard case .dictionary(let index) = stack.last, items.count % 2 == 0 else {
      throw fault("an item without a dictionary")
    }
    for pair in stride(from: 0, to: items.count, by: 2) {
      dictionaries[index].append((items[pair], items[pair + 1]))
    }
  }

  // MARK: Globals

  private mutating func pushGlobal(module: String, name: String) throws {
    guard let global = PickleGlobal(module: module, name: name) else {
      throw CheckpointError(
        .badData,
        "\(path) names the Python object \(module.prefix(100)).\(name.prefix(100)), which no state_dict needs "
          + "and which this reader never runs. If you trust the file, save its tensors as safetensors.")
    }
    stack.append(.global(global))
  }

  private mutating func stackGlobal() throws {
    guard case .string(let name) = try pop(), case .string(let module) = try pop() else {
      throw fault("a global without a name")
    }
    try pushGlobal(module: module, name: name)
  }

  private mutating func reduce() throws {
    guard case .tuple(let index) = try pop(), case .global(let global) = try pop() else {
      throw fault("a call of something that is not a global")
    }
    let arguments = tuples[index]
    switch global {
    case .orderedDictionary: pushDictionary(arguments.isEmpty ? [] : try pairs(arguments))
    case .size:
      guard arguments.count == 1, case .tuple = arguments[0] else { throw fault("a torch.Size of no tuple") }
      stack.append(arguments[0])
    case .rebuildParameter:
      guard let first = arguments.first, case .tensor = first else {
        throw fault("a parameter without tensor")
      }
      stack.append(first)
    case .rebuildTensor: try rebuildTensor(arguments)
    case .storage: throw fault("a storage is called")
    }
  }

  private mutating func pairs(
    _ arguments: [PickleValue]
  ) throws -> [(key: PickleValue, value: PickleValue)] {
    guard arguments.count == 1, case .list(let list) = arguments[0] else {
      throw fault("an OrderedDict of no list")
    }
    // A list may be named many times in few bytes, so copies of it are counted.
    copied += lists[list].count
    guard copied <= bytes.count else { throw fault("the same list is used over and over") }
    return try lists[list].map { item in
      let pair: [PickleValue]
      switch item {
      case .list(let index): pair = lists[index]
      case .tuple(let index): pair = tuples[index]
      default: pair = []
      }
      guard pair.count == 2 else { throw fault("an OrderedDict of no pairs") }
      return (pair[0], pair[1])
    }
  }

  /// `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)`
  private mutating func rebuildTensor(_ arguments: [PickleValue]) throws {
    guard arguments.count >= 4, case .storage(let storage) = arguments[0],
      case .int(let offset) = arguments[1], let shape = lengths(arguments[2]),
      let strides = lengths(arguments[3]), shape.count == strides.count
    else { throw fault("a tensor with strange arguments") }
    tensors.append(PickledTensor(storage: storage, offset: offset, shape: shape, strides: strides))
    stack.append(.tensor(tensors.count - 1))
  }

  private func lengths(_ value: PickleValue) -> [Int]? {
    guard case .tuple(let index) = value, tuples[index].count <= Self.highestRank else { return nil }
    let numbers = tuples[index].compactMap { if case .int(let number) = $0 { number } else { Int?.none } }
    return numbers.count == tuples[index].count ? numbers : nil
  }

  /// `('storage', type, key, location, count)`
  private mutating func persistent() throws {
    guard case .tuple(let index) = try pop(), tuples[index].count == 5,
      case .string("storage") = tuples[index][0], case .global(.storage(let type)) = tuples[index][1],
      case .string(let key) = tuples[index][2], case .int(let count) = tuples[index][4]
    else { throw fault("a persistent value that is not a storage") }
    storages.append(PickledStorage(type: type, key: key, count: count))
    stack.append(.storage(storages.count - 1))
  }

  /// The state of an OrderedDict or a parameter is of no use here; of anything else it is refused.
  private mutating func build() throws {
    _ = try pop()
    switch stack.last {
    case .dictionary, .tensor: return
    default: throw fault("a state of something that is not a dictionary")
    }
  }
}
