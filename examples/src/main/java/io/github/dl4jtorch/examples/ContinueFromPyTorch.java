package io.github.dl4jtorch.examples;

import io.github.dl4jtorch.adapter.NetworkParamGroups;
import io.github.dl4jtorch.adapter.SchedulerListener;
import io.github.dl4jtorch.adapter.optim.TorchSGD;
import io.github.dl4jtorch.examples.Panels.Line;
import io.github.dl4jtorch.handover.HandoverReport;
import io.github.dl4jtorch.handover.TorchTraining;
import io.github.dl4jtorch.schedules.LRScheduler;
import io.github.dl4jtorch.schedules.OneCycleLR;
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
import org.nd4j.nativeblas.NativeOpsHolder;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/**
 * Goes on with a training that PyTorch began and stopped with {@code torch.save}: a small
 * convolutional network on images of digits, SGD with Nesterov's momentum, {@link OneCycleLR}.
 * Draws PyTorch's losses up to the stop, and ours beyond it over those of PyTorch's own
 * continuation.
 */
@Command(
    name = "ContinueFromPyTorch",
    sortOptions = false,
    description = "Goes on with a training of PyTorch, and draws both losses over each other.")
public final class ContinueFromPyTorch implements Callable<Integer> {

  @Option(
      names = "--output",
      defaultValue = "output/continue-from-pytorch.png",
      description = "the picture (default: ${DEFAULT-VALUE})")
  private Path output = Path.of("");

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "show this help")
  @SuppressWarnings("UnusedVariable") // Read by picocli.
  private boolean help;

  private final CommandLine commandLine = new CommandLine(this);

  private ContinueFromPyTorch() {}

  /**
   * Trains.
   *
   * @param args options; {@code --help} lists them
   */
  public static void main(String[] args) {
    OneLine.run(commandLine(), args);
  }

  static CommandLine commandLine() {
    return OneLine.reportFor(new ContinueFromPyTorch().commandLine);
  }

  /** Takes over, trains, compares and draws. */
  @Override
  public Integer call() throws IOException {
    TorchRecording recording = TorchRecording.read();
    // Several threads would spend more time on matrices this small, most of it waiting.
    NativeOpsHolder.getInstance().getDeviceNativeOps().setOmpNumThreads(1);

    MultiLayerNetwork net = TorchRecording.network(new TorchSGD(0.1).withNesterovMomentum(0.9));
    LRScheduler run = recording.schedule().attach(NetworkParamGroups.of(net));
    int batches = recording.batches().size();
    HandoverReport report =
        TorchTraining.of(net)
            .with(run)
            .batchesPerEpoch(batches)
            .load(TorchRecording.file("half.pt"));
    net.addListeners(SchedulerListener.everyIteration(run));

    int stop = net.getIterationCount();
    List<Double> ours = recording.train(net);

    Files.createDirectories(output.toAbsolutePath().getParent());
    List<Double> recorded = recording.losses();
    List<Double> middles =
        IntStream.range(0, recorded.size()).mapToObj(iteration -> iteration + 0.5).toList();
    new Panels(
            "A training that PyTorch began and DL4J ends",
            "iteration (" + batches + " an epoch)")
        .addFromZero(
            "loss",
            List.of(
                // The longest first: it says how far the axis goes.
                Line.through("PyTorch, to its own end", middles, recorded).dots(),
                Line.through(
                    "PyTorch until it was stopped",
                    middles.subList(0, stop),
                    recorded.subList(0, stop)),
                Line.through("here", middles.subList(stop, middles.size()), ours)))
        .write(output);

    PrintWriter out = commandLine.getOut();
    out.printf(
        Locale.ROOT,
        "%s%n%d iterations from number %d on, largest relative deviation from PyTorch's loss"
            + " %.1e%nWrote %s%n",
        report,
        ours.size(),
        stop,
        Collections.max(recording.deviations(ours)),
        output);
    out.flush();
    return 0;
  }
}
