package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParam;
import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.adapter.watch.LearningRateMonitor;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.MultiStepLR;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Logs each change of the learning rates, and writes those of all updates as CSV. */
public final class Monitor {

  private Monitor() {}

  /**
   * Trains.
   *
   * @param args the file to write; {@code output/rates.csv} if there is none
   * @throws IOException if the data cannot be read or the file cannot be written
   */
  public static void main(String[] args) throws IOException {
    // The other examples show no log.
    System.setProperty("org.slf4j.simpleLogger.log." + LearningRateMonitor.class.getName(), "info");
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    MultiLayerNetwork net = SmallNetwork.with(new TorchSGD(0.1).withNesterovMomentum(0.9));

    var output = NetworkParam.inLayers("output");
    NetworkParamGroups groups = NetworkParamGroups.of(net, output.negate(), output);
    groups.get(0).setLr(0.02);
    LRScheduler run = new MultiStepLR(List.of(10, 15), 0.1).attach(groups);
    LearningRateMonitor monitor = LearningRateMonitor.everyIteration(groups);
    net.addListeners(monitor, SchedulerListener.everyEpoch(run));
    net.fit(training, 20);

    Path file = Path.of(args.length > 0 ? args[0] : "output/rates.csv");
    Files.createDirectories(file.toAbsolutePath().getParent());
    monitor.writeCsv(file);
    System.out.println("Wrote " + file);
  }
}
