package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.optim.TorchUpdater;
import io.github.dl4jtorch.examples.Panels.Line;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.function.ToDoubleFunction;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.conf.layers.BaseLayer;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;

/** Notes what each update of a training was made with. */
final class TrainingRecorder extends BaseTrainingListener {

  /** One update. */
  record Update(int iteration, int epoch, double lr, double momentum, double loss) {}

  private final List<Update> updates = new ArrayList<>();

  /** Called between backpropagation and the update, so these are the numbers it will use. */
  @Override
  public void onGradientCalculation(Model model) {
    MultiLayerNetwork net = (MultiLayerNetwork) model;
    int iteration = net.getIterationCount();
    int epoch = net.getEpochCount();
    TorchUpdater updater =
        (TorchUpdater) ((BaseLayer) net.getLayer(0).conf().getLayer()).getIUpdater();
    updates.add(
        new Update(
            iteration,
            epoch,
            updater.getLearningRate(iteration, epoch),
            updater.momentum(iteration, epoch),
            net.score()));
  }

  List<Double> values(ToDoubleFunction<Update> value) {
    return updates.stream().mapToDouble(value).boxed().toList();
  }

  /** Returns the mean loss of an epoch's batches. */
  double meanLoss(int epoch) {
    return updates.stream()
        .filter(update -> update.epoch == epoch)
        .mapToDouble(Update::loss)
        .average()
        .orElse(Double.NaN);
  }

  boolean cyclesMomentum() {
    return values(Update::momentum).stream().distinct().count() > 1;
  }

  void writeCsv(Path file) throws IOException {
    List<String> lines = new ArrayList<>();
    lines.add("iteration,epoch,lr,momentum,loss");
    for (Update update : updates) {
      lines.add(
          update.iteration
              + ","
              + update.epoch
              + ","
              + update.lr
              + ","
              + update.momentum
              + ","
              + update.loss);
    }
    Files.write(file, lines);
  }

  /** Draws rate, momentum and loss; a momentum that stays is left out. */
  void writeChart(String title, int batches, Path file) throws IOException {
    Panels panels = new Panels(title, "iteration (" + batches + " an epoch)");
    panels.addFromZero("learning rate", List.of(Line.of("learning rate", values(Update::lr))));
    if (cyclesMomentum()) {
      panels.add("momentum", List.of(Line.of("momentum", values(Update::momentum))));
    }
    panels.addFromZero(
        "loss",
        List.of(Line.of("of each batch", values(Update::loss)).faint(), meanOfEpochs(batches)));
    panels.write(file);
  }

  private Line meanOfEpochs(int batches) {
    List<Double> middles = new ArrayList<>();
    List<Double> means = new ArrayList<>();
    for (int epoch = 0; epoch < updates.size() / batches; epoch++) {
      middles.add((epoch + 0.5) * batches);
      means.add(meanLoss(epoch));
    }
    return Line.through("mean of an epoch", middles, means);
  }
}
