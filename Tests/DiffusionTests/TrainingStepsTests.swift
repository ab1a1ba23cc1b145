import Checkpoints
import Layers
import Tensors
import Testing

@testable import Diffusion

/// Ten steps of AdamW on all parameters of a UNet and its text encoder, against torch.
@Suite struct TrainingStepsTests {
  @Test(arguments: [false, true])
  func tenSteps(recomputed: Bool) throws {
    let golden = try Golden("training/training.safetensors")
    let settings = try Golden.configuration("training/training.json")
    let unetSource = try Golden("unet-gradients/diffusion_pytorch_model.safetensors").source
    let trainableUNet = TrainableGolden(unetSource)
    let trainableText = TrainableGolden(try Golden("clip-gelu/model.safetensors").source)
    let unet = try UNet3DConditionModel(
      trainableUNet.weights.root, UNetConfiguration(Golden.configuration("unet-gradients/config.json")))
    let encoder = try CLIPTextModel(
      trainableText.weights.root, CLIPTextConfiguration(Golden.configuration("clip-gelu/config.json")))
    let parameters = (trainableUNet.store.parameters + trainableText.store.parameters).map(\.tensor)
    let schedules = try Golden.configuration("ddim/ddim.json")
    let zeroScope = try #require(try schedules.nested("zeroscope")?.nested("config"))
    let scheduler = try DDIMScheduler(zeroScope)

    let latents = try golden.clips("latents")
    let ids = try golden.integers("ids")
    let length = try golden["ids"].shape[1]
    let rows = stride(from: 0, to: ids.count, by: length).map { Array(ids[$0..<$0 + length]) }
    let timesteps = try golden.integers("timesteps")
    let noises = try golden["noise"]
    let context = Context(recomputesActivations: recomputed)

    func loss(_ step: Int) throws -> Tensor {
      let noise = noises.sliced(axis: 0, step..<step + 1).reshaped(Array(noises.shape.dropFirst()))
        .permuted([0, 2, 3, 4, 1])
      let steps = Array(timesteps[2 * step..<2 * step + 2])
      let noisy = scheduler.addNoise(latents, noise, timesteps: steps)
      let text = TextContext(try encoder(rows, context))
      return try unet(noisy, timesteps: steps, text: text, context).meanSquaredError(noise)
    }
    var optimizer = AdamW(
      learningRate: try settings.double("learning_rate"), epsilon: try settings.double("epsilon"),
      weightDecay: try settings.double("weight_decay"))
    for (step, expected) in try golden["losses"].toArray().enumerated() {
      let loss = try loss(step)
      #expect(abs(loss.item - expected) < 1e-3 * expected, "step \(step)")
      optimizer.step(parameters, try gradients(of: loss, for: parameters))
    }
    let final = try golden["final_loss"].item
    #expect(try abs(loss(9).item - final) < 1e-3 * final)
  }
}
