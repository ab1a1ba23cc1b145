import Checkpoints
import Tensors

/// The corpus for a trainer elsewhere, such as `Plugin/Models/recipe` on a GPU: everything random is drawn here, only
/// the drawing of pictures is left to it.
///
/// Tensors, all float32; N clips of F frames:
/// - `tokens`, `plain_tokens` (N, L): the caption, empty where it was dropped; subject and place alone
/// - `sprite`, `place`, `backdrop`, `mirrored` (N), `tint` (N, 3), `poses` (N, F, 4: x, y, size, turn), `cameras`
///   (N, F, 3: x, y, zoom)
/// - `backdrops` (places · variants, S, S, 3) bytes as numbers, `sprites` (subjects, edge, edge, 4) premultiplied
/// - `code.mean` (192), `code.encoder` (C, 192), `code.decoder` (192, C)
/// - `rendered` (clips, F, size, size, 3): the first clips as they must come out
/// - `latents.<k>`, `example_tokens.<k>`: what step k of the video stage sees
struct CorpusFile {
  let corpus: Corpus
  let code: PatchCode
  let tokenizer: TokenizerFiles
  let frames: Int

  func write(
    to path: String, seed: UInt64, clips: Int, examples: [(latents: Tensor, tokens: [[Int]])]
  ) throws {
    let ids = tokenizer.ids()
    var columns: [String: [Float]] = [:]
    func append(_ name: String, _ values: [Float]) { columns[name, default: []] += values }
    var rendered: [Float] = []
    for index in 0..<clips {
      let (scene, caption) = corpus.draw(seed: seed, index: UInt64(index), frames: frames, captionDropout: 0.1)
      append("tokens", tokenizer.encode(caption, ids).map { Float($0) })
      append("plain_tokens", tokenizer.encode(scene.caption, ids).map { Float($0) })
      append("sprite", [Float(scene.subject)])
      append("place", [Float(scene.place.index)])
      append("backdrop", [Float(scene.backdrop)])
      append("mirrored", [scene.isMirrored ? 1 : 0])
      append("tint", (0..<3).map { scene.tint[$0] })
      append("poses", scene.poses.flatMap { [$0.x, $0.y, $0.size, $0.turn] })
      append("cameras", scene.cameras.flatMap { [$0.x, $0.y, $0.zoom] })
      if index < 4 { rendered += corpus.render(scene) }
    }
    var tensors: [(name: String, tensor: Tensor)] = []
    let inner: [String: [Int]] = [
      "tokens": [tokenizer.maximumLength], "plain_tokens": [tokenizer.maximumLength], "tint": [3],
      "poses": [frames, 4], "cameras": [frames, 3],
    ]
    for (name, values) in columns.sorted(by: { $0.key < $1.key }) {
      tensors.append((name, Tensor(values, shape: [clips] + (inner[name] ?? []))))
    }
    let edge = corpus.size
    tensors.append(("rendered", Tensor(rendered, shape: [min(clips, 4), frames, edge, edge, 3])))
    tensors += pictures()
    for (step, (latents, tokens)) in examples.enumerated() {
      tensors.append(("latents.\(step)", latents))
      let shape = [tokens.count, tokenizer.maximumLength]
      tensors.append(("example_tokens.\(step)", Tensor(tokens.joined().map { Float($0) }, shape: shape)))
    }
    try SafeTensorsWriter.write(tensors, metadata: ["seed": String(seed)], to: path)
  }

  private func pictures() -> [(name: String, tensor: Tensor)] {
    let backdrops = corpus.backdrops
    let count = backdrops.pixels.count / (backdrops.size * backdrops.size * 3)
    let atlas = corpus.atlas
    return [
      (
        "backdrops",
        Tensor(backdrops.pixels.map { Float($0) }, shape: [count, backdrops.size, backdrops.size, 3])
      ),
      ("sprites", Tensor(atlas.levels[0], shape: [atlas.names.count, atlas.size, atlas.size, 4])),
      ("code.mean", Tensor(code.mean, shape: [PatchCode.values])),
      ("code.encoder", Tensor(code.encoder, shape: [code.channels, PatchCode.values])),
      ("code.decoder", Tensor(code.decoder, shape: [PatchCode.values, code.channels])),
    ]
  }
}
