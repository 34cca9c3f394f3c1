package io.github.dl4jtorch.adapter;

import com.google.errorprone.annotations.CheckReturnValue;
import io.github.dl4jtorch.adapter.internal.LiveNetwork;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BooleanSupplier;
import org.deeplearning4j.nn.api.Model;
import org.deeplearning4j.nn.api.NeuralNetwork;
import org.deeplearning4j.nn.conf.BackpropType;
import org.deeplearning4j.nn.conf.ComputationGraphConfiguration;
import org.deeplearning4j.nn.conf.MultiLayerConfiguration;
import org.deeplearning4j.optimize.api.TrainingListener;
import org.jspecify.annotations.Nullable;
import org.nd4j.linalg.dataset.api.iterator.DataSetIterator;
import org.nd4j.linalg.dataset.api.iterator.MultiDataSetIterator;

/**
 * Looks at a network or its configuration before it is trained, and says what would go wrong
 * without an error: schedules that are longer or shorter than the training, a momentum that nobody
 * cycles, a weight decay that acts twice, and more, which {@code docs/doctor.md} lists. It changes
 * nothing.
 *
 * <pre>{@code
 * List<Finding> findings = Doctor.of(net).trainedOn(training, 10).examine();
 * findings.forEach(System.out::println);
 * }</pre>
 *
 * <p>A healthy training gets an empty list. What was found need not be wrong: whoever wants a rate
 * that rises may have it.
 */
public final class Doctor {

  private final ConfiguredUpdaters updaters;
  private final int iteration;
  private final int epoch;
  private final boolean isTruncated;
  private final List<TrainingListener> listeners;
  private final @Nullable TrainingLength length;

  private Doctor(
      ConfiguredUpdaters updaters,
      int iteration,
      int epoch,
      boolean isTruncated,
      List<TrainingListener> listeners,
      @Nullable TrainingLength length) {
    this.updaters = updaters;
    this.iteration = iteration;
    this.epoch = epoch;
    this.isTruncated = isTruncated;
    this.listeners = listeners;
    this.length = length;
  }

  /**
   * Takes a network, with its counts and listeners.
   *
   * @param net the network, initialised
   * @return a doctor for it
   * @throws IllegalStateException if the network is not initialised
   */
  public static Doctor of(NeuralNetwork net) {
    LiveNetwork live = LiveNetwork.of(net, "it is examined");
    Model model = live.model();
    return new Doctor(
        ConfiguredUpdaters.of(model),
        live.iterationCount(),
        live.epochCount(),
        live.isTruncated(),
        List.copyOf(live.listeners()),
        null);
  }

  /**
   * Takes a configuration.
   *
   * @param configuration the configuration
   * @return a doctor for it
   */
  public static Doctor of(MultiLayerConfiguration configuration) {
    return new Doctor(
        new ConfiguredUpdaters(configuration),
        configuration.getIterationCount(),
        configuration.getEpochCount(),
        configuration.getBackpropType() == BackpropType.TruncatedBPTT,
        List.of(),
        null);
  }

  /**
   * Takes a configuration.
   *
   * @param configuration the configuration
   * @return a doctor for it
   */
  public static Doctor of(ComputationGraphConfiguration configuration) {
    return new Doctor(
        new ConfiguredUpdaters(configuration),
        configuration.getIterationCount(),
        configuration.getEpochCount(),
        configuration.getBackpropType() == BackpropType.TruncatedBPTT,
        List.of(),
        null);
  }

  /**
   * Tells how long the training will be, so that schedules are compared with it.
   *
   * @param iterations how many iterations an epoch has, {@code > 0}
   * @param epochs how many epochs are to come, {@code > 0}
   * @return another doctor
   * @throws IllegalArgumentException if a number is out of its range
   */
  @CheckReturnValue
  public Doctor trainedFor(int iterations, int epochs) {
    if (iterations < 1) {
      throw new IllegalArgumentException("iterations must be > 0 but was " + iterations);
    }
    return trainedFor(new TrainingLength(iterations, requireEpochs(epochs)));
  }

  /**
   * Tells what {@code fit} will be given, so that schedules are compared with it. The data is gone
   * through once to count the batches. With truncated backpropagation through time the number of
   * iterations is not known, so only schedules by epochs are compared.
   *
   * @param training the data, which is reset before and after
   * @param epochs how many epochs are to come, {@code > 0}
   * @return another doctor
   * @throws IllegalArgumentException if {@code epochs} is out of its range, or the data cannot be
   *     reset or is empty
   */
  @CheckReturnValue
  public Doctor trainedOn(DataSetIterator training, int epochs) {
    requireEpochs(epochs);
    return trainedFor(
        training.resetSupported(), training::reset, training::hasNext, training::next, epochs);
  }

  /**
   * Tells what {@code fit} will be given, so that schedules are compared with it. The data is gone
   * through once to count the batches. With truncated backpropagation through time the number of
   * iterations is not known, so only schedules by epochs are compared.
   *
   * @param training the data, which is reset before and after
   * @param epochs how many epochs are to come, {@code > 0}
   * @return another doctor
   * @throws IllegalArgumentException if {@code epochs} is out of its range, or the data cannot be
   *     reset or is empty
   */
  @CheckReturnValue
  public Doctor trainedOn(MultiDataSetIterator training, int epochs) {
    requireEpochs(epochs);
    return trainedFor(
        training.resetSupported(), training::reset, training::hasNext, training::next, epochs);
  }

  private static int requireEpochs(int epochs) {
    if (epochs < 1) {
      throw new IllegalArgumentException("epochs must be > 0 but was " + epochs);
    }
    return epochs;
  }

  private Doctor trainedFor(
      boolean canReset, Runnable reset, BooleanSupplier hasNext, Runnable next, int epochs) {
    if (!canReset) {
      throw new IllegalArgumentException(
          "training must be data that can be reset: use trainedFor(iterations, epochs)");
    }
    reset.run();
    int batches = 0;
    while (hasNext.getAsBoolean()) {
      next.run();
      batches++;
    }
    reset.run();
    if (batches == 0) {
      throw new IllegalArgumentException("training must have a batch but was empty");
    }
    return trainedFor(new TrainingLength(isTruncated ? 0 : batches, epochs));
  }

  private Doctor trainedFor(TrainingLength length) {
    return new Doctor(updaters, iteration, epoch, isTruncated, listeners, length);
  }

  /**
   * Examines.
   *
   * @return what was found, layers with the same trouble together; empty if nothing was
   */
  public List<Finding> examine() {
    List<Finding> all = new ArrayList<>();
    UpdaterCheckup checkup = new UpdaterCheckup(iteration, epoch, length, all::add);
    updaters.layers().forEach(checkup::examineDecay);
    updaters.places().forEach(checkup::examine);
    for (TrainingListener listener : listeners) {
      if (listener instanceof SchedulerListener scheduler) {
        ScheduleCheckup.of(scheduler, length, all::add).examine();
      }
    }
    return together(all);
  }

  private static List<Finding> together(List<Finding> all) {
    Map<Finding, Set<String>> places = new LinkedHashMap<>();
    for (Finding finding : all) {
      places
          .computeIfAbsent(
              new Finding("", finding.what(), finding.advice()), key -> new LinkedHashSet<>())
          .add(finding.where());
    }
    return places.entrySet().stream()
        .map(
            entry ->
                new Finding(
                    String.join(", ", entry.getValue()),
                    entry.getKey().what(),
                    entry.getKey().advice()))
        .toList();
  }
}
