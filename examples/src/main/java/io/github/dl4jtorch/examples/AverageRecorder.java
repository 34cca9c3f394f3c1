package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.swa.AveragedModel;
import io.github.dl4jtorch.swa.AveragedScoreCalculator;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.deeplearning4j.earlystopping.scorecalc.DataSetLossCalculator;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/**
 * Follows a training and its average: notes the losses of both on the images held out after each
 * epoch, draws them, and tells how good both are. To be added after the listener that averages.
 */
final class AverageRecorder extends BaseTrainingListener {

  private final MultiLayerNetwork net;
  private final AveragedModel<MultiLayerNetwork> average;
  private final AveragedScoreCalculator<MultiLayerNetwork> averagedLoss;
  private final DataSetIterator heldOut;
  private final List<Double> rates = new ArrayList<>();
  private final List<Double> epochs = new ArrayList<>();
  private final List<Double> raw = new ArrayList<>();
  private final List<Double> averagedEpochs = new ArrayList<>();
  private final List<Double> averaged = new ArrayList<>();

  AverageRecorder(
      MultiLayerNetwork net,
      AveragedModel<MultiLayerNetwork> average,
      AveragedScoreCalculator<MultiLayerNetwork> averagedLoss,
      DataSetIterator heldOut) {
    this.net = net;
    this.average = average;
    this.averagedLoss = averagedLoss;
    this.heldOut = heldOut;
  }

  @Override
  public void onEpochStart(Model model) {
    rates.add(net.getLearningRate(0));
  }

  @Override
  public void onEpochEnd(Model model) {
    double epoch = net.getEpochCount() + 1;
    epochs.add(epoch);
    raw.add(loss(net));
    if (average.nAveraged() > 0) {
      averagedEpochs.add(epoch);
      averaged.add(averagedLoss.calculateScore(net));
    }
  }

  private double loss(MultiLayerNetwork scored) {
    return new DataSetLossCalculator(heldOut, true).calculateScore(scored);
  }

  /** Tells how good the network and its average are. */
  String results() {
    return result("raw", net) + result("averaged", average.network());
  }

  private String result(String name, MultiLayerNetwork scored) {
    return String.format(
        Locale.ROOT,
        "%-8s accuracy %.4f  loss %.4f%n",
        name,
        scored.evaluate(heldOut).accuracy(),
        loss(scored));
  }

  /** Draws the losses after each epoch over the learning rate. */
  void draw(String title, Path picture) throws IOException {
    Files.createDirectories(picture.toAbsolutePath().getParent());
    int start = epochs.indexOf(averagedEpochs.get(0));
    Line averagedLine = Line.through("averaged weights", averagedEpochs, averaged);
    new Panels(title, "epoch")
        .addFromZero(
            "held-out loss", List.of(Line.through("raw weights", epochs, raw), averagedLine))
        .add(
            "the same, enlarged",
            List.of(
                Line.through("raw weights", averagedEpochs, raw.subList(start, raw.size())),
                averagedLine))
        .addFromZero("learning rate", List.of(Line.of("learning rate", rates)))
        .write(picture);
  }
}
