import Checkpoints
import Foundation
import Layers
import Tensors
import Testing

@Suite("model folders")
struct FolderTests {
  private func make(_ folder: String, _ names: String...) throws {
    for name in names {
      try FileManager.default.createDirectory(atPath: "\(folder)/\(name)", withIntermediateDirectories: true)
    }
  }

  private func save(_ path: String, _ value: Float) throws {
    try SafeTensorsWriter.write([("x", Tensor([value], shape: [1]))], to: path)
  }

  private func value(_ component: ComponentFolder) throws -> Float {
    try component.checkpoint().tensor("x").item
  }

  @Test("finds the best weights that are there")
  func preference() throws {
    try withTemporaryFolder { folder in
      try write(
        #"{"unet": ["diffusers", "UNet3DConditionModel"], "vae": [null, null]}"#,
        to: "\(folder)/model_index.json")
      try make(folder, "unet", "text_encoder")
      let model = try DiffusersFolder(folder)
      #expect(model.className("unet") == "UNet3DConditionModel")
      #expect(model.className("vae") == nil)
      #expect(model.className("none") == nil)
      let unet = try model.component("unet")
      expectError(.notFound, "unet", "diffusion_pytorch_model.safetensors", "pytorch_model.bin") {
        _ = try unet.weightsPath()
      }
      try save("\(folder)/unet/diffusion_pytorch_model.fp16.safetensors", 1)
      #expect(try value(unet) == 1)
      try FileManager.default.copyItem(
        atPath: "\(fixtures)/state.bin", toPath: "\(folder)/unet/diffusion_pytorch_model.bin")
      #expect(try unet.checkpoint().names.contains("conv.weight"))
      try save("\(folder)/unet/diffusion_pytorch_model.safetensors", 2)
      #expect(try value(unet) == 2)
      let weights = try unet.weights(rename: { "renamed.\($0)" })
      #expect(try weights.root["renamed"]("x", [1]).item == 2)
      try weights.finish()
      try save("\(folder)/text_encoder/model.safetensors", 3)
      #expect(try value(model.component("text_encoder")) == 3)
    }
  }

  @Test("what is absent is named")
  func absent() throws {
    expectError(.notFound, "/none is not a folder") { _ = try DiffusersFolder("/none") }
    try withTemporaryFolder { folder in
      expectError(.notFound, "model_index.json", "unet, vae") { _ = try DiffusersFolder(folder) }
      try write(#"{"unet": ["diffusers", "X"]}"#, to: "\(folder)/model_index.json")
      let model = try DiffusersFolder(folder)
      expectError(.notFound, "unet does not exist", "lists it") { _ = try model.component("unet") }
      expectError(.notFound, "vae does not exist", "does not list it") { _ = try model.component("vae") }
      try make(folder, "unet")
      expectError(.notFound, "unet/config.json") { _ = try model.component("unet").configuration() }
      try write("{", to: "\(folder)/unet/config.json")
      expectError(.badData, "unet/config.json") { _ = try model.component("unet").configuration() }
    }
  }

  @Test("a Hugging Face cache: a snapshot of links to blobs without extensions")
  func cache() throws {
    try withTemporaryFolder { folder in
      try make(folder, "blobs", "refs", "snapshots/8227ddd/unet")
      let snapshot = "\(folder)/snapshots/8227ddd"
      func link(_ name: String, up: String) throws {
        try FileManager.default.createSymbolicLink(
          atPath: "\(snapshot)/\(name)", withDestinationPath: "\(up)/blobs/\(name.hash)")
      }
      let weights = "unet/diffusion_pytorch_model.fp16.safetensors"
      try write(#"{"unet": ["diffusers", "UNet3DConditionModel"]}"#, to: "\(folder)/blobs/\("model_index.json".hash)")
      try save("\(folder)/blobs/\(weights.hash)", 7)
      try link("model_index.json", up: "../..")
      try link(weights, up: "../../..")
      #expect(try value(try DiffusersFolder(snapshot).component("unet")) == 7)
      expectError(.notFound, "snapshots/<revision>") { _ = try DiffusersFolder(folder) }
    }
  }

  @Test("shards are one checkpoint")
  func shards() throws {
    try withTemporaryFolder { folder in
      try SafeTensorsWriter.write(
        [("a", Tensor(counting: [2])), ("b", Tensor(counting: [3], from: 5))], to: "\(folder)/1.safetensors")
      try SafeTensorsWriter.write([("c", Tensor(counting: [1], from: 9))], to: "\(folder)/2.safetensors")
      let index = "\(folder)/diffusion_pytorch_model.safetensors.index.json"
      try write(
        #"{"metadata": {}, "weight_map": {"a": "1.safetensors", "b": "1.safetensors", "c": "2.safetensors"}}"#,
        to: index)
      let source = try ComponentFolder(folder).checkpoint()
      #expect(source.names == ["a", "b", "c"])
      #expect(try source.tensor("b").toArray() == [5, 6, 7])
      #expect(try source.tensor("c").toArray() == [9])
      #expect(source.shape(of: "d") == nil)

      let wrong: [(String, String)] = [
        (#"{"weight_map": {"a": "2.safetensors", "c": "2.safetensors"}}"#, "does not hold it"),
        (#"{"weight_map": {"a": "../1.safetensors"}}"#, "expected a file name"),
        (#"{"weight_map": {"a": "/etc/passwd"}}"#, "expected a file name"),
        (#"{"weight_map": {"a": "diffusion_pytorch_model.safetensors.index.json"}}"#, "expected a file name"),
        (#"{"weight_map": {"a": 1}}"#, "expected a file name"),
        (#"{"weight_map": {}}"#, "weight_map"), (#"[]"#, "weight_map"),
      ]
      for (text, message) in wrong {
        try write(text, to: index)
        expectError(.badData, message) { _ = try openCheckpoint(index) }
      }
      try write(#"{"weight_map": {"a": "3.safetensors"}}"#, to: index)
      expectError(.notFound, "3.safetensors") { _ = try openCheckpoint(index) }
      try SafeTensorsWriter.write([("a", Tensor(counting: [2]))], to: "\(folder)/2.safetensors")
      try write(#"{"weight_map": {"b": "1.safetensors", "a": "2.safetensors"}}"#, to: index)
      expectError(.badData, "two shards hold a") { _ = try openCheckpoint(index) }
      // A key that the index forgot is still a key of the checkpoint.
      try write(#"{"weight_map": {"b": "1.safetensors"}}"#, to: index)
      #expect(try openCheckpoint(index).names == ["a", "b"])
    }
  }

  @Test("a model's identity does not depend on precision, notes or the order of keys")
  func identity() throws {
    try withTemporaryFolder { folder in
      func configuration(_ text: String) throws -> Configuration {
        try Configuration(JSON(parsing: Array(text.utf8), file: "x"), file: "x")
      }
      func source(_ shape: [Int], _ dtype: DType = .float32, _ name: String = "w") throws -> SafeTensors {
        let path = "\(folder)/\(name)-\(dtype)"
        try SafeTensorsWriter.write(
          [(name, Tensor(counting: shape)), ("p.position_ids", Tensor(counting: [2]))], dtype: dtype, to: path
        )
        return try SafeTensors(contentsOf: path)
      }
      let first = try configuration(#"{"a": 1, "b": [1.0, "x"], "_diffusers_version": "0.1"}"#)
      let same = try configuration(#"{"b": [1, "x"], "a": 1, "_diffusers_version": "0.2"}"#)
      let identity = modelIdentity(first, try source([2, 3]))
      #expect(identity.count == 64)
      #expect(modelIdentity(same, try source([2, 3], .float16)) == identity)
      #expect(modelIdentity(first, try source([3, 2])) != identity)
      #expect(modelIdentity(first, try source([2, 3], .float32, "v")) != identity)
      #expect(modelIdentity(try configuration(#"{"a": 2, "b": [1, "x"]}"#), try source([2, 3])) != identity)
    }
  }

  @Test("SHA-256 of known messages")
  func digest() {
    #expect(sha256([]) == "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855")
    #expect(sha256("abc".utf8) == "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad")
    let long = "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq"
    #expect(sha256(long.utf8) == "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1")
    let million = repeatElement(UInt8(ascii: "a"), count: 1_000_000)
    #expect(sha256(million) == "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0")
  }
}
