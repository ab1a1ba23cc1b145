// The functions of motiontransfer.h: each finds the Swift object, calls the engine and sorts what it throws.
// swift-format-ignore-file: AlwaysUseLowerCamelCase, AllPublicDeclarationsHaveDocumentation

public import CMotionTransfer
import Glibc
import MotionTransfer

private final class OptionsBox {
  var options = Options()
}

private func engine(_ pointer: OpaquePointer) -> MotionTransferEngine {
  Unmanaged<MotionTransferEngine>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

private func box(_ pointer: OpaquePointer) -> OptionsBox {
  Unmanaged<OptionsBox>.fromOpaque(UnsafeRawPointer(pointer)).takeUnretainedValue()
}

/// C callbacks, which the caller keeps valid and callable from any thread.
private struct Callbacks: @unchecked Sendable {
  let c: MotionTransferCallbacks

  static func job(_ callbacks: UnsafePointer<MotionTransferCallbacks>?) -> Job {
    guard let callbacks else { return Job() }
    let held = Callbacks(c: callbacks.pointee)
    return Job(
      isCancelled: { held.c.is_cancelled.map { $0(held.c.data) != 0 } ?? false },
      progress: { progress in
        held.c.progress?(
          held.c.data, progress.stage.rawValue, UInt32(clamping: progress.step), UInt32(clamping: progress.steps),
          progress.loss.map { Double($0) } ?? .nan)
      }, warning: { held.c.warning?(held.c.data, $0) })
  }
}

private func status(
  _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>?, _ body: () throws(MotionTransferError) -> Void
) -> MotionTransferStatus {
  do throws(MotionTransferError) {
    try body()
    return MOTIONTRANSFER_OK
  } catch let failure {
    error?.pointee = strdup(failure.message)
    switch failure.kind {
    case .settings: return MOTIONTRANSFER_SETTINGS
    case .badData, .mismatch, .unreadable: return MOTIONTRANSFER_BAD_DATA
    case .notFound: return MOTIONTRANSFER_NOT_FOUND
    case .failed: return MOTIONTRANSFER_FAILED
    case .noSpace, .unwritable: return MOTIONTRANSFER_UNWRITABLE
    case .cancelled: return MOTIONTRANSFER_CANCELLED
    }
  }
}

/// The clip's sizes, where `size` bytes hold it.
private func geometry(_ model: OpaquePointer, _ options: OpaquePointer, _ size: Int) throws(MotionTransferError)
  -> Geometry
{
  let geometry = try engine(model).geometry(box(options).options)
  let expected = geometry.numFrames * geometry.width * geometry.height * 3
  guard size == expected else {
    throw MotionTransferError(
      .settings,
      "found \(size) bytes, expected \(expected) for \(geometry.numFrames) frames of \(geometry.width)x\(geometry.height)"
    )
  }
  return geometry
}

@c @implementation
public func motiontransfer_model_open(
  _ folder: UnsafePointer<CChar>!, _ callbacks: UnsafePointer<MotionTransferCallbacks>!,
  _ model: UnsafeMutablePointer<OpaquePointer?>!, _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> MotionTransferStatus {
  status(error) { () throws(MotionTransferError) in
    let engine = try MotionTransferEngine(
      model: folder.map { String(cString: $0) }, job: Callbacks.job(callbacks))
    model.pointee = OpaquePointer(Unmanaged.passRetained(engine).toOpaque())
  }
}

@c @implementation
public func motiontransfer_model_close(_ model: OpaquePointer!) {
  if let model { Unmanaged<MotionTransferEngine>.fromOpaque(UnsafeRawPointer(model)).release() }
}

@c @implementation
public func motiontransfer_options_new() -> OpaquePointer! {
  OpaquePointer(Unmanaged.passRetained(OptionsBox()).toOpaque())
}

@c @implementation
public func motiontransfer_options_free(_ options: OpaquePointer!) {
  if let options { Unmanaged<OptionsBox>.fromOpaque(UnsafeRawPointer(options)).release() }
}

@c @implementation
public func motiontransfer_options_set(
  _ options: OpaquePointer!, _ name: UnsafePointer<CChar>!, _ value: UnsafePointer<CChar>!,
  _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> MotionTransferStatus {
  status(error) { () throws(MotionTransferError) in
    try box(options).options.set(String(cString: name), String(cString: value))
  }
}

@c @implementation
public func motiontransfer_geometry(
  _ model: OpaquePointer!, _ options: OpaquePointer!, _ frames: UnsafeMutablePointer<UInt32>!,
  _ width: UnsafeMutablePointer<UInt32>!, _ height: UnsafeMutablePointer<UInt32>!,
  _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> MotionTransferStatus {
  status(error) { () throws(MotionTransferError) in
    let geometry = try engine(model).geometry(box(options).options)
    frames.pointee = UInt32(geometry.numFrames)
    width.pointee = UInt32(geometry.width)
    height.pointee = UInt32(geometry.height)
  }
}

@c @implementation
public func motiontransfer_learn(
  _ model: OpaquePointer!, _ options: OpaquePointer!, _ frames: UnsafePointer<UInt8>!, _ size: Int,
  _ path: UnsafePointer<CChar>!, _ callbacks: UnsafePointer<MotionTransferCallbacks>!,
  _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> MotionTransferStatus {
  status(error) { () throws(MotionTransferError) in
    let geometry = try geometry(model, options, size)
    let clip = Clip(
      frames: geometry.numFrames, height: geometry.height, width: geometry.width,
      pixels: Array(UnsafeBufferPointer(start: frames, count: size)))
    let embedding = try engine(model).learn(clip, box(options).options, job: Callbacks.job(callbacks))
    try embedding.write(to: String(cString: path))
  }
}

@c @implementation
public func motiontransfer_generate(
  _ model: OpaquePointer!, _ options: OpaquePointer!, _ embedding: UnsafePointer<CChar>!,
  _ frames: UnsafeMutablePointer<UInt8>!, _ size: Int, _ callbacks: UnsafePointer<MotionTransferCallbacks>!,
  _ error: UnsafeMutablePointer<UnsafeMutablePointer<CChar>?>!
) -> MotionTransferStatus {
  status(error) { () throws(MotionTransferError) in
    _ = try geometry(model, options, size)
    var motion: MotionEmbedding?
    if let embedding { motion = try MotionEmbedding(contentsOf: String(cString: embedding)) }
    let clip = try engine(model).generate(
      box(options).options, embedding: motion, job: Callbacks.job(callbacks))
    _ = UnsafeMutableBufferPointer(start: frames, count: size).update(fromContentsOf: clip.pixels)
  }
}

@c @implementation
public func motiontransfer_free(_ text: UnsafeMutablePointer<CChar>!) {
  free(text)
}
