package io.github.dl4jtorch.adapter.watch;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import io.github.dl4jtorch.adapter.internal.UpdaterBlocks;
import io.github.dl4jtorch.schedules.TrainingLength;
import java.io.Closeable;
import java.io.Console;
import java.io.PrintStream;
import java.math.BigDecimal;
import java.math.MathContext;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import java.util.function.DoubleSupplier;
import java.util.function.LongSupplier;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.optimize.api.BaseTrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.learning.config.IUpdater;

/**
 * Shows on one line of the terminal how far a training is: its epoch, the time that is left at the
 * pace so far, the learning rate of the last update, the loss of the last batch, and metrics of the
 * last epoch.
 *
 * <pre>{@code
 * TrainingLength length = TrainingLength.of("10ep", 500); // 500 batches an epoch
 * net.addListeners(
 *     ProgressLine.of(net, length)
 *         .withMetric("accuracy", () -> net.evaluate(validation).accuracy()));
 * net.fit(training, 10);
 * }</pre>
 *
 * <pre>
 * epoch  3/10 [==&gt;       ]  24%  1:23 left  lr 0.0312  loss 0.412  accuracy 0.871
 * </pre>
 *
 * <p>The line is drawn anew ten times a second at most, and is cut to 79 columns. Where the
 * standard output is no terminal but a file or a pipe, or the console of a development environment,
 * nothing is drawn over: a line goes to the standard error stream at the end of an epoch, if there
 * was none for ten seconds, and at the end of the training.
 *
 * <p>How far a training is goes by the network's count of iterations, so that one that was resumed
 * begins in its middle. With truncated backpropagation through time each segment is one. Where
 * parameters have several rates, the lowest and the highest are shown. In {@code fit(DataSet)},
 * where DL4J tells of no epochs, they are counted by their iterations; for its metrics the line is
 * given to the {@code EpochLoop} as well. Under ParallelWrapper the network itself is followed, not
 * the workers' copies.
 */
public final class ProgressLine extends BaseTrainingListener implements Closeable {

  private static final int BAR = 10;
  private static final int COLUMNS = 79;
  private static final long BETWEEN_DRAWINGS = TimeUnit.MILLISECONDS.toNanos(100);
  private static final long BETWEEN_LINES = TimeUnit.SECONDS.toNanos(10);

  private final LiveNetwork net;
  private final int total;
  // 0 if that is not known.
  private final int perEpoch;
  private final Map<String, DoubleSupplier> metrics;
  private final PrintStream out;
  private final boolean isTerminal;
  private final LongSupplier nanoTime;

  private @Nullable UpdaterBlocks blocks;
  private final List<IUpdater> updaters = new ArrayList<>();
  private double lowestLr = Double.NaN;
  private double highestLr = Double.NaN;
  private double loss = Double.NaN;
  private String measured = "";
  private int done;
  private boolean isInEpoch;
  private boolean isFinished;
  private boolean hasStarted;
  private long startedAt;
  // The first iteration is slower than the others, and is no measure of them.
  private int first;
  private long firstAt;
  private long shownAt;
  // Of the line that stands there and is to be drawn over, 0 if there is none.
  private int width;

  ProgressLine(
      LiveNetwork net,
      int total,
      int perEpoch,
      Map<String, DoubleSupplier> metrics,
      PrintStream out,
      boolean isTerminal,
      LongSupplier nanoTime) {
    this.net = net;
    this.total = total;
    this.perEpoch = perEpoch;
    this.metrics = metrics;
    this.out = out;
    this.isTerminal = isTerminal;
    this.nanoTime = nanoTime;
  }

  private static ProgressLine of(NeuralNetwork net, int total, int perEpoch) {
    boolean isTerminal = isTerminal();
    return new ProgressLine(
        LiveNetwork.of(net, "its progress is shown"),
        total,
        perEpoch,
        Map.of(),
        isTerminal ? System.out : System.err,
        isTerminal,
        System::nanoTime);
  }

  /** From JDK 22 on there may be a console without a terminal. */
  @SuppressWarnings("SystemConsoleNull") // Of those JDKs it is asked below.
  private static boolean isTerminal() {
    Console console = System.console();
    if (console == null) {
      return false;
    }
    try {
      return (boolean) Console.class.getMethod("isTerminal").invoke(console);
    } catch (ReflectiveOperationException olderJdk) {
      return true;
    }
  }

  /**
   * Makes a line that counts epochs.
   *
   * @param net the network, initialised
   * @param length the whole training, with what was made of it before it was resumed
   * @return the line, to be added to its listeners
   * @throws IllegalArgumentException if the training has more batches than an int can count
   * @throws IllegalStateException if the network is not initialised
   */
  public static ProgressLine of(NeuralNetwork net, TrainingLength length) {
    return of(net, length.batches(), length.batchesPerEpoch());
  }

  /**
   * Makes a line that counts iterations.
   *
   * @param net the network, initialised
   * @param iterations those of the whole training, with those that were made before it was resumed;
   *     {@code >= 1}
   * @return the line, to be added to its listeners
   * @throws IllegalArgumentException if the number of iterations is out of its range
   * @throws IllegalStateException if the network is not initialised
   */
  public static ProgressLine ofIterations(NeuralNetwork net, int iterations) {
    if (iterations < 1) {
      throw new IllegalArgumentException("iterations must be >= 1 but was " + iterations);
    }
    return of(net, iterations, 0);
  }

  /**
   * Returns a line that shows another number, which is asked for at the end of each epoch.
   *
   * @param name what stands before it
   * @param value gives the number
   * @return the line, to be added in place of this one
   * @throws IllegalArgumentException if there is a metric of that name
   */
  @CheckReturnValue
  public ProgressLine withMetric(String name, DoubleSupplier value) {
    Map<String, DoubleSupplier> more = new LinkedHashMap<>(metrics);
    if (more.put(name, value) != null) {
      throw new IllegalArgumentException("name must not be given twice but was " + name);
    }
    return new ProgressLine(net, total, perEpoch, more, out, isTerminal, nanoTime);
  }

  /**
   * Takes notice of an epoch.
   *
   * @param model the network
   */
  @Override
  public synchronized void onEpochStart(Model model) {
    if (model == net.model()) {
      isInEpoch = true;
      start();
    }
  }

  private void start() {
    if (!hasStarted) {
      hasStarted = true;
      startedAt = nanoTime.getAsLong();
      shownAt = startedAt;
    }
  }

  /**
   * Reads the rates of the update that follows.
   *
   * @param model the network
   */
  @Override
  public synchronized void onGradientCalculation(Model model) {
    if (model != net.model() || isFinished) {
      return;
    }
    start();
    if (blocks == null || !blocks.areCurrent()) {
      scan();
    }
    lowestLr = Double.NaN;
    highestLr = Double.NaN;
    for (int i = 0; i < updaters.size(); i++) {
      double lr = updaters.get(i).getLearningRate(net.iterationCount(), net.epochCount());
      lowestLr = i == 0 ? lr : Math.min(lowestLr, lr);
      highestLr = i == 0 ? lr : Math.max(highestLr, lr);
    }
  }

  /** Finds the updaters at work anew: each is that of its block's first parameter. */
  private void scan() {
    UpdaterBlocks present = new UpdaterBlocks(net.model());
    updaters.clear();
    int block = -1;
    for (UpdaterBlocks.Param param : present.params()) {
      if (param.block() != block && param.hasRate()) {
        updaters.add(param.updater());
      }
      block = param.block();
    }
    blocks = present;
  }

  /**
   * Shows the progress, if it is time to.
   *
   * @param model the network
   * @param iteration the network's count of iterations, from 0
   * @param epoch the network's count of epochs, from 0
   */
  @Override
  public synchronized void iterationDone(Model model, int iteration, int epoch) {
    if (model != net.model() || isFinished) {
      return;
    }
    loss = model.score();
    done = iteration + 1;
    if (first == 0) {
      first = done;
      firstAt = nanoTime.getAsLong();
    }
    boolean isEpochEnd = perEpoch > 0 && done % perEpoch == 0;
    if (!isInEpoch) {
      show(isEpochEnd);
    } else if (isTerminal) {
      draw();
    }
  }

  /**
   * Asks for the metrics and shows the progress.
   *
   * @param model the network
   */
  @Override
  public synchronized void onEpochEnd(Model model) {
    if (model != net.model() || isFinished) {
      return;
    }
    isInEpoch = false;
    StringBuilder numbers = new StringBuilder();
    metrics.forEach((name, value) -> numbers.append("  " + name + " " + text(value.getAsDouble())));
    measured = numbers.toString();
    show(true);
  }

  private void show(boolean isEpochEnd) {
    if (done >= total) {
      isFinished = true;
      end(line("in " + text(nanoTime.getAsLong() - startedAt)));
    } else if (isTerminal) {
      draw();
    } else if (isEpochEnd && isDue(BETWEEN_LINES)) {
      end(line(left()));
    }
  }

  private void draw() {
    if (width == 0 || isDue(BETWEEN_DRAWINGS)) {
      out.print("\r" + drawn(line(left())));
      out.flush();
      shownAt = nanoTime.getAsLong();
    }
  }

  private void end(String line) {
    out.println(isTerminal ? "\r" + drawn(line) : line);
    shownAt = nanoTime.getAsLong();
    width = 0;
  }

  private boolean isDue(long interval) {
    return nanoTime.getAsLong() - shownAt >= interval;
  }

  /** Returns as many whole numbers as fit into a terminal, and what covers the line before. */
  private String drawn(String line) {
    String cut =
        line.length() > COLUMNS ? line.substring(0, line.lastIndexOf("  ", COLUMNS)) : line;
    String drawn = cut + " ".repeat(Math.max(0, width - cut.length()));
    width = cut.length();
    return drawn;
  }

  private String line(String time) {
    int filled = (int) ((long) BAR * Math.min(done, total) / total);
    String bar = filled == BAR ? "=".repeat(BAR) : "=".repeat(filled) + ">";
    return String.format(
        Locale.ROOT,
        "%s [%-" + BAR + "s] %3d%%  %s%s  loss %s%s",
        count(),
        bar,
        100L * Math.min(done, total) / total,
        time,
        updaters.isEmpty() ? "" : "  lr " + lr(),
        text(loss),
        measured);
  }

  private String count() {
    if (perEpoch == 0) {
      return of("iteration ", done, total);
    }
    return of("epoch ", (done - 1) / perEpoch + 1, (total - 1) / perEpoch + 1);
  }

  private static String of(String what, int count, int all) {
    String last = String.valueOf(all);
    return String.format(Locale.ROOT, "%s%" + last.length() + "d/%s", what, count, last);
  }

  private String lr() {
    return lowestLr == highestLr ? text(highestLr) : text(lowestLr) + ".." + text(highestLr);
  }

  private String left() {
    if (done == first) {
      return "-:-- left";
    }
    double each = (double) (nanoTime.getAsLong() - firstAt) / (done - first);
    return text((long) (each * (total - done))) + " left";
  }

  private static String text(long nanos) {
    long seconds = Math.round(nanos / 1e9);
    return seconds < 3600
        ? String.format(Locale.ROOT, "%d:%02d", seconds / 60, seconds % 60)
        : String.format(
            Locale.ROOT, "%d:%02d:%02d", seconds / 3600, seconds / 60 % 60, seconds % 60);
  }

  /** Returns three digits of a number. */
  private static String text(double value) {
    double size = Math.abs(value);
    if (!Double.isFinite(value) || (size != 0 && (size < 1e-3 || size >= 1e6))) {
      return String.format(Locale.ROOT, "%.2e", value);
    }
    return new BigDecimal(value).round(new MathContext(3)).stripTrailingZeros().toPlainString();
  }

  /** Ends the line of a training that was stopped before its end, so that others may follow. */
  @Override
  public synchronized void close() {
    isFinished = true;
    if (width > 0) {
      out.println();
      width = 0;
    }
  }
}
