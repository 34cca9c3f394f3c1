package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.checkpoint.CheckpointWriter;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpoint;
import io.github.dl4jtorch.adapter.checkpoint.TrainingCheckpointListener;
import io.github.dl4jtorch.adapter.optim.TorchAdam;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Optional;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;

/** Stop and resume: a training that fails on its way ends, gone on with, as one that does not. */
public final class StopAndResume {

  private static final int EPOCHS = 8;
  private static final int BATCHES = 10;
  private static final Schedule ONE_CYCLE =
      OneCycleLR.builder(0.05).epochs(EPOCHS).stepsPerEpoch(BATCHES).build();

  private StopAndResume() {}

  /** Fails during a training, as a power cut would. */
  private static final class PowerCut extends BaseTrainingListener {
    private static final class Dark extends RuntimeException {
      private static final long serialVersionUID = 1L;
    }

    @Override
    public void iterationDone(Model model, int iteration, int epoch) {
      if (iteration + 1 == 46) {
        throw new Dark();
      }
    }
  }

  /** Trains to the end, from the newest checkpoint in the folder if there is one. */
  private static MultiLayerNetwork train(String name, Path folder, boolean isCut)
      throws IOException {
    DataSetIterator training = IrisData.batches(IrisData.load(1).train(), 12);
    Optional<TrainingCheckpoint> checkpoint = TrainingCheckpoint.latest(folder);
    MultiLayerNetwork net;
    LRScheduler run;
    CheckpointWriter writer;
    DataSetIterator next = training;
    if (checkpoint.isPresent()) {
      net = checkpoint.get().network(MultiLayerNetwork.class);
      run = checkpoint.get().run("one cycle");
      writer = checkpoint.get().writer();
      next = checkpoint.get().remaining(training);
    } else {
      net = SmallNetwork.with(new TorchAdam(0.001));
      run = ONE_CYCLE.attach(NetworkParamGroups.of(net));
      writer = CheckpointWriter.of(net).with("one cycle", run);
    }
    System.out.printf(
        "%s: starts with %d epochs and %d batches done%n",
        name, net.getEpochCount(), net.getIterationCount());
    net.addListeners(
        SchedulerListener.everyIteration(run),
        TrainingCheckpointListener.everyIteration(writer, folder).withInterval(4).keepLast(2));
    if (isCut) {
      net.addListeners(new PowerCut());
    }
    while (net.getEpochCount() < EPOCHS) {
      net.fit(next);
      next = training;
    }
    return net;
  }

  /**
   * Trains.
   *
   * @param args not used
   * @throws IOException if data or checkpoints cannot be read or written
   */
  public static void main(String[] args) throws IOException {
    MultiLayerNetwork undisturbed =
        train("undisturbed", Files.createTempDirectory("undisturbed"), false);
    Path folder = Files.createTempDirectory("checkpoints");
    try {
      train("with a power cut", folder, true);
    } catch (PowerCut.Dark dark) {
      System.out.println("with a power cut: stopped after batch 46");
    }
    MultiLayerNetwork resumed = train("resumed", folder, false);
    boolean isEqual =
        Arrays.equals(resumed.params().toFloatVector(), undisturbed.params().toFloatVector());
    System.out.println("parameters equal to the bit: " + isEqual);
  }
}
