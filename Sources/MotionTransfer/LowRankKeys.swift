/// The ways in which the field names the tensors of low-rank additions.
public enum LowRankNaming: String, CaseIterable, Sendable {
  /// `unet.<path>.lora_A.weight`, as PEFT and diffusers write.
  case diffusers
  /// `lora_unet_<path with underscores>.lora_down.weight` and `.alpha`.
  case kohya
  /// `<path>.processor.to_q_lora.down.weight` with AnimateDiff's module names: MotionLoRA.
  case animatediff

  /// The names of a pair's down and up matrices, and of its alpha where there is one.
  func names(_ path: String) -> (down: String, up: String, alpha: String?) {
    let isText = ["text_model.", "encoder.layers."].contains { path.hasPrefix($0) }
    switch self {
    case .diffusers:
      let base = (isText ? "text_encoder." : "unet.") + path
      return (base + ".lora_A.weight", base + ".lora_B.weight", nil)
    case .kohya:
      let base = (isText ? "lora_te_" : "lora_unet_") + String(path.map { $0 == "." ? "_" : $0 })
      return (base + ".lora_down.weight", base + ".lora_up.weight", base + ".alpha")
    case .animatediff:
      let base = LowRankKey.animateDiff(path)
      return (base + "_lora.down.weight", base + "_lora.up.weight", nil)
    }
  }
}

/// What a key of a file of low-rank additions means.
struct LowRankKey {
  enum Role { case down, up, alpha, difference }

  /// The path of a `Linear` in diffusers' names; with underscores for dots where `isJoined`.
  let path: String
  let role: Role

  private static let ends: [(String, Role)] = [
    (".lora_A.weight", .down), (".lora_B.weight", .up), (".lora_A.default.weight", .down),
    (".lora_B.default.weight", .up), (".lora_down.weight", .down), (".lora_up.weight", .up),
    (".lora.down.weight", .down), (".lora.up.weight", .up), ("_lora.down.weight", .down), ("_lora.up.weight", .up),
    (".lora_linear_layer.down.weight", .down), (".lora_linear_layer.up.weight", .up),
    (".alpha", .alpha), (".diff", .difference),
  ]
  private static let beginnings = ["base_model.model.", "module.", "unet.", "lora_unet_", "text_encoder.", "lora_te_"]

  /// nil for any other key.
  init?(_ name: String) {
    guard let (end, role) = Self.ends.first(where: { name.hasSuffix($0.0) }) else { return nil }
    var path = String(name.dropLast(end.count))
    for beginning in Self.beginnings where path.hasPrefix(beginning) { path.removeFirst(beginning.count) }
    if end.hasPrefix("_lora") { path = Self.withoutProcessor(path) }
    self.path = Self.diffusers(path)
    self.role = role
  }

  /// `attn1.processor.to_q` -> `attn1.to_q`; `to_out` is the first of two modules.
  private static func withoutProcessor(_ path: String) -> String {
    let parts = path.split(separator: ".").filter { $0 != "processor" }
    return parts.joined(separator: ".") + (parts.last == "to_out" ? ".0" : "")
  }

  /// AnimateDiff's modules by diffusers' names.
  private static func diffusers(_ path: String) -> String {
    path.split(separator: ".").filter { $0 != "temporal_transformer" }.joined(separator: ".")
      .replacing("attention_blocks.0", with: "attn1").replacing("attention_blocks.1", with: "attn2")
  }

  /// diffusers' modules by AnimateDiff's names, up to `processor.to_q`.
  fileprivate static func animateDiff(_ path: String) -> String {
    var parts = path.split(separator: ".").map(String.init)
    if parts.count > 2, parts.suffix(2) == ["to_out", "0"] { parts.removeLast() }
    if let last = parts.popLast() { parts += ["processor", last] }
    if let modules = parts.firstIndex(of: "motion_modules"), modules + 1 < parts.count {
      parts.insert("temporal_transformer", at: modules + 2)
      parts = parts.map { ["attn1": "attention_blocks.0", "attn2": "attention_blocks.1"][$0] ?? $0 }
    }
    return parts.joined(separator: ".")
  }
}
