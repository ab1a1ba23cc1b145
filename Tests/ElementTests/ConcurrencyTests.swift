// Several clips at once; one model for several elements.
import CGStreamer
import CGstCheck
import Foundation
import MotionTransfer
import Synchronization
import Testing

@testable import MotionTransferElement

/// A thread, and a way to know that it has ended.
enum Threads {
  static func start(_ body: @escaping @Sendable () -> Void) { Thread.detachNewThread(body) }
}

final class Ended: Sendable {
  private let semaphore = DispatchSemaphore(value: 0)
  func signal() { semaphore.signal() }
  func wait(seconds: Double) -> Bool { semaphore.wait(timeout: .now() + seconds) == .success }
}

extension ElementHarness {
  /// Pushes frames from another thread, whatever becomes of them.
  func pushElsewhere(_ indices: Range<Int>) -> Ended {
    let ended = Ended()
    Threads.start {
      for index in indices { self.push(index) }
      ended.signal()
    }
    return ended
  }
}

extension ElementSuite {
  @Suite struct Concurrency {
    @Test func clipsAreComputedTogetherAndComeInOrder() {
      let harness = ElementHarness(["prompt": "slow", "mode": "apply", "concurrency": "3", "seed": "2"])
      Echo.mostRunning.store(0, ordering: .relaxed)
      harness.pushFrames(0..<22)
      harness.push(gst_event_new_eos())
      #expect(Echo.mostRunning.load(ordering: .relaxed) == 3)
      let frames = harness.pullAll()
      #expect(frames.map(\.pts) == (0..<22).map { $0 * ElementHarness.frame })
      #expect(frames.map { $0.bytes[0] } == (0..<22).map { Echo.byte(seed: 2 + UInt64($0 / 4), frame: $0 % 4) })
      #expect(harness.pullEvents().last == GST_EVENT_EOS)
      #expect(harness.reports().filter { $0.name == "motiontransfer-clip" }.count == 6)
    }

    @Test func aSegmentComesAfterAllClipsBeforeIt() {
      let harness = ElementHarness(["prompt": "slow", "mode": "apply", "concurrency": "4"])
      harness.pushFrames(0..<12)
      var segment = GstSegment()
      gst_segment_init(&segment, GST_FORMAT_TIME)
      harness.push(gst_event_new_segment(&segment))
      #expect(harness.pullAll().count == 12)
    }

    @Test func aFlushEndsAllClips() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "concurrency": "3"])
      harness.pushFrames(0..<4)
      _ = harness.reports()
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "wait")
      harness.pushFrames(4..<12)
      let start = Date()
      harness.push(gst_event_new_flush_start())
      harness.push(gst_event_new_flush_stop(1))
      #expect(Date().timeIntervalSince(start) < 0.1)
      #expect(harness.reports().progress == ["START", "START", "CANCELED", "CANCELED"])
      #expect(Echo.running.load(ordering: .relaxed) == 0)
    }

    @Test func anErrorEndsAllClips() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "concurrency": "3"])
      harness.pushFrames(0..<4)
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "fail")
      for index in 4..<16 { harness.push(index) }
      gst_element_set_state(harness.element, GST_STATE_NULL)
      let reports = harness.reports()
      #expect(reports.errors.count == 1)
      let starts = reports.progress.count { $0 == "START" }
      #expect(reports.progress.count == 2 * starts)
      #expect(Echo.running.load(ordering: .relaxed) == 0)
    }

    @Test func laterClipsNeedAPromptToo() {
      let harness = ElementHarness(["prompt": "fox", "mode": "apply", "concurrency": "3"])
      harness.pushFrames(0..<4)
      gst_util_set_object_arg(GStreamer.object(harness.element), "prompt", "")
      for index in 4..<7 { harness.push(index) }
      #expect(harness.push(7) == GST_FLOW_ERROR)
      #expect(harness.reports().errors.map(\.name) == [error(GST_RESOURCE_ERROR_SETTINGS)])
    }

    @Test func elementsShareOneModelUntilTheLastStops() throws {
      let folder = ElementSuite.tinyModel
      let models = SharedModels()
      let found = Mutex<[ObjectIdentifier]>([])
      do {
        let engines = Mutex<[MotionTransferEngine]>([])
        DispatchQueue.concurrentPerform(iterations: 8) { index in
          // The same folder by other names, too.
          let name = index % 2 == 0 ? folder : folder + "/../tiny-zeroscope/"
          guard let engine = try? models.engine(ModelSource(folder: name), Job()) else { return }
          engines.withLock { $0.append(engine) }
          found.withLock { $0.append(ObjectIdentifier(engine)) }
        }
        #expect(models.count == 1)
      }
      let identifiers = found.withLock { $0 }
      #expect(identifiers.count == 8)
      #expect(Set(identifiers).count == 1)
      #expect(models.count == 0)
    }

    @Test func whoWaitsForAModelCanBeCancelledAndAFailureIsNotKept() throws {
      let models = SharedModels()
      for _ in 0..<2 {
        #expect(throws: MotionTransferError.self) { try models.engine(ModelSource(folder: "/nowhere"), Job()) }
      }
      #expect(models.count == 0)
    }
  }
}
