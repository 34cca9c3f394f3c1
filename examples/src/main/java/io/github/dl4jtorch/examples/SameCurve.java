package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.TorchSchedule;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.handover.TorchWeights;
import io.github.dl4jtorch.schedules.OneCycleLR;
import io.github.dl4jtorch.schedules.Schedule;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.deeplearning4j.nn.multilayer.MultiLayerNetwork;
import org.nd4j.linalg.schedule.ScheduleType;
import org.nd4j.nativeblas.NativeOpsHolder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Repeats a training that PyTorch did, from PyTorch's initial weights over the same batches: a
 * small convolutional network on images of digits, SGD with Nesterov's momentum and weight decay,
 * and a {@link OneCycleLR} that drives learning rate and momentum. Draws both losses over each
 * other, and how far they are apart.
 */
@Command(
    name = "SameCurve",
    sortOptions = false,
    description = "Repeats a training of PyTorch, and draws both losses over each other.")
public final class SameCurve implements Callable<Integer> {

  @Option(
      names = "--output",
      defaultValue = "output/same-curve.png",
      description = "the picture (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private SameCurve() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new SameCurve().commandLine);
  }

  /** Trains, compares and draws. */
  @Override
  public Integer call() throws IOException {
    TorchRecording recording = TorchRecording.read();
    // Several threads would spend more time on matrices this small, most of it waiting.
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);

    Schedule schedule = recording.schedule();
    MultiLayerNetwork net =
        TorchRecording.network(
            new TorchSGD(TorchSchedule.lr(schedule, 0.1, ScheduleType.ITERATION))
                .withNesterovMomentum(
                    TorchSchedule.momentum(schedule, 0.9, ScheduleType.ITERATION)));
    TorchWeights.of(net).load(TorchRecording.file("initial.pt"));
    List<Double> ours = recording.train(net);
    List<Double> deviations = recording.deviations(ours);

    Files.createDirectories(output.toAbsolutePath().getParent());
    List<Double> middles =
        IntStream.range(0, ours.size()).mapToObj(iteration -> iteration + 0.5).toList();
    new Panels(
            "The same training in PyTorch and here",
            "iteration (" + recording.batches().size() + " an epoch)")
        .addFromZero(
            "loss",
            List.of(
                Line.through("here", middles, ours),
                Line.through("PyTorch", middles, recording.losses()).dots()))
        .addPowers(
            "relative deviation",
            1e-17,
            1e-10,
            List.of(Line.through("of our loss from PyTorch's", middles, deviations).dots()))
        .write(output);

    PrintWriter out = commandLine.getOut();
    out.printf(
        Locale.ROOT,
        "%s%n%d iterations, largest relative deviation from PyTorch's loss %.1e%n"
            + "of %d images held out %.2f %% right, in PyTorch %.2f %%%nWrote %s%n",
        recording.recipe(),
        ours.size(),
        Collections.max(deviations),
        recording.validation().numExamples(),
        100 * net.evaluate(DigitsData.batches(recording.validation(), 261)).accuracy(),
        100 * recording.accuracy(),
        output);
    out.flush();
    return 0;
  }
}
