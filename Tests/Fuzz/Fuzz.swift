// One libFuzzer target for every reader of outside files. The environment variable FUZZ_READER chooses the reader:
// safetensors, torch, json, tokenizer or embedding. Tests/Fuzz/run.sh builds and runs it.
import Checkpoints
import Diffusion
import Glibc
import MotionTransfer
import Tensors

/// A folder in /dev/shm, in memory: the readers take names of files.
private struct MemoryFolder {
  let path: String

  init() {
    path = "/dev/shm/motiontransfer-fuzz-\(getpid())"
    mkdir(path, 0o700)
  }

  @discardableResult
  func write(_ name: String, _ bytes: UnsafeRawBufferPointer) -> String {
    let file = "\(path)/\(name)"
    let descriptor = open(file, O_WRONLY | O_CREAT | O_TRUNC, 0o600)
    if let base = bytes.baseAddress { Glibc.write(descriptor, base, bytes.count) }
    close(descriptor)
    return file
  }

  func write(_ name: String, _ text: String) {
    var text = text
    text.withUTF8 { _ = write(name, UnsafeRawBufferPointer($0)) }
  }
}

private let folder = MemoryFolder()
private let reader = getenv("FUZZ_READER").map { String(cString: $0) } ?? "safetensors"

/// libFuzzer's entry. Anything may be thrown; a trap, a hang or too much memory is a finding.
@c(LLVMFuzzerTestOneInput)
public func fuzzOne(_ data: UnsafePointer<UInt8>?, _ size: Int) -> CInt {
  let bytes = UnsafeRawBufferPointer(start: data, count: size)
  do {
    switch reader {
    case "safetensors":
      let tensors = try SafeTensors(contentsOf: folder.write("file", bytes))
      for name in tensors.names { _ = try tensors.tensor(name).widened() }
    case "torch":
      let tensors = try TorchCheckpoint(contentsOf: folder.write("file", bytes))
      for name in tensors.names { _ = try tensors.tensor(name).widened() }
    case "json":
      _ = try Configuration(contentsOf: folder.write("file", bytes))
    case "tokenizer": try readTokenizer(bytes)
    case "embedding":
      _ = try MotionEmbedding(contentsOf: folder.write("file", bytes))
    default: preconditionFailure("FUZZ_READER: found \(reader)")
    }
  } catch {
    // Readers refuse: that is what they are for.
  }
  return 0
}

/// The first byte chooses which of the tokenizer's files the rest is; the others are small and right.
private func readTokenizer(_ bytes: UnsafeRawBufferPointer) throws {
  guard let choice = bytes.first else { return }
  let rest = UnsafeRawBufferPointer(rebasing: bytes[1...])
  folder.write("vocab.json", "{\"a</w>\":0,\"b\":1,\"ab</w>\":2,\"<|startoftext|>\":3,\"<|endoftext|>\":4}")
  folder.write("merges.txt", "#version: 0.2\na b</w>\n")
  folder.write("special_tokens_map.json", "{\"pad_token\":\"!\"}")
  folder.write("tokenizer_config.json", "{}")
  let names = ["vocab.json", "merges.txt", "special_tokens_map.json", "tokenizer_config.json"]
  folder.write(names[Int(choice) % names.count], rest)
  _ = try CLIPTokenizer(folder: folder.path).encode("a b ab! é <|endoftext|>", maxLength: 77)
}
