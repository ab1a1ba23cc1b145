/// The words of a clip.
enum Caption {
  static func article(_ noun: String) -> String { "aeiou".contains(noun.first ?? "x") ? "an" : "a" }

  /// "a frog jumping on grass", "the frog on grass", "on grass a frog jumping": half of the time without the motion.
  static func draw(_ scene: Scene, using generator: inout CorpusGenerator) -> String {
    let determiner = generator.chance(0.8) ? article(scene.subjectName) : "the"
    var words = [determiner, scene.subjectName]
    if !scene.phrases.isEmpty, generator.chance(0.5) { words.append(generator.pick(scene.phrases)) }
    let placeFirst = generator.chance(0.15)
    words.insert(scene.place.rawValue, at: placeFirst ? 0 : words.count)
    return words.joined(separator: " ")
  }

  /// Every word that a caption of these subjects can hold, sorted.
  static func words(subjects: [String]) -> [String] {
    let texts = ["a", "an", "the"] + subjects + Place.allCases.map(\.rawValue) + MotionKind.vocabulary
    return Set(texts.flatMap { $0.split(separator: " ").map(String.init) }).sorted()
  }
}
